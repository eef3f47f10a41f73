"""`python -m analysis.theorems`."""

from analysis.runs import main
from analysis.theorems import EXPERIMENT

raise SystemExit(main(EXPERIMENT))
