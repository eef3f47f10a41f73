"""Exponents of the price of blindness and of the steps, law by law, beside the prediction and the paper's bound."""

from __future__ import annotations

import pandas
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import COLORS, ROLES, new_figure, panel_label

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
    ("price of blindness", "ambient", "price of blindness in $d$", -1.0, -1.0),
    ("price of blindness", "dim", "price of blindness in $k$", 1.0, 2.0),
    ("certificate's steps", "dim", "certified steps in $k$", 1.0, 2.0),
    ("certificate's steps", "inverse_eps", "certified steps in 1/nats", 1.0, 1.0),
    ("measured steps", "dim", "measured steps in $k$", None, 2.0),
    ("measured steps", "inverse_error", "measured steps in 1/error", 1.0, 2.0),
)


def draw(tables: dict[str, pandas.DataFrame]) -> Figure | None:
    """None unless at least two laws have exponents."""
    fits = tables.get("scaling_fits")
    if fits is None:
        return None
    shown = [fits[(fits["quantity"] == quantity) & (fits["against"] == against)] for quantity, against, *_ in _PANELS]
    laws = [law for law in dict.fromkeys(fits["law"]) if any((rows["law"] == law).any() for rows in shown)]
    if len(laws) < 2:
        return None
    height = 0.55 + 0.115 * len(laws)
    figure, axes = new_figure(2, 3, width="double", row_height=height, sharey=True)
    for letter, axis, (_, _, title, prediction, bound), rows in zip("abcdef", axes.flat, _PANELS, shown):
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
        axis.xaxis.set_major_locator(MaxNLocator(4))
        panel_label(axis, letter)
    for axis in axes[1]:
        axis.set_xlabel("exponent")
    entries = [
        Line2D(
            [],
            [],
            color=COLORS["blue"],
            marker="o",
            markersize=2.5,
            linewidth=0.8,
            label="fitted: mean over what is held, hull of the 95 % intervals",
        ),
        Line2D([], [], label="derived for the Gaussian law", **ROLES["theory"]),
        Line2D([], [], label="exponent of the paper's bound", **ROLES["bound"]),
    ]
    figure.legend(handles=entries, loc="outside lower center", ncols=3)
    return figure
