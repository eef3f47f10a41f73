"""The neighbours' theorems on one exact bed: sharp, loose or contradicted, on which law; and what blindness costs."""

from analysis.neighbours import (
    accuracy,
    adaptivity,
    ambient,
    codes,
    coefficients,
    components,
    entropy,
    full_rank,
    grids,
    information,
    optimum,
    placing,
    predictions,
    reading_time,
    start_error,
    tangent,
    unions,
    work,
)
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    "neighbours",
    __doc__,
    questions=(
        full_rank.QUESTION,
        adaptivity.QUESTION,
        accuracy.QUESTION,
        coefficients.QUESTION,
        ambient.QUESTION,
        components.QUESTION,
        entropy.QUESTION,
        tangent.QUESTION,
        reading_time.QUESTION,
        predictions.QUESTION,
        start_error.QUESTION,
        information.QUESTION,
        grids.QUESTION,
        codes.QUESTION,
        unions.QUESTION,
        optimum.QUESTION,
        work.QUESTION,
        placing.QUESTION,
    ),
)
