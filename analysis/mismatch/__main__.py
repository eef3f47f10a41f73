"""`python -m analysis.mismatch`."""

from analysis.mismatch import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
