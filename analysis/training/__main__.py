"""`python -m analysis.training`."""

from analysis.training import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
