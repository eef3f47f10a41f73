"""The neighbours' theorems on one exact bed: sharp, loose or contradicted, on which law; and what blindness costs."""

from analysis.neighbours import information, predictions, start_error
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    "neighbours", __doc__, questions=(predictions.QUESTION, start_error.QUESTION, information.QUESTION)
)
