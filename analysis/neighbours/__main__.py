"""`python -m analysis.neighbours`."""

from analysis.neighbours import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
