"""Samples of every law: its first two coordinates, coloured by the third, titled with k, m, d and R."""

from __future__ import annotations

import math

import numpy as np

from analysis.figures.style import COLORS, new_figure, only

_COLUMNS = 4


def draw(tables):
    found = only(tables, "gallery")
    if found is None:
        return None
    laws = list(found[0].groupby("law"))
    columns = min(_COLUMNS, len(laws))
    rows = math.ceil(len(laws) / columns)
    figure, axes = new_figure(rows, columns, "double", row_height=2.0)
    for axis, (name, part) in zip(axes.flat, laws):
        _panel(axis, name, part)
    for axis in axes.flat[len(laws) :]:
        axis.set_axis_off()
    return figure


def _panel(axis, name: str, part) -> None:
    first = part.iloc[0]
    depth = part.x3 if np.ptp(part.x3) > 0 else COLORS["blue"]
    points, counts = np.unique(part[["x1", "x2"]].round(9), axis=0, return_counts=True)
    if len(points) < len(part) / 4:  # a finite set: size shows the weight
        axis.scatter(points[:, 0], points[:, 1], s=80 * counts / counts.max(), color=COLORS["blue"], alpha=0.8, linewidths=0)
    else:
        axis.scatter(part.x1, part.x2, s=3, c=depth, linewidths=0, alpha=0.8)
    axis.set_aspect("equal", adjustable="datalim")
    radius = r"\infty" if np.isinf(first.radius) else f"{first.radius:.3g}"
    k, m, d = int(first.intrinsic_dim), int(first.core_dim), int(first.ambient)
    axis.set_title(f"{name.replace('_', ' ')}\n$k={k}$, $m={m}$, $d={d}$, $R={radius}$", fontsize=7)
    axis.set_xlabel("$x_1$", labelpad=0)
    axis.set_ylabel("$x_2$", labelpad=0)
