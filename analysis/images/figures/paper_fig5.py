"""Figures 5, 7 and 8 of arXiv 2602.09639 on digits: samples of the blind and the conditional network, matched seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, headline, new_figure, only, recipe

CAPTION = (
    "Samples of the blind and the conditional network from equal starts and injected noise (figures 5, 7 and 8 of the "
    "paper; claims I5, I5b, I5c, I7). A pair of strips a sampler: blind above, conditional (told the level) below; a "
    "column is one start and its noise. Titles: sampler, injection a and number of steps N."
)
ALT = "Pairs of strips of digits, a pair a sampler: the blind network's above, the conditional network's below."

# name in the table, what it is called; blind above, conditional below, from the same starts and injected noise
_BLOCKS = (
    ("ancestral a=0.5 N=10", "VE-DDPM, $N=10$"),
    ("ancestral a=0.5 N=28", "VE-DDPM, $N=28$"),
    ("ancestral a=0.5 N=100", "VE-DDPM, $N=100$"),
    ("ancestral a=0.5 N=1000", "VE-DDPM, $N=1000$"),
    ("exponential_euler a=0.2 N=28", "$a=.2$, $N=28$"),
    ("exponential_euler a=0.2 N=28 adaptive", "$a=.2$, $N=28$, adaptive"),
    ("exponential_euler a=0.2 N=100", "$a=.2$, $N=100$"),
    ("exponential_euler a=0.2 N=1000", "$a=.2$, $N=1000$"),
    ("ddim a=0 N=28", "DDIM, $N=28$"),
    ("ddim a=0 N=100", "DDIM, $N=100$"),
)
_COLUMNS = 1


def draw(tables: Mapping) -> Figure | None:
    """A pair of strips a sampler: the blind network above, the conditional one below; a column is one start and its
    injected noise. The blind, adaptive strip at a = .2 is the paper's algorithm 2; its counterpart there is VE-DDPM.
    """
    found = only(tables, "image_samples")
    if found is None:
        return None
    table = found[0][found[0].training == found[0].training.min()]
    pairs = {}
    for series, label in _BLOCKS:
        strips = [_strip(table[(table.kind == kind) & (table.series == series)]) for kind in ("blind", "conditional")]
        both = [strip for strip in strips if strip is not None]
        if len(both) == len(strips):
            pairs[label] = both
    if len(pairs) < 2:
        return None
    lines = math.ceil(len(pairs) / _COLUMNS)
    figure, axes = new_figure(lines, _COLUMNS, width="single", row_height=0.95)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (label, both) in zip(axes.flat, pairs.items(), strict=False):
        picture = np.concatenate(both, axis=0)
        axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(label)
        for place, name in ((0.75, "blind"), (0.25, "told")):
            axis.text(-0.01, place, name, transform=axis.transAxes, size=6.5, rotation=90, va="center", ha="right",
                      color=COLORS["grey"])  # fmt: skip
    headline(figure, "Blind (above) and conditional (below) samples from equal starts and noise", recipe(table))
    return figure


def _strip(rows: pandas.DataFrame) -> np.ndarray | None:
    """Images side by side, (side, n * side) or with three colours behind, bytes; a white line around each."""
    rows = rows[rows.measure == "pixels"].sort_values("level")
    if rows.empty:
        return None
    side, colours = int(rows.side.iloc[0]), int(rows.colours.iloc[0])
    images = [np.frombuffer(bytes.fromhex(text), np.uint8).reshape(colours, side, side) for text in rows.pixels]
    framed = [np.pad(image, ((0, 0), (0, 1), (0, 1)), constant_values=255) for image in images]
    strip = np.concatenate(framed, axis=2).transpose(1, 2, 0)
    return strip[:, :, 0] if colours == 1 else strip
