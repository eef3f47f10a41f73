"""`python -m analysis.benchmark`."""

from analysis.benchmark import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
