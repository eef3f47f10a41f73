"""Timing: cost of blindness, of dimension and of neighbours' ways, as ratios within one run (never the same bytes)."""

from analysis.benchmark.timings import QUESTION
from analysis.runs import Experiment

EXPERIMENT = Experiment(name="benchmark", summary=__doc__, questions=(QUESTION,))
