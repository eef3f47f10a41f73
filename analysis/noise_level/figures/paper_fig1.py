"""Figure 1 of arXiv 2602.09639: histograms of sigma_hat^2 for a two-component mixture, k = 2, at d = 2 and d = 500."""

from __future__ import annotations

from analysis.figures.style import new_figure, only, panel_label
from analysis.noise_level.figures.histogram_panel import draw_histogram

_AMBIENT = (2, 500)


def draw(tables):
    found = only(tables, "histogram")
    if found is None:
        return None
    rows = found[0][found[0].figure == 1]
    if not set(_AMBIENT) <= set(rows.ambient):
        return None
    figure, axes = new_figure(1, 2, "double", row_height=2.4)
    for axis, d, letter in zip(axes[0], _AMBIENT, "ab"):
        draw_histogram(axis, rows[rows.ambient == d])
        panel_label(axis, letter)
    axes[0, 0].set_ylabel("density")
    figure.legend(*axes[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
