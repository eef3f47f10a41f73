"""`python -m analysis.theorems`."""

from analysis.theorems import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
