"""Figure 11 of arXiv 2602.09639: a blind network trained on a random mixture, k = 2, for d large and d = 2."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from analysis.training.figures.paper_fig3 import runs_figure


def draw(tables: Mapping) -> Figure | None:
    """Outputs, noise estimates of single samples with both readings of the step size, and mean tracking error."""
    return runs_figure(tables, "figure11")
