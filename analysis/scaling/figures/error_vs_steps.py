"""Error against steps: certificate and paper bound; below, coupled runs, and the sliced distance over its floor."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.style import ROLES, new_figure, panel_label

__all__ = ["draw"]

CAPTION = (
    "The error falls as one over the number of steps, and measured errors lie below what the ledger certifies, "
    "far below the paper's bound (claim L2). Above: path KL (dots), the paper's bounds with constants 1 (dotted), "
    "exact KL of Gaussian runs (crosses). Below: coupled runs with 95 % intervals, which have fewer points the "
    "more steps they take, and the sliced distance with its floor."
)
ALT = (
    "Logarithmic panels, a column a law: certificates fall with slope minus one below parallel dotted bounds; "
    "measured errors fall alike."
)


def draw(tables: dict[str, pandas.DataFrame]) -> Figure | None:
    """None unless there are at least two step counts."""
    runs = tables.get("scaling")
    if runs is None or runs["steps"].nunique() < 2:
        return None
    runs, coupled = runs[runs["ambient"] == runs["ambient"].max()], tables.get("scaling_coupled")
    if coupled is not None:
        coupled = coupled[coupled["ambient"] == coupled["ambient"].max()]
    laws, dims = list(dict.fromkeys(runs["law"])), sorted(set(runs["dim"]))
    shades = pyplot.get_cmap("viridis")(np.linspace(0.0, 0.85, len(dims)))
    figure, axes = new_figure(2, len(laws), width="double", row_height=2.1, sharex=True, sharey="row")
    for column, law in enumerate(laws):
        top, low = axes[0, column], axes[1, column]
        for dim, color in zip(dims, shades):
            own = runs[(runs["law"] == law) & (runs["dim"] == dim)].sort_values("steps")
            top.plot(own["steps"], own["total"], "o-", color=color)
            top.plot(
                own["steps"],
                own["bound_init"] + own["bound_blind"] + own["bound_discretisation"],
                color=color,
                linestyle=":",
                linewidth=0.9,
            )
            low.plot(own["steps"], own["sliced_w2"], color=color, alpha=0.5, linewidth=0.8)
            low.plot(
                own["steps"],
                own["sliced_floor"],
                color=color,
                alpha=0.7,
                linestyle=ROLES["floor"]["linestyle"],
                linewidth=0.8,
            )
            if coupled is not None:
                fine = coupled[(coupled["law"] == law) & (coupled["dim"] == dim)].sort_values("N")
                low.errorbar(fine["N"], fine["error"], yerr=1.96 * fine["error_se"], fmt="o-", color=color)
        exact = runs[(runs["law"] == law) & runs["exact_kl"].notna()]
        for dim, color in zip(dims, shades):
            own = exact[exact["dim"] == dim].sort_values("steps")
            if len(own):
                top.plot(own["steps"], own["exact_kl"], "x", color=color, markersize=3)
        for axis in (top, low):
            axis.set(xscale="log", yscale="log")
            axis.set_xticks(sorted(set(runs["steps"])), [str(s) for s in sorted(set(runs["steps"]))])
            axis.minorticks_off()
        top.set_title(law)
        low.set_xlabel("steps $N$")
        _reference(top, runs, "total")
        _reference(low, runs[runs["law"] == law], "sliced_w2")
    axes[0, 0].set_ylabel("path KL (nats)")
    axes[1, 0].set_ylabel("error of $Y_N$")
    for label, axis in zip("abcdefghijklmnopqrst", axes.reshape(-1)):
        panel_label(axis, label)
    _legend(figure, dims, shades, runs)
    return figure


def _reference(axis, runs: pandas.DataFrame, column: str) -> None:
    """A line of slope -1 below the first points, for the eye."""
    steps = np.array(sorted(set(runs["steps"])), dtype=float)
    start = runs[runs["steps"] == steps[0]][column].min() * 0.6
    if not start > 0:
        return
    axis.plot(steps, start * steps[0] / steps, **ROLES["theory"])


def _legend(figure: Figure, dims: list[int], shades, runs: pandas.DataFrame) -> None:
    ambient = runs["ambient"].max()
    entries = [Line2D([], [], color=c, marker="o", label=f"$k={k}$") for k, c in zip(dims, shades)]
    entries += [
        Line2D([], [], color="grey", linestyle=":", label="bounds of the paper, constants 1"),
        Line2D([], [], color="grey", marker="x", linestyle="", label="exact KL of $Y_N$ (Gaussian)"),
        Line2D([], [], color="grey", marker="o", label="coupled runs: $E|P(Y_N)-P(Y_{fine})|$"),
        Line2D([], [], color="grey", alpha=0.5, linewidth=0.8, label="sliced $W_2(Y_N, p_{\\sigma_T})$"),
        Line2D([], [], label="its floor: two samples of one law", color="grey", linestyle=ROLES["floor"]["linestyle"]),
        Line2D([], [], label="slope $-1$", **ROLES["theory"]),
    ]
    power = int(round(np.log10(ambient)))
    title = f"$d=10^{{{power}}}$" if ambient == 10**power else f"$d={ambient}$"
    figure.legend(handles=entries, title=title, loc="outside lower center", ncols=min(len(entries), 5))
