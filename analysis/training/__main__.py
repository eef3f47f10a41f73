"""`python -m analysis.training`."""

from analysis.runs import main
from analysis.training import EXPERIMENT

raise SystemExit(main(EXPERIMENT))
