"""Figure 3 of arXiv 2602.09639: a blind network trained on a Gaussian of intrinsic dimension 2, for d large and d = 2."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from analysis.training.figures.trained_panels import runs_figure


def draw(tables: Mapping) -> Figure | None:
    """Outputs, noise estimates of single samples with both readings of the step size, and mean tracking error."""
    return runs_figure(tables, "figure3")
