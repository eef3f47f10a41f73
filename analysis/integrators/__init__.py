"""Integrators measured: weak orders, the cost of a != 1/2, marginal errors, who is dimension-free, constant steps."""

from analysis.integrators import dimension, extra_term, grids, marginal_kl, weak_order
from analysis.runs import Experiment

EXPERIMENT = Experiment(
    "integrators",
    __doc__,
    questions=(
        weak_order.QUESTION,
        extra_term.QUESTION,
        marginal_kl.QUESTION,
        dimension.QUESTION,
        grids.QUESTION,
    ),
)
