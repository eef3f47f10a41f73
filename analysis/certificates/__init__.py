"""Certificates: does `certify` clear correct denoisers, and does it name planted faults with their size?"""

from analysis.certificates import false_alarms, planted
from analysis.runs import Experiment

EXPERIMENT = Experiment(name="certificates", summary=__doc__, questions=(false_alarms.QUESTION, planted.QUESTION))
