"""Error against steps: certificate and paper bound; below, coupled runs, and the sliced distance over its floor."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.style import ROLES, headline, new_figure, panel_label

__all__ = ["draw"]

CAPTION = (
    "The error falls as one over the number of steps, and measured errors lie below what the ledger certifies, "
    "far below the paper's bound (claim L2). A row a law. Left: path KL (dots), the paper's bounds with constants 1 "
    "(dotted), exact KL of Gaussian runs (crosses). Right: coupled runs with 95 % intervals; sliced distance and its "
    "floor, both from 2000 points up to 128 steps and from 1024 and 512 at 256 and 512 steps, which lifts them there."
)
ALT = (
    "Logarithmic panels, a row a law: certificates fall with slope minus one below parallel dotted bounds; "
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
    figure, axes = new_figure(len(laws), 2, width="single", row_height=1.75, sharex=True, sharey="col")
    for row, law in enumerate(laws):
        top, low = axes[row]
        for dim, color in zip(dims, shades):
            own = runs[(runs["law"] == law) & (runs["dim"] == dim)].sort_values("steps")
            top.plot(own["steps"], own["total"], "o-", color=color, markersize=2.5)
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
                low.errorbar(
                    fine["N"], fine["error"], yerr=1.96 * fine["error_se"], fmt="o-", color=color, markersize=2.5
                )
        exact = runs[(runs["law"] == law) & runs["exact_kl"].notna()]
        for dim, color in zip(dims, shades):
            own = exact[exact["dim"] == dim].sort_values("steps")
            if len(own):
                top.plot(own["steps"], own["exact_kl"], "x", color=color, markersize=3)
        for axis in (top, low):
            axis.set(xscale="log", yscale="log")
            axis.set_xticks(*_ticks(runs["steps"]))
            axis.minorticks_off()
        top.set_title(law.replace("_", " "), loc="left")
        _reference(top, runs, "total")
        _reference(low, runs[runs["law"] == law], "sliced_w2", last=128)
        top.set_ylabel("path KL (nats)")
        low.set_ylabel("error of $Y_N$")
    for axis in axes[-1]:
        axis.set_xlabel("steps $N$")
    for label, axis in zip("abcdefghijklmnopqrst", axes.reshape(-1)):
        panel_label(axis, label)
    _legend(figure, dims, shades, runs)
    headline(figure, "Errors fall as $1/N$, far below the paper's bound", _points(runs))
    return figure


def _ticks(steps: pandas.Series) -> tuple[list[int], list[str]]:
    """Every step count; every second named where they are many."""
    counts = sorted(set(steps))
    return counts, [str(n) if len(counts) < 5 or i % 2 == 0 else "" for i, n in enumerate(counts)]


def _points(runs: pandas.DataFrame) -> str:
    """How many points the sliced distance has, where that falls with the steps."""
    points = runs.groupby("steps")["points"].min()
    most, least = int(points.max()), int(points.min())
    if most == least:
        return f"sliced distance: {most} points"
    return f"sliced distance: {most} points, {least} at $N={points.idxmin()}$"


def _reference(axis, runs: pandas.DataFrame, column: str, last: float = np.inf) -> None:
    """A line of slope -1 below the first points up to `last` steps, for the eye."""
    steps = np.array(sorted(set(runs["steps"])), dtype=float)
    steps = steps[steps <= max(last, steps[0])]
    start = runs[runs["steps"] == steps[0]][column].min() * 0.6
    if not start > 0:
        return
    axis.plot(steps, start * steps[0] / steps, **ROLES["theory"])


def _legend(figure: Figure, dims: list[int], shades, runs: pandas.DataFrame) -> None:
    ambient = runs["ambient"].max()
    entries = [Line2D([], [], color=c, marker="o", label=f"$k={k}$") for k, c in zip(dims, shades)]
    entries += [
        Line2D([], [], color="grey", linestyle=":", label="bounds of the paper, $C=1$"),
        Line2D([], [], color="grey", marker="x", linestyle="", label="exact KL of $Y_N$ (Gaussian)"),
        Line2D([], [], color="grey", marker="o", label="coupled: $E|P(Y_N)-P(Y_{fine})|$"),
        Line2D([], [], color="grey", alpha=0.5, linewidth=0.8, label="sliced $W_2(Y_N, p_{\\sigma_T})$"),
        Line2D([], [], label="its floor, two samples", color="grey", linestyle=ROLES["floor"]["linestyle"]),
        Line2D([], [], label="slope $-1$", **ROLES["theory"]),
    ]
    power = int(round(np.log10(ambient)))
    title = f"$d=10^{{{power}}}$" if ambient == 10**power else f"$d={ambient}$"
    figure.legend(handles=entries, title=title, loc="outside lower center", ncols=2)
