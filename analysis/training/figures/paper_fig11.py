"""Figure 11 of arXiv 2602.09639: a blind network trained on a random mixture, k = 2, for d large and d = 2."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from analysis.training.figures.paper_fig3 import runs_figure

CAPTION = (
    "A blind network trained on a random mixture, k = 2, tracks the implicit schedule for d large and not for d = "
    "2 (figure 11 of the paper; claims T1, T1b, T1c). Locally linear network of the shorter recipe (T1d). Outputs "
    "over data; sigma_hat of single samples against the step; mean log ratio to the schedule with 95 % intervals."
)
ALT = "Columns for large d and d = 2: outputs cover the mixture and estimates lie on the schedule left, and not right."


def draw(tables: Mapping) -> Figure | None:
    """Outputs, noise estimates of single samples with both readings of the step size, and mean tracking error."""
    return runs_figure(tables, "figure11")
