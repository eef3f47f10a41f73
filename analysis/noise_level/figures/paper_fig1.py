"""Figure 1 of arXiv 2602.09639: histograms of sigma_hat^2 for a two-component mixture, k = 2, at d = 2 and d = 500."""

from __future__ import annotations

from analysis.figures.style import headline, new_figure, only, panel_label
from analysis.noise_level.figures.histogram_panel import draw_histogram

CAPTION = (
    "A single sample tells its noise level in d = 500 and does not in d = 2 (figure 1 of the paper; claims N4, "
    "N5). Histograms of the maximum-likelihood estimate of sigma^2 over independent samples of a mixture, k = 2. "
    "Dotted: the true value; dashed: normal law of variance 2 sigma^4/(d - k); orange: the share of samples whose "
    "estimate is 0."
)
ALT = "Two histograms: broad with a spike at zero for d = 2, a narrow bell at the true value for d = 500."

_AMBIENT = (2, 500)


def draw(tables):
    found = only(tables, "histogram")
    if found is None:
        return None
    rows = found[0][found[0].figure == 1]
    if not set(_AMBIENT) <= set(rows.ambient):
        return None
    figure, axes = new_figure(2, 1, "single", row_height=1.9)
    for axis, d, letter in zip(axes[:, 0], _AMBIENT, "ab"):
        draw_histogram(axis, rows[rows.ambient == d])
        panel_label(axis, letter)
        axis.set_ylabel("density")
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    headline(figure, "A single sample tells its noise level in $d=500$ and does not in $d=2$")
    return figure
