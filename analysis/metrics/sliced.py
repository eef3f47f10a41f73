"""Sliced Wasserstein distances: per-direction values are kept, and give the interval over directions."""

from dataclasses import dataclass

import numpy as np

from .arrays import generator, pair, points
from .intervals import mean
from .line import _quantile_gap


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
