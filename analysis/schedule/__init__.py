"""The implicit noise schedule: ideal dynamics have law p_{sigma_t}, blind runs track it, and where not (figs. 2, 3)."""

from analysis.runs import Experiment
from analysis.schedule import (
    continuous_time,
    figure2,
    figure3_rate,
    fine_paths,
    free_tracking,
    ideal_marginals,
    implicit,
    path_law,
    tracking,
    tracking_bias,
)

EXPERIMENT = Experiment(
    "schedule",
    __doc__,
    questions=(
        ideal_marginals.QUESTION,
        continuous_time.QUESTION,
        implicit.QUESTION,
        free_tracking.QUESTION,
        path_law.QUESTION,
        fine_paths.QUESTION,
        tracking.QUESTION,
        tracking_bias.QUESTION,
        figure2.QUESTION,
        figure3_rate.QUESTION,
    ),
)
