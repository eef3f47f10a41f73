"""The look of every figure: sizes in inches, fonts and a colour-blind-safe palette, fixed so that bytes do not vary."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from cycler import cycler
from matplotlib import pyplot, style
from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "PALETTE",
    "ROLES",
    "WIDTH",
    "headline",
    "mark",
    "new_figure",
    "only",
    "panel_label",
    "recipe",
    "short_number",
]

# widths of a column and of a page of a two-column paper, inches
WIDTH: Mapping[str, float] = {"single": 3.4, "double": 7.0}

# Okabe and Ito (2008), told apart under the common colour deficiencies; yellow is left out (too faint on white)
COLORS: Mapping[str, str] = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#7F7F7F",
}
PALETTE: Sequence[str] = tuple(
    COLORS[c] for c in ("blue", "vermillion", "green", "purple", "orange", "sky", "grey", "black")
)
_MARKERS = "osD^vP<X>*"

# what means the same thing looks the same in every figure
ROLES: Mapping[str, dict] = {
    "blind": {"color": COLORS["blue"]},
    "conditional": {"color": COLORS["vermillion"]},
    "plug-in": {"color": COLORS["green"]},
    "theory": {"color": COLORS["black"], "linestyle": "--", "linewidth": 1.0},
    "bound": {"color": COLORS["grey"], "linestyle": ":", "linewidth": 1.2},
    "floor": {"color": COLORS["grey"], "linestyle": "-.", "linewidth": 0.8},
}

_RC = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs on every machine
    "mathtext.fontset": "dejavusans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=PALETTE),
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "errorbar.capsize": 1.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.4,
    "image.cmap": "viridis",
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
}


def new_figure(
    rows: int = 1, cols: int = 1, width: str = "single", row_height: float | None = None, **subplots
) -> tuple[Figure, np.ndarray]:
    """(figure, axes (rows, cols)) in the shared style.

    The style is set globally: legends and labels made later need it too. The engine restores the settings after a
    figure.

    Args:
        rows, cols: panels.
        width: "single" (one column, 3.4 in) or "double" (the page, 7 in).
        row_height: inches a row; None gives panels about 3:4, and no row lower than 1.5 in.
        subplots: passed to matplotlib (sharex, width_ratios, ...).

    Raises:
        ValueError: an unknown width.
    """
    if width not in WIDTH:
        raise ValueError(f"width must be one of {', '.join(WIDTH)}, got {width!r}")
    style.use(_RC)
    height = max(0.78 * WIDTH[width] / cols, 1.5) if row_height is None else row_height
    figure, axes = pyplot.subplots(rows, cols, figsize=(WIDTH[width], rows * height), squeeze=False, **subplots)
    return figure, axes


def headline(figure: Figure, finding: str, line: str = "") -> None:
    """What the figure shows, above it, and below that one line of how it was made; wrapped to the figure's width."""
    letters = int(15.5 * figure.get_size_inches()[0])  # of DejaVu Sans at 8 pt, in one inch, with a little to spare
    text = "\n".join(w for part in (finding, line) if part for w in textwrap.wrap(part, letters))
    figure.suptitle(text, x=0.01, ha="left", size=8)


def recipe(rows) -> str:
    """Network and training of a table, in one line: architecture, width, steps, batch, rate; "or" between several."""
    said = []
    for column, form in (
        ("architecture", "{}"), ("width", "width {}"), ("channels", "{} channels"), ("filters", "{} filters"),
        ("steps", "{} steps"), ("batch", "batch {}"), ("lr", "rate {}"), ("prior", "prior {}"),
    ):  # fmt: skip
        values = sorted(rows[column].dropna().unique()) if column in rows else []
        if values:
            said.append(form.format(" or ".join(_said(column, value) for value in values)))
    return ", ".join(said)


def _said(column: str, value) -> str:
    try:
        number = float(value)
    except ValueError:
        return value.replace("_", " ")
    return rf"$\sigma^{{{number:g}}}$" if column == "prior" else f"{number:g}"


def panel_label(axis, letter: str) -> None:
    """A bold letter above the upper left corner of a panel."""
    axis.annotate(
        letter, (0, 1), xytext=(-18, 5), xycoords="axes fraction", textcoords="offset points", weight="bold", size=9
    )


def mark(index: int) -> dict:
    """Colour and marker of the index-th curve: told apart also in grey, and beyond the length of the palette."""
    return {"color": PALETTE[index % len(PALETTE)], "marker": _MARKERS[index % len(_MARKERS)]}


def short_number(value: float) -> str:
    """A number as a reader writes it: 8, 500, 10^6, 0.05."""
    value = float(value)
    if value > 0 and value not in (1.0, 10.0, 100.0, 1000.0) and float(np.log10(value)).is_integer():
        return rf"$10^{{{int(np.log10(value))}}}$"
    return f"{value:g}"


def only(tables: Mapping, *names: str) -> list | None:
    """The named tables, or None if one of them is missing or empty: a figure then declines.

    Of several trainings of one network the first is drawn.
    """
    found = [tables[name] for name in names if name in tables and len(tables[name])]
    if len(found) < len(names):
        return None
    return [t[t.training.isna() | (t.training == 0)] if "training" in t else t for t in found]
