"""What one noisy sample says about its noise level: identities, information, concentration and its worst case."""

from analysis.noise_level import concentration, histograms, identities, images, information, residual, risk, worst_case
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    "noise_level",
    __doc__,
    questions=(
        risk.QUESTION,
        identities.QUESTION,
        information.QUESTION,
        concentration.QUESTION,
        worst_case.QUESTION,
        histograms.QUESTION,
        residual.QUESTION,
        images.QUESTION,
    ),
)
