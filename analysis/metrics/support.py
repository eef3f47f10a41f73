"""How far from the support a sample ends, and how far from the law its projection onto the support is."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from .arrays import generator, pair, values
from .intervals import Estimate, binomial

MOST_ASSIGNED = 4000  # points; exact assignment is cubic in them


def distance_quantile(distances, level, confidence=0.95):
    """A quantile of distances to the support with the distribution-free interval of order statistics (inf where the sample is too small)."""
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


def off_support_mass(distances, threshold, confidence=0.95):
    """Share of the sample farther than `threshold` from the support, exact binomial interval."""
    x = values("distances", distances)
    return binomial(int((x > threshold).sum()), x.size, confidence)


def _assignment(x, y, cost):
    if x.shape[0] != y.shape[0] or x.shape[0] > MOST_ASSIGNED:
        raise ValueError(
            f"x and y must have one size of at most {MOST_ASSIGNED} points, got {x.shape[0]} and {y.shape[0]}"
        )
    matrix = cost(cdist(x, y))
    return float(matrix[linear_sum_assignment(matrix)].mean())


def wasserstein_1(x, y):
    """W_1 between two samples of one size (n, d), exactly, by assignment."""
    return _assignment(*pair(x, y), lambda distance: distance)


def bounded_lipschitz(x, y):
    """sup { E f(x) - E f(y) : |f| <= 1, Lip f <= 1 } between two samples of one size, exactly.

    Derived here: by duality it is the transport cost with cost min(|x - y|, 2). Of points projected onto the support it is the
    D_X of arXiv 2602.09639 for the two empirical laws; on average it exceeds that of the laws by at most its floor.
    """
    return _assignment(*pair(x, y), lambda distance: np.minimum(distance, 2.0))


@dataclass(frozen=True)
class SupportDistance:
    """D_X of the laws. upper: bounded-Lipschitz distance of the samples (biased upwards). floor: the same for truth against truth.
    lower: a valid lower confidence limit (0 when nothing is seen)."""

    upper: float
    floor: float
    lower: float


def support_distance(x, truth, other_truth, stream, confidence=0.95):
    """D_X between projected samples x and the truth, with floor and lower confidence limit. All (n, d), already projected."""
    return SupportDistance(
        bounded_lipschitz(x, truth),
        bounded_lipschitz(other_truth, truth),
        bounded_lipschitz_lower(x, truth, stream, confidence=confidence),
    )


def bounded_lipschitz_lower(x, y, stream, candidates=200, confidence=0.95):
    """A lower confidence limit for the bounded-Lipschitz distance of two laws from independent samples (n, d), (m, d).

    One half of each sample chooses among functions with |f| <= 1, Lip f <= 1 (clipped projections, distances to anchors), the other
    half bounds E f(x) - E f(y) below (Welch's t, one-sided); valid because the choice is independent of the second half.
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

    def features(z):
        return np.hstack([z @ theta, cdist(z, anchors)])

    centre = np.median(features(pool), axis=0)
    functions = lambda z: np.clip(features(z) - centre, -1.0, 1.0)
    gap = functions(first[0]).mean(axis=0) - functions(first[1]).mean(axis=0)
    best = int(np.argmax(np.abs(gap)))
    f_x, f_y = (np.sign(gap[best]) * functions(z)[:, best] for z in second)
    if max(np.ptp(f_x), np.ptp(f_y)) == 0.0:
        return max(float(f_x[0] - f_y[0]), 0.0)
    return max(float(stats.ttest_ind(f_x, f_y, equal_var=False).confidence_interval(2 * confidence - 1).low), 0.0)
