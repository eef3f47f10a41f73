"""Networks on images of known law, random and real ones: blind against conditional, samples, level estimators."""

from analysis.images import estimator, factorial, known_law, pair, patches, real, stranger, true_level
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    name="images",
    summary=__doc__,
    questions=(
        known_law.QUESTION,
        estimator.QUESTION,
        real.QUESTION,
        factorial.QUESTION,
        pair.QUESTION,
        true_level.QUESTION,
        patches.QUESTION,
        stranger.QUESTION,
    ),
)
