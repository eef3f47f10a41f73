"""Figures 4 and 12 of arXiv 2602.09639 on real images: handwritten digits that the networks have not seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "On handwritten digits that neither has seen, a blind and a conditional network denoise equally well, and the "
    "noise level of one image is estimated to 10 % (figures 4 and 12 of the paper; claims I2b, I1d). a: PSNR out "
    "against PSNR in. b: difference to the conditional network's PSNR and the band that the claim allows. c: "
    "error of the estimated level; bars: 95 % intervals over images."
)
ALT = (
    "PSNR curves of both networks coincide; their difference stays within the allowed band; errors of the level "
    "stay below the limit."
)

LOW, HIGH = 0.09, 0.31  # dB that the blind network loses at the lowest level, of the claim
RMS = 0.1  # of log(sigma_hat/sigma), of the claim
_SMALL = {"size": 6.5, "color": COLORS["grey"]}


def draw(tables: Mapping) -> Figure | None:
    """PSNR out against PSNR in; PSNR less the conditional network's; rms error of the estimated noise level."""
    found = only(tables, "training_real")
    if found is None or set(found[0].task) != {"pair", "level"}:
        return None
    table = found[0]
    side, finest = (int(table[table.task == task].side.iloc[0]) for task in ("pair", "level"))
    figure, axes = new_figure(3, 1, width="single", row_height=2.2)
    axes = axes[:, 0]
    _levels(axes[0], table)
    _difference(axes[1], table)
    colours = int(table.colours.iloc[0]) if "colours" in table else 1
    _estimates(axes[2], table, colours * finest**2)
    for axis, letter in zip(axes, "abc"):
        panel_label(axis, letter)
    for axis in axes[:2]:
        axis.set_xlabel(r"PSNR in $= -20\,\log_{10}\sigma$ (dB)")
    name = Path(table.images.iloc[0]).name if "images" in table else "MNIST"
    axes[0].set_title(rf"{name}, held out, ${side}\times{side}$ pixels")
    axes[2].set_title(rf"${finest}\times{finest}$ pixels")
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    headline(figure, "On digits not seen a blind and a conditional network denoise equally well", _trained(table))
    return figure


def _trained(table: pandas.DataFrame) -> str:
    """Of the pair (a, b) and of the estimator (c)."""
    pair = recipe(table[table.task == "pair"].drop(columns="filters", errors="ignore"))
    return f"a, b: {pair}; c: {recipe(table[table.task == 'level'])}"


def _curve(table: pandas.DataFrame, measure: str, series: str) -> pandas.DataFrame:
    rows = table[(table.measure == measure) & (table.series == series)].sort_values("level")
    return rows.assign(psnr=-20.0 * np.log10(rows.level))


def _levels(axis, table: pandas.DataFrame) -> None:
    for series, label, style in (
        (
            "blind",
            "trained, blind",
            {"marker": "o", "markersize": 6.0, "markerfacecolor": "none", "linestyle": "none", **ROLES["blind"]},
        ),
        ("conditional", "trained, conditional", {"marker": "x", "linestyle": "none", **ROLES["conditional"]}),
        (
            "by heart",
            "training digits by heart",
            {"marker": "D", "markersize": 3.0, "linestyle": ":", "color": COLORS["grey"]},
        ),
    ):
        rows = _curve(table, "risk", series)
        axis.plot(rows.psnr, -10.0 * np.log10(rows.value), label=label, **style)
    axis.plot(rows.psnr, rows.psnr, label="noisy image", **ROLES["bound"])
    axis.set_ylabel("PSNR out (dB)")
    axis.set_ylim(top=62.0)  # room for the legend
    axis.legend(loc="upper left")


def _difference(axis, table: pandas.DataFrame) -> None:
    axis.axhspan(-HIGH, -LOW, color=COLORS["sky"], alpha=0.15, linewidth=0)
    axis.axhline(0.0, color=COLORS["grey"], linewidth=0.5)
    for series, label, style in (
        ("blind", "blind", {"marker": "o", **ROLES["blind"]}),
        ("again", "a second conditional network", {"marker": "s", **ROLES["theory"]}),
        ("told", r"told $1.5\,\sigma$", {"marker": "D", "linestyle": ":", **ROLES["conditional"]}),
    ):
        rows = _curve(table, "psnr_difference", series)
        axis.errorbar(rows.psnr, rows.value, yerr=1.96 * rows.se, label=label, **style)
    axis.annotate(
        "claimed of blind, lowest level", (rows.psnr.min(), -HIGH), xytext=(0, -8), textcoords="offset points", **_SMALL
    )
    axis.set_ylabel("PSNR $-$ conditional's")


def _estimates(axis, table: pandas.DataFrame, d: int) -> None:
    for series, label, style in (
        ("trained", "network, digits not seen", {"marker": "o", **ROLES["blind"]}),
        ("exact", "exact posterior, training digits", {"marker": "D", "linestyle": "none", **ROLES["plug-in"]}),
    ):
        rows = _curve(table, "log_rms", series)
        axis.errorbar(rows.level, rows.value, yerr=1.96 * rows.se, label=label, **style)
    axis.axhline(1.0 / math.sqrt(2.0 * d), label=r"$1/\sqrt{2d}$", **ROLES["theory"])
    axis.axhline(RMS, **ROLES["bound"])
    axis.set(xscale="log", yscale="log", xlabel=r"true $\sigma$", ylabel=r"rms of $\log(\hat\sigma/\sigma)$")
    axis.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    axis.set_yticks([0.02, 0.05, 0.1, 0.2], ["2 %", "5 %", "10 %", "20 %"])
    axis.set_ylim(top=0.9)
    axis.minorticks_off()
    axis.annotate(
        "limit of the claim", (rows.level.max(), RMS), xytext=(0, 2), textcoords="offset points", ha="right", **_SMALL
    )
    axis.legend(loc="upper right")
