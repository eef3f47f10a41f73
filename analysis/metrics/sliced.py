"""Sliced Wasserstein distances: per-direction values are kept, and give the interval over directions."""

from dataclasses import dataclass

import numpy as np

from .arrays import generator, pair, points, values
from .intervals import mean


def _quantile_gap(x, y, p):
    """mean |F^-1 - G^-1|^p over (0,1) along axis 0 of sorted samples (n, q), (m, q)."""
    n, m = x.shape[0], y.shape[0]
    if n == m:
        return np.mean(np.abs(x - y) ** p, axis=0)
    # integers: levels i/n and j/m on the common denominator n m, so that ties are exact
    cuts = np.unique(np.concatenate([np.arange(n + 1) * m, np.arange(m + 1) * n]))
    return np.diff(cuts) / (n * m) @ np.abs(x[cuts[:-1] // m] - y[cuts[:-1] // n]) ** p


def wasserstein_line(x, y, p=2):
    """W_p between two samples on the line (sizes may differ), exactly; p >= 1."""
    x, y = np.sort(values("x", x)), np.sort(values("y", y))
    return float(_quantile_gap(x[:, None], y[:, None], p)[0] ** (1.0 / p))


def quantile_cells(n, order=8):
    """(levels, weights, cell) to integrate over (0, 1) against the quantile function of n points: cell says which point is below.

    Gauss-Legendre inside each of the n cells; the two end cells, where a quantile function may be infinite, are refined geometrically.
    """
    nodes, weights = np.polynomial.legendre.leggauss(order)
    tail = np.concatenate([[0.0], 0.25 ** np.arange(12, -1, -1)]) / max(n, 2)
    edges = np.unique(np.concatenate([tail, np.arange(1, n) / n, 1.0 - tail]))
    half = np.diff(edges)[:, None] / 2
    levels = np.minimum(
        edges[:-1, None] + half * (nodes + 1), np.nextafter(1.0, 0.0)
    )  # rounding must not reach an infinite end
    cell = np.minimum(((edges[:-1] + half[:, 0]) * n).astype(int), n - 1)
    return levels, half * weights, cell


def wasserstein_to_quantile(sample, quantile, p=2, order=8):
    """W_p between a sample on the line (n,) and the law with this quantile function (vectorised callable on (0, 1)).

    int |F_n^-1 - Q|^p by quadrature, with an error far below the sampling error 1/sqrt(n).
    """
    x = np.sort(values("sample", sample))
    levels, weights, cell = quantile_cells(x.size, order)
    return float(
        np.sum(weights * np.abs(x[cell][:, None] - np.asarray(quantile(levels), dtype=float)) ** p) ** (1.0 / p)
    )


@dataclass(frozen=True)
class RadialDistance:
    """value: W_p of the radii to their exact law. floor: the same for samples drawn from that law: mean, and its 95 % quantile."""

    value: float
    floor: float
    floor_95: float


def radial_distance(radii, quantile, stream, p=2, repeats=40):
    """W_p between the law of sampled radii (n,) and an exact quantile function, with its floor at this sample size.

    For rotation-invariant laws in R^d the W_p of the radii IS the W_p of the laws (couple along rays).
    """
    radii, rng = values("radii", radii), generator(stream)
    levels, weights, cell = quantile_cells(radii.size)
    exact = np.asarray(quantile(levels), dtype=float)
    distance = lambda sample: float(np.sum(weights * np.abs(np.sort(sample)[cell][:, None] - exact) ** p) ** (1.0 / p))
    floors = [distance(quantile(rng.random(radii.size))) for _ in range(repeats)]
    return RadialDistance(distance(radii), float(np.mean(floors)), float(np.quantile(floors, 0.95)))


@dataclass(frozen=True)
class SlicedDistance:
    """value = (mean over directions of W_p^p)^{1/p}; [low, high]: 95 % over directions for these samples; per_direction: W_p, (q,).
    The interval is conditional on the samples: it does not hold their sampling error (see `FlooredDistance`)."""

    value: float
    low: float
    high: float
    per_direction: np.ndarray


def directions(dimension, count, stream):
    """Uniform unit vectors, (dimension, count); on the line the one direction there is."""
    if dimension == 1:
        return np.ones((1, 1))
    theta = generator(stream).standard_normal((count, dimension)).T
    return theta / np.linalg.norm(theta, axis=0)


def _project(x, theta, coordinates):
    return np.sort((x if coordinates is None else x[:, coordinates]) @ theta, axis=0)


def _summary(powers, p):
    per_direction = powers ** (1.0 / p)
    if powers.size == 1:
        return SlicedDistance(float(per_direction[0]), float(per_direction[0]), float(per_direction[0]), per_direction)
    interval = mean(powers).map(lambda v: max(v, 0.0) ** (1.0 / p))
    return SlicedDistance(interval.value, interval.low, interval.high, per_direction)


def sliced_wasserstein(x, y, stream, p=2, count=128, coordinates=None):
    """Sliced W_p between samples x (n, d) and y (m, d). coordinates: columns to keep first (for instance the core coordinates)."""
    x, y = pair(x, y)
    dimension = x.shape[1] if coordinates is None else x[:1, coordinates].shape[1]
    theta = directions(dimension, count, stream)
    return _summary(_quantile_gap(_project(x, theta, coordinates), _project(y, theta, coordinates), p), p)


@dataclass(frozen=True)
class FlooredDistance:
    """distance: sample against truth. floor: truth against truth at the same sizes and directions (intervals over directions only).
    excess: (mean of distance^p - floor^p over independent blocks of the samples)^{1/p}, 0 if negative, with a 95 % interval
    that includes the sampling error: excess_low > 0 has probability 2.5 % for the truth itself."""

    distance: SlicedDistance
    floor: SlicedDistance
    excess: float
    excess_low: float
    excess_high: float


def sliced_with_floor(x, truth, other_truth, stream, p=2, count=128, coordinates=None, blocks=10):
    """Sliced W_p of x to an independent sample of the truth, beside its floor: `other_truth` (as many points as x) to the same truth.

    The rows of each sample must be independent and in no order: block b of each is its rows b, b + blocks, ...
    """
    x, truth = pair(x, truth, 2 * blocks)
    other = points("other_truth", other_truth)
    if other.shape != x.shape:
        raise ValueError(f"other_truth must have the shape of x, got {other.shape} and {x.shape}")
    if blocks < 3:
        raise ValueError(f"blocks must be at least 3, got {blocks}")
    dimension = x.shape[1] if coordinates is None else x[:1, coordinates].shape[1]
    theta = directions(dimension, count, stream)
    raw = [(z if coordinates is None else z[:, coordinates]) @ theta for z in (x, other, truth)]

    def powers(step, start):
        ours, null, reference = (np.sort(z[start::step], axis=0) for z in raw)
        return _quantile_gap(ours, reference, p), _quantile_gap(null, reference, p)

    # given the samples the directions say nothing about sampling error, which is most of it near the truth: hence blocks
    gaps = [float(np.mean(ours - null)) for ours, null in (powers(blocks, b) for b in range(blocks))]
    excess = mean(gaps).map(lambda v: max(v, 0.0) ** (1.0 / p))
    ours, null = powers(1, 0)
    return FlooredDistance(_summary(ours, p), _summary(null, p), excess.value, excess.low, excess.high)
