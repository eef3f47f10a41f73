"""Metrics of image generation on features or pixels: precision and recall by nearest neighbours, and the Frechet distance."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from .arrays import pair, to_numpy
from .gaussian import bures_from_factors
from .intervals import Estimate, binomial


@dataclass(frozen=True)
class PrecisionRecall:
    """precision: share of generated points inside the data's k-NN balls; recall: share of data inside the generated ones."""

    precision: Estimate
    recall: Estimate


def _blocks(x, size=512):
    return (x[i : i + size] for i in range(0, len(x), size))


def _covered(points, reference, neighbours):
    """Whether each point lies in the ball of some reference point that reaches that point's k-th neighbour."""
    # entry 0 of a sorted row is the point itself
    radius = np.concatenate(
        [np.partition(cdist(block, reference), neighbours, axis=1)[:, neighbours] for block in _blocks(reference)]
    )
    return np.concatenate([(cdist(block, reference) <= radius).any(axis=1) for block in _blocks(points)])


def precision_recall(generated, data, neighbours=3, confidence=0.95):
    """Improved precision and recall (Kynkaanniemi et al. 2019) of samples (n, d), (m, d), binomial intervals given the other sample."""
    generated, data = pair(generated, data, neighbours + 2)
    inside_data, inside_generated = _covered(generated, data, neighbours), _covered(data, generated, neighbours)
    return PrecisionRecall(
        binomial(int(inside_data.sum()), len(generated), confidence),
        binomial(int(inside_generated.sum()), len(data), confidence),
    )


def _gaussian_summary(x):
    mean = x.mean(axis=0)
    return mean, (x - mean).T / math.sqrt(len(x) - 1)


def frechet_distance(x, y):
    """|mean difference|^2 + squared Bures distance of the sample covariances, from factors (any rank, also n < d). Biased upwards."""
    x, y = pair(x, y, 2)
    (mean_x, A), (mean_y, B) = _gaussian_summary(x), _gaussian_summary(y)
    return float(np.sum((mean_x - mean_y) ** 2)) + bures_from_factors(A, B)


@dataclass(frozen=True)
class FrechetResult:
    """value: sample against data; floor: data against data at the same sizes."""

    value: float
    floor: float


def frechet_with_floor(x, data, other_data):
    """Frechet distance of x to the data, beside that of `other_data` (independent, as many points as x) to the data."""
    if to_numpy(other_data).shape != to_numpy(x).shape:
        raise ValueError(
            f"other_data must have the shape of x, got {to_numpy(other_data).shape} and {to_numpy(x).shape}"
        )
    return FrechetResult(frechet_distance(x, data), frechet_distance(other_data, data))
