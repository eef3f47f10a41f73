"""Figure 12 of arXiv 2602.09639: a small network estimates the noise level of an image, inside and beyond its range."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "A small network estimates the noise level of one image to a few per cent, inside its training range and "
    "beyond (figure 12 of the paper; claims I1b, I1c). a: estimated against true level, bars: two standard deviations "
    "over images. b: root mean square of the log ratio beside the exact posterior mean and the limit of the claims, "
    "bars: 95 % intervals."
)
ALT = "Estimates lie on the diagonal over and beyond the training range; relative errors stay at half the limit."

LIMIT = 0.056  # root mean square of log(sigma_hat/sigma), of the claims
_TICKS = [0.2, 0.5, 1, 2, 5, 10]


def draw(tables: Mapping) -> Figure | None:
    """Above: estimated against true level. Below: root mean square of log(sigma_hat/sigma).

    Geometric means with bars of two standard deviations over images, the training range shaded; errors beside those of
    the exact posterior mean and 1/sqrt(2(d - m)).
    """
    found = only(tables, "training_images")
    if found is None:
        return None
    table = found[0][found[0].task == "level"]
    if table.empty:
        return None
    figure, axes = new_figure(2, 1, width="single", row_height=2.4)
    axes = axes[:, 0]
    low, high, top = (float(table[name].iloc[0]) for name in ("low", "high", "top"))
    for axis in axes:
        axis.axvspan(low, high, color=COLORS["sky"], alpha=0.15, linewidth=0)
        axis.set(xscale="log", yscale="log", xlabel=r"true $\sigma$")
        axis.set_xticks([t for t in _TICKS if low <= t <= top], [f"{t:g}" for t in _TICKS if low <= t <= top])
        axis.minorticks_off()
    _estimates(axes[0], table, low, top)
    _errors(axes[1], table)
    for axis, letter in zip(axes, "ab"):
        panel_label(axis, letter)
        axis.legend(loc="upper left" if letter == "a" else "best")
    headline(
        figure,
        "A small network estimates the noise level of one image to 5 %, beyond its training range too",
        recipe(table[table.series == "trained"]),
    )
    return figure


def _curve(table: pandas.DataFrame, measure: str, series: str) -> pandas.DataFrame:
    return table[(table.measure == measure) & (table.series == series)].sort_values("level")


def _estimates(axis, table: pandas.DataFrame, low: float, top: float) -> None:
    axis.plot([low, top], [low, top], label=r"$\hat\sigma=\sigma$", **ROLES["theory"])
    for series, label, style in (
        (
            "prior as trained",
            "exact posterior mean, prior ends at 3",
            {"marker": "s", "color": COLORS["grey"], "linestyle": ":"},
        ),
        ("trained", "network (bars: 2 sd over images)", {"marker": "o", "linestyle": "none", **ROLES["blind"]}),
    ):
        bias, spread = (_curve(table, measure, series) for measure in ("log_bias", "log_spread"))
        centre = bias.level.to_numpy() * bias.value.map(math.exp).to_numpy()
        reach = spread.value.to_numpy()
        bars = [
            centre * -(pandas.Series(-2 * reach).map(math.expm1)),
            centre * pandas.Series(2 * reach).map(math.expm1),
        ]
        axis.errorbar(bias.level, centre, yerr=bars, label=label, **style)
    ticks = [t for t in _TICKS if low <= t <= top]
    axis.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()
    axis.set_ylabel(r"estimated $\hat\sigma$")
    axis.text(3.0 * low, 0.04, "training range", size=6.5, color=COLORS["grey"], transform=axis.get_xaxis_transform())


def _errors(axis, table: pandas.DataFrame) -> None:
    for series, label, style in (
        ("trained", "network", {"marker": "o", **ROLES["blind"]}),
        ("exact", "exact posterior mean", {"marker": "D", "linestyle": "none", **ROLES["plug-in"]}),
    ):
        rows = _curve(table, "log_rms", series)
        axis.errorbar(rows.level, rows.value, yerr=1.96 * rows.se, label=label, **style)
    d, m = float(table.ambient.iloc[0]), float(table[table.measure == "core_dim"].value.iloc[0])
    axis.axhline(1.0 / math.sqrt(2.0 * (d - m)), label=r"$1/\sqrt{2(d-m)}$", **ROLES["theory"])
    axis.axhline(LIMIT, **ROLES["bound"])
    axis.annotate(
        "limit of the claims",
        (table.top.iloc[0], LIMIT),
        xytext=(0, 2),
        textcoords="offset points",
        size=6.5,
        ha="right",
        color=COLORS["grey"],
    )
    axis.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2], ["1 %", "2 %", "5 %", "10 %", "20 %"])
    axis.minorticks_off()
    axis.set_ylabel(r"rms of $\log(\hat\sigma/\sigma)$")
