"""`python -m analysis.noise_level`."""

from analysis.noise_level import EXPERIMENT
from analysis.runs import main

raise SystemExit(main(EXPERIMENT))
