"""Sliced Wasserstein distances: per-direction values are kept, and give the interval over directions."""

import math
from dataclasses import dataclass

import numpy as np

from .arrays import generator, pair, points
from .intervals import mean
from .line import _quantile_gap


@dataclass(frozen=True)
class SlicedDistance:
    """value = (mean over directions of W_p^p)^{1/p}; [low, high]: 95 % over directions for these samples; per_direction: W_p, (q,)."""

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
    """distance: sample against truth. floor: truth against truth at the same sizes and directions.
    excess: (distance^p - floor^p)^{1/p}, 0 if negative: the distance with its sampling part removed to first order, with its
    95 % interval over directions (paired)."""

    distance: SlicedDistance
    floor: SlicedDistance
    excess: float
    excess_low: float
    excess_high: float


def sliced_with_floor(x, truth, other_truth, stream, p=2, count=128, coordinates=None):
    """Sliced W_p of x to an independent sample of the truth, beside its floor: `other_truth` (as many points as x) to the same truth."""
    x, truth = pair(x, truth)
    other = points("other_truth", other_truth)
    if other.shape != x.shape:
        raise ValueError(f"other_truth must have the shape of x, got {other.shape} and {x.shape}")
    dimension = x.shape[1] if coordinates is None else x[:1, coordinates].shape[1]
    theta = directions(dimension, count, stream)
    reference = _project(truth, theta, coordinates)
    powers = _quantile_gap(_project(x, theta, coordinates), reference, p)
    floors = _quantile_gap(_project(other, theta, coordinates), reference, p)
    gap = mean(powers - floors) if powers.size > 1 else None
    root = lambda v: math.copysign(abs(v) ** (1.0 / p), v) if v > 0 else 0.0
    low, value, high = (gap.low, gap.value, gap.high) if gap else (float(powers[0] - floors[0]),) * 3
    return FlooredDistance(_summary(powers, p), _summary(floors, p), root(value), root(low), root(high))
