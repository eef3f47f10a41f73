"""Figure 10 of arXiv 2602.09639: histograms of sigma_hat^2 at d = 10, 100, 1000, k = 1, and plug-in samples."""

from __future__ import annotations

from analysis.figures.style import COLORS, headline, new_figure, only, panel_label
from analysis.noise_level.figures.histogram_panel import draw_histogram

CAPTION = (
    "The estimate of sigma^2 concentrates as d grows, with variance 2 sigma^4/(d - k) (figure 10 of the paper; "
    "claim N4). Histograms over independent samples at d = 10, 100 and 1000, k = 1, beside the normal law of that "
    "variance (dashed) and the true value (dotted); d, e: samples of the blind maximum-likelihood denoiser over "
    "the data."
)
ALT = "Three histograms that narrow around the true level as d grows, and two panels of samples that cover the data."

_AMBIENT = (10, 100, 1000)


def draw(tables):
    found = only(tables, "histogram", "paper_samples")
    if found is None:
        return None
    histogram, samples = found
    histogram = histogram[histogram.figure == 10]
    if not set(_AMBIENT) <= set(histogram.ambient):
        return None
    groups = [part for _, part in samples.sort_values("ambient", ascending=False).groupby("law", sort=False)]
    columns = max(len(_AMBIENT), len(groups))
    figure, axes = new_figure(2, columns, "single", row_height=1.6)
    for axis, d in zip(axes[0], _AMBIENT):
        draw_histogram(axis, histogram[histogram.ambient == d])
        axis.set_title(f"$d={d}$")
    for axis, part in zip(axes[1], groups):
        _samples(axis, part)
    for axis in (*axes[0, len(_AMBIENT) :], *axes[1, len(groups) :]):
        axis.set_axis_off()
    for axis, letter in zip([*axes[0, : len(_AMBIENT)], *axes[1, : len(groups)]], "abcde"):
        panel_label(axis, letter)
    axes[0, 0].set_ylabel("density")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    more = axes[1, 0].get_legend_handles_labels()
    figure.legend(handles + more[0], labels + more[1], loc="outside lower center", ncols=2)
    headline(figure, "The estimate of $\\sigma^2$ concentrates as $d$ grows ($k=1$)")
    return figure


def _samples(axis, part) -> None:
    axis.scatter(part.true_x1, part.true_x2, s=5, color=COLORS["orange"], alpha=0.8, linewidths=0, label="data")
    axis.scatter(part.x1, part.x2, s=2, color=COLORS["blue"], alpha=0.8, linewidths=0, label="blind samples")
    axis.set_aspect("equal", adjustable="datalim")
    name = {"paper": "mixture"}.get(part.law.iloc[0], part.law.iloc[0])
    axis.set_title(f"{name}\n$d={part.ambient.iloc[0]}$")
    axis.set_xlabel("$x_1$")
    axis.set_ylabel("$x_2$")
