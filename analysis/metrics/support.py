"""How far from the support a sample ends, and how far from the law its projection onto the support is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from .arrays import Array, Random, generator, pair, values
from .intervals import Estimate, binomial

MOST_ASSIGNED = 4000  # points; exact assignment is cubic in them


def distance_quantile(distances: Array, level: float, confidence: float = 0.95) -> Estimate:
    """A quantile of distances (n,) to the support with the distribution-free interval of order statistics.

    Its upper end is inf where the sample is too small for one.

    >>> distance_quantile(np.arange(100.0), 0.5)
    Estimate(value=49.5, low=39.0, high=60.0)
    """
    x = np.sort(values("distances", distances))
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    n = x.size
    tail = (1.0 - confidence) / 2.0
    # P(x_(j) <= q) = P(Bin(n, level) >= j): the largest j with miss probability <= tail, and its mirror
    low = int(stats.binom.ppf(tail, n, level))
    high = int(stats.binom.ppf(1.0 - tail, n, level)) + 1
    return Estimate(
        float(np.quantile(x, level)),
        float(x[low - 1]) if low >= 1 else 0.0,
        float(x[high - 1]) if high <= n else math.inf,
    )


def off_support_mass(distances: Array, threshold: float, confidence: float = 0.95) -> Estimate:
    """Share of the sample farther than `threshold` from the support, exact binomial interval.

    >>> off_support_mass([0.0, 0.1, 0.3, 0.5], threshold=0.2).value
    0.5
    """
    x = values("distances", distances)
    return binomial(int((x > threshold).sum()), x.size, confidence)


def _assignment(x: np.ndarray, y: np.ndarray, cost: Callable[[np.ndarray], np.ndarray]) -> float:
    if x.shape[0] != y.shape[0] or x.shape[0] > MOST_ASSIGNED:
        raise ValueError(
            f"x and y must have one size of at most {MOST_ASSIGNED} points, got {x.shape[0]} and {y.shape[0]}"
        )
    matrix = cost(cdist(x, y))
    return float(matrix[linear_sum_assignment(matrix)].mean())


def wasserstein_1(x: Array, y: Array) -> float:
    """W_1 between two samples of one size (n <= 4000, d), exactly, by assignment.

    >>> wasserstein_1([0.0, 1.0], [6.0, 5.0])
    5.0
    """
    return _assignment(*pair(x, y), lambda distance: distance)


def bounded_lipschitz(x: Array, y: Array) -> float:
    """sup { E f(x) - E f(y) : |f| <= 1, Lip f <= 1 } between two samples of one size, exactly.

    Derived here: by duality it is the transport cost with cost min(|x - y|, 2). Of points projected onto the support it
    is the D_X of arXiv 2602.09639 for the two empirical laws; on average it exceeds that of the laws by at most its
    floor.

    >>> bounded_lipschitz([0.0, 1.0], [6.0, 5.0]), bounded_lipschitz([0.0], [0.5])
    (2.0, 0.5)
    """
    return _assignment(*pair(x, y), lambda distance: np.minimum(distance, 2.0))


@dataclass(frozen=True)
class SupportDistance:
    """D_X of the laws. upper: bounded-Lipschitz distance of the samples (biased upwards). floor: the same for truth
    against truth. lower: a valid lower confidence limit (0 when nothing is seen).
    """

    upper: float
    floor: float
    lower: float


def support_distance(
    x: Array, truth: Array, other_truth: Array, stream: Random, confidence: float = 0.95
) -> SupportDistance:
    """D_X between projected samples x and the truth, with floor and lower confidence limit. All (n, d), already
    projected.

    >>> a, b, c = np.random.default_rng(0).standard_normal((3, 200, 1))
    >>> found = support_distance(a + 1.0, b, c, np.random.default_rng(1))
    >>> found.floor < found.lower < found.upper < 1.0
    True
    """
    return SupportDistance(
        bounded_lipschitz(x, truth),
        bounded_lipschitz(other_truth, truth),
        bounded_lipschitz_lower(x, truth, stream, confidence=confidence),
    )


def bounded_lipschitz_lower(
    x: Array, y: Array, stream: Random, candidates: int = 200, confidence: float = 0.95
) -> float:
    """A lower confidence limit for the bounded-Lipschitz distance of two laws from independent samples (n, d), (m, d).

    One half of each sample chooses among functions with |f| <= 1, Lip f <= 1 (clipped projections, distances to
    anchors), the other half bounds E f(x) - E f(y) below (Welch's t, one-sided); valid because the choice is
    independent of the second half.

    >>> x = np.random.default_rng(0).standard_normal((2000, 2))
    >>> 0.2 < bounded_lipschitz_lower(x[:1000], x[1000:] + [0.5, 0], np.random.default_rng(1)) < 0.5
    True
    """
    x, y = pair(x, y, 8)
    rng = generator(stream)
    x, y = rng.permutation(x), rng.permutation(y)
    first, second = (x[::2], y[::2]), (x[1::2], y[1::2])
    theta = rng.standard_normal((x.shape[1], candidates // 2))
    theta /= np.linalg.norm(theta, axis=0)
    shift = first[0].mean(axis=0) - first[1].mean(axis=0)
    if shift @ shift > 0:
        theta[:, 0] = shift / np.linalg.norm(shift)
    pool = np.concatenate(first)
    anchors = pool[rng.integers(pool.shape[0], size=candidates // 2)]

    def features(z: np.ndarray) -> np.ndarray:
        return np.hstack([z @ theta, cdist(z, anchors)])

    centre = np.median(features(pool), axis=0)

    def functions(z: np.ndarray) -> np.ndarray:
        return np.clip(features(z) - centre, -1.0, 1.0)

    gap = functions(first[0]).mean(axis=0) - functions(first[1]).mean(axis=0)
    best = int(np.argmax(np.abs(gap)))
    f_x, f_y = (np.sign(gap[best]) * functions(z)[:, best] for z in second)
    if max(np.ptp(f_x), np.ptp(f_y)) == 0.0:
        return max(float(f_x[0] - f_y[0]), 0.0)
    return max(float(stats.ttest_ind(f_x, f_y, equal_var=False).confidence_interval(2 * confidence - 1).low), 0.0)
