"""Networks on images of known law, smooth random and real ones: blind against conditional, and level estimators."""

from analysis.images import estimator, known_law, real
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    name="images",
    summary=__doc__,
    questions=(known_law.QUESTION, estimator.QUESTION, real.QUESTION),
)
