"""`python -m analysis.scaling`."""

from analysis.scaling import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
