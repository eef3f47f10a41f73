"""Sliced Wasserstein distance against that of POT, where POT is installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

import manifolds
from analysis.benchmark.clock import interleaved, ratio_row
from analysis.metrics.sliced import sliced_wasserstein

__all__ = ["sliced_rows"]

DIRECTIONS = 128


def sliced_rows(points: int, repeats: int, seed: int) -> list[dict]:
    """POT's CPU time over ours on the same samples; no row without POT."""
    if find_spec("ot") is None:
        return []
    import ot

    source = manifolds.stream(seed, "benchmark sliced")
    rows = []
    for dim in (8, 256):
        x, y = source.normal(points, dim).numpy(), 1.1 * source.normal(points, dim).numpy()
        theta = np.random.default_rng(seed)
        times = interleaved(
            (
                lambda: ot.sliced_wasserstein_distance(x, y, n_projections=DIRECTIONS, seed=seed),
                lambda: sliced_wasserstein(x, y, theta, count=DIRECTIONS),
            ),
            repeats,
        )
        rows.append(
            ratio_row(
                "POT / sliced distance",
                f"{points} points, d={dim}",
                "ratio of CPU time",
                [a / b for a, b in times],
                least=1.0,
                milliseconds=1e3 * min(b for _, b in times),
            )
        )
    return rows
