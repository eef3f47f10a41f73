"""Why and when blind beats conditional: the sampler's coefficients against blindness; what a wrong level costs."""

from analysis.mismatch import (
    adaptive_level,
    argument,
    estimators,
    factorial,
    levels,
    perturbed,
    phase,
    printed_settings,
    stopping,
)
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    "mismatch",
    __doc__,
    questions=(
        argument.QUESTION,
        levels.QUESTION,
        factorial.QUESTION,
        phase.QUESTION,
        perturbed.QUESTION,
        adaptive_level.QUESTION,
        stopping.QUESTION,
        estimators.QUESTION,
        printed_settings.QUESTION,
    ),
)
