"""Trained blind denoisers against the Bayes optimum: excess risk, the paper's figures 3 and 11, priors, finite data."""

from analysis.runs import Experiment
from analysis.training import excess_risk, memory, priors, stated, tracking

EXPERIMENT = Experiment(
    name="training",
    summary=__doc__,
    questions=(excess_risk.QUESTION, tracking.QUESTION, stated.QUESTION, priors.QUESTION, memory.QUESTION),
)
