"""`python -m analysis.scaling`."""

from analysis.runs import main
from analysis.scaling import EXPERIMENT

raise SystemExit(main(EXPERIMENT))
