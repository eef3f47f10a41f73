"""Why and when blind beats conditional: the sampler's coefficients against blindness; what a wrong level costs."""

from analysis.mismatch import (
    adaptive_level,
    argument,
    estimators,
    factorial,
    headline,
    levels,
    pairing,
    perturbed,
    phase,
    printed_settings,
    sign_law,
    stopping,
)
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    "mismatch",
    __doc__,
    questions=(
        headline.QUESTION,
        pairing.QUESTION,
        sign_law.QUESTION,
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
