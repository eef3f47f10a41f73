"""Wasserstein distances in one dimension: on the line, of radii, and along random directions (sliced).

A rotation-invariant law is known through its radius alone; any other is looked at along lines, whose values are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Array, Random, generator, pair, points, values
from .intervals import mean

Columns = slice | Sequence[int] | np.ndarray
Quantile = Callable[[np.ndarray], np.ndarray]  # vectorised, on (0, 1)


def directions(dimension: int, count: int, stream: Random) -> np.ndarray:
    """Uniform unit vectors, (dimension, count); on the line the one direction there is.

    >>> np.linalg.norm(directions(3, 2, np.random.default_rng(0)), axis=0).round(12)
    array([1., 1.])
    """
    if dimension == 1:
        return np.ones((1, 1))
    theta = generator(stream).standard_normal((count, dimension)).T
    return theta / np.linalg.norm(theta, axis=0)


def _quantile_gap(x: np.ndarray, y: np.ndarray, p: float) -> np.ndarray:
    """mean |F^-1 - G^-1|^p over (0,1) along axis 0 of sorted samples (n, q), (m, q)."""
    n, m = x.shape[0], y.shape[0]
    if n == m:
        return np.mean(np.abs(x - y) ** p, axis=0)
    # integers: levels i/n and j/m on the common denominator n m, so that ties are exact
    cuts = np.unique(np.concatenate([np.arange(n + 1) * m, np.arange(m + 1) * n]))
    return np.diff(cuts) / (n * m) @ np.abs(x[cuts[:-1] // m] - y[cuts[:-1] // n]) ** p


def wasserstein_line(x: Array, y: Array, p: float = 2) -> float:
    """W_p between two samples on the line (sizes may differ), exactly; p >= 1.

    >>> wasserstein_line([0.0, 1.0], [3.0, 3.0], p=1)
    2.5
    """
    x, y = np.sort(values("x", x)), np.sort(values("y", y))
    return float(_quantile_gap(x[:, None], y[:, None], p)[0] ** (1.0 / p))


def quantile_cells(n: int, order: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(levels, weights, cell) to integrate over (0, 1) against the quantile function of n points.

    Gauss-Legendre inside each of the n cells; the two end cells, where a quantile function may be infinite, are refined
    geometrically, down to 4^-12/n. `cell` says which point belongs to a row of levels.

    >>> levels, weights, cell = quantile_cells(10)
    >>> round(float(np.sum(weights * levels)), 12), int(cell.max())
    (0.5, 9)
    """
    nodes, weights = np.polynomial.legendre.leggauss(order)
    tail = np.concatenate([[0.0], 0.25 ** np.arange(12, -1, -1)]) / max(n, 2)
    edges = np.unique(np.concatenate([tail, np.arange(1, n) / n, 1.0 - tail]))
    half = np.diff(edges)[:, None] / 2
    # rounding must not reach an infinite end
    levels = np.minimum(edges[:-1, None] + half * (nodes + 1), np.nextafter(1.0, 0.0))
    cell = np.minimum(((edges[:-1] + half[:, 0]) * n).astype(int), n - 1)
    return levels, half * weights, cell


def wasserstein_to_quantile(sample: Array, quantile: Quantile, p: float = 2, order: int = 8) -> float:
    """W_p between a sample on the line (n,) and the law with this quantile function.

    int |F_n^-1 - Q|^p by quadrature, with an error far below the sampling error 1/sqrt(n).

    >>> round(wasserstein_to_quantile([0.5], lambda q: q), 6)  # a point against the uniform law: 1/sqrt(12)
    0.288675
    """
    x = np.sort(values("sample", sample))
    levels, weights, cell = quantile_cells(x.size, order)
    return float(
        np.sum(weights * np.abs(x[cell][:, None] - np.asarray(quantile(levels), dtype=float)) ** p) ** (1.0 / p)
    )


@dataclass(frozen=True)
class RadialDistance:
    """value: W_p of the radii to their exact law. floor: the same for samples drawn from that law: mean, and 95 %
    quantile.
    """

    value: float
    floor: float
    floor_95: float


def radial_distance(
    radii: Array, quantile: Quantile, stream: Random, p: float = 2, repeats: int = 40
) -> RadialDistance:
    """W_p between the law of sampled radii (n,) and an exact quantile function, with its floor at this sample size.

    For rotation-invariant laws in R^d the W_p of the radii IS the W_p of the laws (couple along rays).

    >>> found = radial_distance(np.full(100, 0.5), lambda q: q, np.random.default_rng(0))
    >>> round(found.value, 4), found.floor_95 < 0.1
    (0.2887, True)
    """
    radii, rng = values("radii", radii), generator(stream)
    levels, weights, cell = quantile_cells(radii.size)
    exact = np.asarray(quantile(levels), dtype=float)

    def distance(sample: np.ndarray) -> float:
        return float(np.sum(weights * np.abs(np.sort(sample)[cell][:, None] - exact) ** p) ** (1.0 / p))

    floors = [distance(quantile(rng.random(radii.size))) for _ in range(repeats)]
    return RadialDistance(distance(radii), float(np.mean(floors)), float(np.quantile(floors, 0.95)))


@dataclass(frozen=True)
class SlicedDistance:
    """value = (mean over directions of W_p^p)^{1/p}; [low, high]: 95 % over directions for these samples;
    per_direction: W_p, (q,). The interval is conditional on the samples: it does not hold their sampling error (see
    `FlooredDistance`).
    """

    value: float
    low: float
    high: float
    per_direction: np.ndarray


def _keep(x: np.ndarray, coordinates: Columns | None) -> np.ndarray:
    return x if coordinates is None else x[:, coordinates]


def _summary(powers: np.ndarray, p: float) -> SlicedDistance:
    per_direction = powers ** (1.0 / p)
    if powers.size == 1:
        return SlicedDistance(float(per_direction[0]), float(per_direction[0]), float(per_direction[0]), per_direction)
    interval = mean(powers).map(lambda v: max(v, 0.0) ** (1.0 / p))
    return SlicedDistance(interval.value, interval.low, interval.high, per_direction)


def sliced_wasserstein(
    x: Array,
    y: Array,
    stream: Random,
    p: float = 2,
    count: int = 128,
    coordinates: Columns | None = None,
) -> SlicedDistance:
    """Sliced W_p between samples x (n, d) and y (m, d), along `count` uniform directions.

    coordinates: columns to keep first (for instance the core coordinates).

    >>> x = np.random.default_rng(0).standard_normal((50, 2))
    >>> found = sliced_wasserstein(x, x + [3.0, 4.0], np.random.default_rng(1), count=2000)
    >>> found.low < 5 / 2**0.5 < found.high  # E <theta, v>^2 = |v|^2/d
    True
    """
    x, y = (_keep(z, coordinates) for z in pair(x, y))
    theta = directions(x.shape[1], count, stream)
    return _summary(_quantile_gap(np.sort(x @ theta, axis=0), np.sort(y @ theta, axis=0), p), p)


@dataclass(frozen=True)
class FlooredDistance:
    """distance: sample against truth. floor: truth against truth at the same sizes and directions (intervals over
    directions only). excess: (mean of distance^p - floor^p over independent blocks of the samples)^{1/p}, 0 if
    negative, with a 95 % interval that includes the sampling error: excess_low > 0 has probability 2.5 % for the truth
    itself.
    """

    distance: SlicedDistance
    floor: SlicedDistance
    excess: float
    excess_low: float
    excess_high: float


def sliced_with_floor(
    x: Array,
    truth: Array,
    other_truth: Array,
    stream: Random,
    p: float = 2,
    count: int = 128,
    coordinates: Columns | None = None,
    blocks: int = 10,
) -> FlooredDistance:
    """Sliced W_p of x to an independent sample of the truth, beside its floor: `other_truth` (as many points as x) to
    the same truth.

    The rows of each sample must be independent and in no order: block b of each is its rows b, b + blocks, ...

    Raises:
        ValueError: other_truth of another shape than x, fewer than 3 blocks, or fewer than 2 points a block.

    >>> a, b, c = np.random.default_rng(0).standard_normal((3, 2000, 2))
    >>> found = sliced_with_floor(1.2 * a, b, c, np.random.default_rng(1))
    >>> found.excess_low < 0.2 < found.excess_high  # W_2 of N(0, 1) and N(0, c^2) is |c - 1|
    True
    """
    x, truth = pair(x, truth, 2 * blocks)
    other = points("other_truth", other_truth)
    if other.shape != x.shape:
        raise ValueError(f"other_truth must have the shape of x, got {other.shape} and {x.shape}")
    if blocks < 3:
        raise ValueError(f"blocks must be at least 3, got {blocks}")
    x, other, truth = (_keep(z, coordinates) for z in (x, other, truth))
    theta = directions(x.shape[1], count, stream)
    raw = [z @ theta for z in (x, other, truth)]

    def powers(step: int, start: int) -> tuple[np.ndarray, np.ndarray]:
        ours, null, reference = (np.sort(z[start::step], axis=0) for z in raw)
        return _quantile_gap(ours, reference, p), _quantile_gap(null, reference, p)

    # given the samples the directions say nothing about sampling error, most of it near the truth: hence blocks
    gaps = [float(np.mean(ours - null)) for ours, null in (powers(blocks, b) for b in range(blocks))]
    excess = mean(gaps).map(lambda v: max(v, 0.0) ** (1.0 / p))
    ours, null = powers(1, 0)
    return FlooredDistance(_summary(ours, p), _summary(null, p), excess.value, excess.low, excess.high)
