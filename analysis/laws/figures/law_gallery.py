"""Samples of every law in its first coordinates, or as images; titled with k, m, d and R."""

from __future__ import annotations

import math

import numpy as np

from analysis.figures.style import COLORS, headline, new_figure

CAPTION = (
    "Most laws of the suite have low intrinsic dimension k in an ambient space of dimension d. Samples in the first "
    "coordinates of each law, or four images of it; the flat torus of R^4 as the ring that it bends to. The area of a "
    "dot is the weight of an atom, colour the third coordinate. Titles: k, the dimension m of the span, d and the "
    "radius R."
)
ALT = (
    "A grid of small panels, one a law: points on curves, surfaces, subspaces and clusters, and images of bars, "
    "blobs and discs."
)

_COLUMNS = 3
_ROW = 1.5  # inches


def draw(tables):
    parts = [tables[name] for name in ("gallery", "gallery_images") if name in tables and len(tables[name])]
    if not parts:
        return None
    laws = [pair for table in parts for pair in table.groupby("law")]
    columns = min(_COLUMNS, len(laws))
    rows = math.ceil(len(laws) / columns)
    # equal boxes without tick labels: R and the names of the axes say enough
    edges = {
        "left": 0.04,
        "right": 0.97,
        "bottom": 0.015,
        "top": 1.0 - 0.92 / (_ROW * rows),
        "wspace": 0.2,
        "hspace": 0.5,
    }
    figure, axes = new_figure(rows, columns, "single", row_height=_ROW, layout="none", gridspec_kw=edges)
    for place, axis in enumerate(axes.flat):
        if place >= len(laws):
            axis.set_axis_off()
            continue
        name, part = laws[place]
        axis = _panel(figure, axis, part)
        axis.set_title(_title(name, part.iloc[0]), fontsize=6.5, pad=3)
    headline(figure, "Laws of intrinsic dimension $k$ in an ambient space of dimension $d$")
    return figure


def _panel(figure, axis, part):
    """The panel that suits the law, in place of `axis`."""
    first = part.iloc[0]
    if "value" in part:
        _images(axis, part)
        return axis
    points, counts = np.unique(part[["x1", "x2"]].round(9), axis=0, return_counts=True)
    if len(points) < len(part) / 4:
        _finite(axis, points, counts)
    elif min(first.core_dim or first.ambient, first.ambient) >= 3:
        place = axis.get_subplotspec()
        axis.remove()
        axis = figure.add_subplot(place, projection="3d")
        _solid(axis, _ring(part) if first.law == "torus" else part)
    else:
        _flat(axis, part)
    return axis


def _images(axis, part) -> None:
    """Four images in a square, white lines between them."""
    side = int(part.row.max()) + 1
    stack = part.sort_values(["image", "row", "column"]).value.to_numpy().reshape(-1, side, side)[:4]
    gap = np.full((2, side + 1, side + 1), np.nan)
    tiles = [np.pad(image, ((0, 1), (0, 1)), constant_values=np.nan) for image in stack]
    tiles += list(gap[: 4 - len(tiles)])
    axis.imshow(
        np.block([[tiles[0], tiles[1]], [tiles[2], tiles[3]]]), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
    )
    axis.set_axis_off()


def _title(name: str, first) -> str:
    radius = r"\infty" if np.isinf(first.radius) else f"{first.radius:.3g}"
    k, m, d = int(first.intrinsic_dim), int(first.core_dim), int(first.ambient)
    return f"{name.replace('_', ' ')}\n$k={k}$, $m={m}$\n$d={d}$, $R={radius}$"


def _finite(axis, points, counts) -> None:
    """A finite set: area shows the weight."""
    axis.scatter(
        points[:, 0],
        points[:, 1],
        s=60 * counts / counts.max(),
        color=COLORS["blue"],
        alpha=0.8,
        linewidths=0,
        clip_on=False,
    )
    _labels(axis)


def _flat(axis, part) -> None:
    axis.scatter(part.x1, part.x2, s=3, color=COLORS["blue"], linewidths=0, alpha=0.7)
    _labels(axis)


def _labels(axis) -> None:
    axis.set_aspect("equal", adjustable="box")
    axis.margins(0.08)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel("$x_1$", labelpad=1, fontsize=6.5)
    axis.set_ylabel("$x_2$", labelpad=1, fontsize=6.5)


def _ring(part):
    """The flat torus (cos a, sin a, cos b, sin b)/sqrt(2) R bent to a ring: its first three coordinates are a cylinder.

    The table has three of them; sin b has either sign equally often, so signs alternate.
    """
    radius = float(part.radius.iloc[0]) / math.sqrt(2.0)
    sine = np.sqrt(np.clip(1.0 - (part.x3 / radius) ** 2, 0.0, None)) * np.where(np.arange(len(part)) % 2, 1.0, -1.0)
    out = 1.0 + 0.4 * part.x3 / radius
    return part.assign(x1=part.x1 * out, x2=part.x2 * out, x3=0.4 * radius * sine)


def _solid(axis, part) -> None:
    """Three coordinates, seen from above a corner; colour is the height x_3."""
    axis.scatter(part.x1, part.x2, part.x3, s=3, c=part.x3, linewidths=0, alpha=0.8)
    axis.view_init(elev=42, azim=-55)
    axis.set_box_aspect([max(float(np.ptp(part[c])), 1e-9) for c in ("x1", "x2", "x3")], zoom=1.15)
    axis.set_zticklabels([])
    for which, label in (("x", "$x_1$"), ("y", "$x_2$")):
        getattr(axis, f"set_{which}ticklabels")([])
        getattr(axis, f"set_{which}label")(label, labelpad=-14, fontsize=6.5)
