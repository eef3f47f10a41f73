"""Exponents of the price of blindness and of the steps, law by law, beside the prediction and the paper's bound."""

from __future__ import annotations

import math

import pandas
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import COLORS, ROLES, headline, new_figure, panel_label

__all__ = ["draw"]

CAPTION = (
    "On every law the price of blindness falls as 1/d and the steps grow no faster than the paper's bound allows "
    "(claim R1). Regression exponents with 95 % intervals, a row a law; black: predicted, grey: exponent of the "
    "paper's bound. Panels without data are left out."
)
ALT = (
    "Dots with intervals, a row a law and a panel a quantity: exponents near the prediction and at or below the "
    "paper's."
)

# quantity, against, title, prediction, exponent of the paper's bound (None: it has none)
_PANELS = (
    ("price of blindness", "ambient", "price of blindness\nin $d$", -1.0, -1.0),
    ("price of blindness", "dim", "price of blindness\nin $k$", 1.0, 2.0),
    ("certificate's steps", "dim", "certified steps\nin $k$", 1.0, 2.0),
    ("certificate's steps", "inverse_eps", "certified steps\nin 1/nats", 1.0, 1.0),
    ("measured steps", "dim", "measured steps\nin $k$", None, 2.0),
    ("measured steps", "inverse_error", "measured steps\nin 1/error", 1.0, 2.0),
)


def draw(tables: dict[str, pandas.DataFrame]) -> Figure | None:
    """None unless at least two laws have exponents."""
    fits = tables.get("scaling_fits")
    if fits is None:
        return None
    every = [fits[(fits["quantity"] == quantity) & (fits["against"] == against)] for quantity, against, *_ in _PANELS]
    panels = [panel for panel, rows in zip(_PANELS, every) if len(rows)]
    shown = [rows for rows in every if len(rows)]
    laws = [law for law in dict.fromkeys(fits["law"]) if any((rows["law"] == law).any() for rows in shown)]
    if len(laws) < 2:
        return None
    height = max(1.5, 0.65 + 0.115 * len(laws))
    figure, axes = new_figure(math.ceil(len(panels) / 2), 2, width="single", row_height=height, sharey=True)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for letter, axis, (_, _, title, prediction, bound), rows in zip("abcdef", axes.flat, panels, shown):
        for place, law in enumerate(laws):
            own = rows[rows["law"] == law]
            if own.empty:
                continue
            axis.plot([own["low"].min(), own["high"].max()], [place, place], color=COLORS["blue"], linewidth=0.8)
            axis.plot(own["exponent"].mean(), place, "o", color=COLORS["blue"], markersize=2.5)
        if prediction is not None:
            axis.axvline(prediction, zorder=0, **ROLES["theory"])
        axis.axvline(bound, zorder=0, **ROLES["bound"])
        axis.set_title(title)
        axis.set_yticks(range(len(laws)), [law.replace("_", " ") for law in laws])
        axis.set_ylim(len(laws) - 0.4, -0.6)
        axis.margins(x=0.08)
        axis.xaxis.set_major_locator(MaxNLocator(2))
        panel_label(axis, letter)
    for axis in axes[-1]:
        axis.set_xlabel("exponent")
    entries = [
        Line2D(
            [],
            [],
            color=COLORS["blue"],
            marker="o",
            markersize=2.5,
            linewidth=0.8,
            label="fitted: mean, hull of the 95 % intervals",
        ),
        Line2D([], [], label="derived for the Gaussian law", **ROLES["theory"]),
        Line2D([], [], label="exponent of the paper's bound", **ROLES["bound"]),
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=1)
    headline(figure, "The price falls as $1/d$ on every law, and steps grow no faster than the paper's bound")
    return figure
