"""Sampling error and its certificate against step count and both dimensions: the polynomial-step verdict."""

from analysis.runs import Experiment
from analysis.scaling import (
    certified_steps,
    held_runs,
    measured_steps,
    price_of_steps,
    price_over_d,
    start_reading,
    true_error,
)

EXPERIMENT = Experiment(
    "scaling",
    __doc__,
    questions=(
        price_over_d.QUESTION,
        price_of_steps.QUESTION,
        held_runs.QUESTION,
        certified_steps.QUESTION,
        measured_steps.QUESTION,
        true_error.QUESTION,
        start_reading.QUESTION,
    ),
)
