"""`python -m analysis.images`."""

from analysis.images import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
