"""The sweep engine: cells, the store of finished ones, claims and their verdicts, the command line. Knows no
mathematics.

An experiment module declares an `Experiment` and ends with `raise SystemExit(main(EXPERIMENT))`; everything else is
here.
"""

from analysis.runs.arguments import (
    Argument,
    between,
    nonnegative_float,
    nonnegative_int,
    number,
    one_of,
    open_fraction,
    positive_float,
    positive_int,
    whole,
)
from analysis.runs.claims import Claim, Control, Measurement, Verdict, judge
from analysis.runs.command import main
from analysis.runs.every import every_cell
from analysis.runs.experiment import Cell, Experiment, Question

__all__ = [
    "Argument",
    "Cell",
    "Claim",
    "Control",
    "Experiment",
    "Measurement",
    "Question",
    "Verdict",
    "between",
    "every_cell",
    "judge",
    "main",
    "nonnegative_float",
    "nonnegative_int",
    "number",
    "one_of",
    "open_fraction",
    "positive_float",
    "positive_int",
    "whole",
]
