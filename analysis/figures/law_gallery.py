"""Samples of every law in its first coordinates, or as images; titled with k, m, d and R."""

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
    figure, axes = new_figure(rows, columns, "double", row_height=1.9)
    for place, axis in enumerate(axes.flat):
        if place >= len(laws):
            axis.set_axis_off()
            continue
        name, part = laws[place]
        first = part.iloc[0]
        points, counts = np.unique(part[["x1", "x2"]].round(9), axis=0, return_counts=True)
        if len(points) < len(part) / 4:
            _finite(axis, points, counts)
        elif min(first.core_dim or first.ambient, first.ambient) >= 3:
            axis.remove()
            axis = figure.add_subplot(rows, columns, place + 1, projection="3d")
            _solid(axis, part)
        else:
            _flat(axis, part)
        axis.set_title(_title(name, first), fontsize=7)
    return figure


def _title(name: str, first) -> str:
    radius = r"\infty" if np.isinf(first.radius) else f"{first.radius:.3g}"
    k, m, d = int(first.intrinsic_dim), int(first.core_dim), int(first.ambient)
    return f"{name.replace('_', ' ')}\n$k={k}$, $m={m}$, $d={d}$, $R={radius}$"


def _finite(axis, points, counts) -> None:
    """A finite set: area shows the weight."""
    axis.scatter(points[:, 0], points[:, 1], s=60 * counts / counts.max(), color=COLORS["blue"], alpha=0.8, linewidths=0, clip_on=False)
    _labels(axis)


def _flat(axis, part) -> None:
    axis.scatter(part.x1, part.x2, s=3, color=COLORS["blue"], linewidths=0, alpha=0.7)
    _labels(axis)


def _labels(axis) -> None:
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_xlabel("$x_1$", labelpad=0)
    axis.set_ylabel("$x_2$", labelpad=0)


def _solid(axis, part) -> None:
    """Three coordinates, seen from above the corner; colour is height."""
    axis.scatter(part.x1, part.x2, part.x3, s=3, c=part.x3, linewidths=0, alpha=0.8)
    axis.view_init(elev=28, azim=-55)
    axis.set_box_aspect([max(float(np.ptp(part[c])), 1e-9) for c in ("x1", "x2", "x3")], zoom=1.45)
    for which, label in (("x", "$x_1$"), ("y", "$x_2$"), ("z", "$x_3$")):
        getattr(axis, f"set_{which}ticklabels")([])
        getattr(axis, f"set_{which}label")(label, labelpad=-13)
