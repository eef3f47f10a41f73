"""Figures 4 and 6 of arXiv 2602.09639, networks of the comparison of samples: PSNRs, and a wrong level that is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label, recipe

CAPTION = (
    "How well the blind and the conditional network of the comparison of samples denoise digits not seen, and what a"
    " wrong level costs that the conditional one is told (figures 4 and 6 of the paper; claims I2c, I2d). a: PSNR "
    "out against PSNR in. b: PSNR less the conditional network's, bars: 95 % intervals; band: limit of the claim. c:"
    " squared error against the level that is told, dotted: the true ones."
)
ALT = (
    "PSNR of three networks, their difference, and the error of the conditional one against the level that it is told."
)

LIMIT = 0.1  # dB, of the claim


def draw(tables: Mapping) -> Figure | None:
    """PSNR out against PSNR in; PSNR less the conditional network's; error of the conditional network over the level it
    is told, where the truth is another (dotted).
    """
    found = only(tables, "image_samples", "image_psnr")
    if found is None:
        return None
    table, gaps = (rows[rows.training == rows.training.min()] for rows in found)
    nets = {kind: table[table.kind == kind] for kind in ("conditional", "blind", "free") if kind in set(table.kind)}
    if len(nets) < 3:
        return None
    figure, axes = new_figure(3, 1, width="single", row_height=2.1)
    axes = axes[:, 0]
    looks = {
        "conditional": ("conditional", {"marker": "x", **ROLES["conditional"]}),
        "blind": ("blind", {"marker": "o", "markerfacecolor": "none", **ROLES["blind"]}),
        "free": ("blind, bias-free", {"marker": "v", "markerfacecolor": "none", "color": COLORS["purple"]}),
    }
    axes[1].axhspan(-LIMIT, LIMIT, color=COLORS["sky"], alpha=0.15, linewidth=0)
    axes[1].axhline(0.0, color=COLORS["grey"], linewidth=0.5)
    for kind, rows in nets.items():
        label, style = looks[kind]
        risk = rows[(rows.measure == "risk") & (rows.series == "itself")].sort_values("level")
        psnr = -20.0 * np.log10(risk.level)
        axes[0].plot(psnr, -10.0 * np.log10(risk.value), linestyle="none", label=label, **style)
        if kind != "conditional":
            gap = gaps[gaps.kind == kind]
            bars = [gap.value - gap.low, gap.high - gap.value]
            axes[1].errorbar(-20.0 * np.log10(gap.level), gap.value, yerr=bars, label=label, **style)
    axes[0].plot(psnr, psnr, label="noisy image", **ROLES["bound"])
    axes[0].set_ylabel("PSNR out (dB)")
    axes[1].set_ylabel("PSNR $-$ conditional's")
    for axis in axes[:2]:
        axis.set_xlabel(r"PSNR in $= -20\,\log_{10}\sigma$ (dB)")
        axis.legend(loc="best")
    told = nets["conditional"][nets["conditional"].measure == "told_risk"]
    for index, (true, rows) in enumerate(told.groupby("series")):
        rows = rows.sort_values("level")
        axes[2].plot(rows.level, rows.value, label=rf"true $\sigma={float(true):g}$", **mark(index))
        axes[2].axvline(float(true), linestyle=":", linewidth=0.8, color=mark(index)["color"])
    axes[2].set(xscale="log", yscale="log", xlabel=r"$\sigma$ that is told", ylabel="squared error a pixel")
    axes[2].set_ylim(top=6.0 * told.value.max())  # room for the legend
    axes[2].legend(loc="upper left")
    for axis, letter in zip(axes, "abc"):
        panel_label(axis, letter)
    least = gaps[gaps.kind == "blind"].value.min()
    headline(figure, f"The network that is not told the level loses up to {-least:.1f} dB to its twin", recipe(table))
    return figure
