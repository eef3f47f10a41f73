"""`python -m analysis.laws`."""

from analysis.laws import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
