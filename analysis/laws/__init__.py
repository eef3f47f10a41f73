"""Every data law: a picture of it, what is known about it, and a table of checks that its answers must pass."""

from analysis.laws import gallery, self_checks
from analysis.runs import Experiment

EXPERIMENT = Experiment("laws", __doc__, questions=(gallery.QUESTION, self_checks.QUESTION))
