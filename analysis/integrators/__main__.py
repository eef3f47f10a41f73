"""`python -m analysis.integrators`."""

from analysis.integrators import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
