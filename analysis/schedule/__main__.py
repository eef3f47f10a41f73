"""`python -m analysis.schedule`."""

from analysis.runs import main
from analysis.schedule import EXPERIMENT

raise SystemExit(main(EXPERIMENT))
