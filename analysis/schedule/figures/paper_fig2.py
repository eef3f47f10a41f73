"""Figure 2 of arXiv 2602.09639: runs of the exact blind maximum-likelihood denoiser, k = 2, in d = 2 and d = 500."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.lines import Line2D

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, short_number

CAPTION = (
    "The blind maximum-likelihood sampler covers the data in d = 500 and misses their spread in d = 2 (figure 2 "
    "of the paper; claim S5). Runs with the exact denoiser, k = 2, a = 0: above, paths in the plane of the data "
    "from the noise (open circles) to the end (orange dots); below, outputs (blue) over the data (grey)."
)
ALT = (
    "Paths and outputs in the plane of the data: outputs cover the data for d = 500 and collapse onto curves for d = 2."
)

_DATA = {"color": COLORS["grey"], "alpha": 0.45, "linewidths": 0}


def draw(tables: Mapping):
    """Above: paths in the data's plane, from the noise (open) to the output (filled). Below: outputs over data."""
    found = only(tables, "figure2")
    if found is None:
        return None
    rows = found[0]
    rows = rows[rows.denoiser == "plug-in"]
    if (rows.row == "path").sum() == 0 or (rows.row == "point").sum() == 0:
        return None
    dims = sorted(rows.ambient.unique())
    figure, axes = new_figure(2, len(dims), width="single", row_height=1.8)
    for column, d in enumerate(dims):
        own = rows[rows.ambient == d]
        truth, out = own[own.row == "truth"], own[own.row == "point"]
        above, below = axes[0, column], axes[1, column]
        above.scatter(truth.y1, truth.y2, s=3, **_DATA)
        for _, path in own[own.row == "path"].groupby("index"):
            path = path.sort_values("step")
            above.plot(path.y1, path.y2, "-", color=COLORS["blue"], linewidth=0.7, alpha=0.8)
            above.plot(
                path.y1.iloc[0],
                path.y2.iloc[0],
                "o",
                color=COLORS["blue"],
                markerfacecolor="white",
                markersize=3,
                markeredgewidth=0.7,
            )
            above.plot(path.y1.iloc[-1], path.y2.iloc[-1], "o", color=COLORS["vermillion"], markersize=2.5)
        below.scatter(truth.y1, truth.y2, s=3, **_DATA)
        below.scatter(out.y1, out.y2, s=3, color=ROLES["blind"]["color"], linewidths=0, alpha=0.7)
        above.set_title(f"$d$ = {short_number(d)}: paths", size=7.5)
        below.set_title("samples", size=7.5)
        above.set(xlim=(-14, 14), ylim=(-10, 10), ylabel="$y_2$" if column == 0 else None)
        below.set(xlim=(-5, 5), ylim=(-3.5, 3.5), xlabel="$y_1$", ylabel="$y_2$" if column == 0 else None)
    figure.legend(handles=_key(), loc="outside lower center", ncols=3)
    headline(
        figure, "The blind maximum-likelihood sampler covers the data in large $d$ and misses their spread in $d=2$"
    )
    for axis, letter in zip(axes.ravel(), "abcd"):
        panel_label(axis, letter)
    return figure


def _key() -> list[Line2D]:
    """What each mark of the panels is."""
    grey, blue, orange = COLORS["grey"], COLORS["blue"], COLORS["vermillion"]
    return [
        Line2D([], [], linestyle="", color=grey, marker="o", markersize=2.5, label="data"),
        Line2D([], [], color=blue, linewidth=0.7, label="path of $Y_t$"),
        Line2D([], [], linestyle="", color=blue, marker="o", markerfacecolor="white", markersize=3, label="start"),
        Line2D([], [], linestyle="", color=orange, marker="o", markersize=2.5, label="end"),
        Line2D([], [], linestyle="", color=blue, marker="o", markersize=2.5, label=r"output $f(Y_N)$"),
    ]
