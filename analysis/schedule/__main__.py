"""`python -m analysis.schedule`."""

from analysis.schedule import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
