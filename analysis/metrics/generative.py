"""Metrics of image generation on features or pixels: precision and recall by nearest neighbours, and the Frechet
distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from .arrays import Array, pair, to_numpy
from .gaussian import bures_from_factors
from .intervals import Estimate, binomial


@dataclass(frozen=True)
class PrecisionRecall:
    """precision: share of generated points inside the data's k-NN balls; recall: share of data inside the generated
    ones.
    """

    precision: Estimate
    recall: Estimate


def _blocks(x: np.ndarray, size: int = 512) -> Iterator[np.ndarray]:
    return (x[i : i + size] for i in range(0, len(x), size))


def _covered(points: np.ndarray, reference: np.ndarray, neighbours: int) -> np.ndarray:
    """Whether each point lies in the ball of some reference point that reaches that point's k-th neighbour."""
    # entry 0 of a sorted row is the point itself
    radius = np.concatenate(
        [np.partition(cdist(block, reference), neighbours, axis=1)[:, neighbours] for block in _blocks(reference)]
    )
    return np.concatenate([(cdist(block, reference) <= radius).any(axis=1) for block in _blocks(points)])


def precision_recall(generated: Array, data: Array, neighbours: int = 3, confidence: float = 0.95) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019) of samples (n, d), (m, d), binomial intervals given the
    other sample.

    >>> data = np.random.default_rng(0).standard_normal((50, 2))
    >>> found = precision_recall(data[:10], data)  # one fifth of the data, memorised
    >>> found.precision.value, found.recall.value < 1
    (1.0, True)
    """
    generated, data = pair(generated, data, neighbours + 2)
    inside_data, inside_generated = _covered(generated, data, neighbours), _covered(data, generated, neighbours)
    return PrecisionRecall(
        binomial(int(inside_data.sum()), len(generated), confidence),
        binomial(int(inside_generated.sum()), len(data), confidence),
    )


def _gaussian_summary(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = x.mean(axis=0)
    return mean, (x - mean).T / math.sqrt(len(x) - 1)


def frechet_distance(x: Array, y: Array) -> float:
    """|mean difference|^2 + squared Bures distance of the sample covariances, from factors (any rank, also n < d).
    Biased upwards.

    >>> x = np.random.default_rng(0).standard_normal((20, 60))
    >>> round(frechet_distance(x, x + 1.0), 6)  # a shift alone: 60 * 1
    60.0
    """
    x, y = pair(x, y, 2)
    (mean_x, A), (mean_y, B) = _gaussian_summary(x), _gaussian_summary(y)
    return float(np.sum((mean_x - mean_y) ** 2)) + bures_from_factors(A, B)


@dataclass(frozen=True)
class FrechetResult:
    """value: sample against data; floor: data against data at the same sizes."""

    value: float
    floor: float


def frechet_with_floor(x: Array, data: Array, other_data: Array) -> FrechetResult:
    """Frechet distance of x to the data, beside that of `other_data` (independent, as many points as x) to the data.

    >>> a, b, c = np.random.default_rng(0).standard_normal((3, 500, 4))
    >>> found = frechet_with_floor(a + 0.5, b, c)
    >>> found.floor < 0.1, round(found.value - found.floor)  # 4 * .5^2
    (True, 1)
    """
    if to_numpy(other_data).shape != to_numpy(x).shape:
        raise ValueError(
            f"other_data must have the shape of x, got {to_numpy(other_data).shape} and {to_numpy(x).shape}"
        )
    return FrechetResult(frechet_distance(x, data), frechet_distance(other_data, data))
