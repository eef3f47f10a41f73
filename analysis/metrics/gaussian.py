"""Distances between Gaussians, safe for rank-deficient covariances, and errors of known moments with intervals."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from .arrays import Array, points, to_numpy
from .intervals import Estimate, mean, variance

_RANK = 1e-12  # eigenvalues below this share of the largest count as zero


def factor(covariance: Array) -> np.ndarray:
    """A (d, r) with A A' = covariance, r its numerical rank.

    Raises:
        ValueError: an eigenvalue is clearly negative (below -1e-8 of the largest).

    >>> factor(np.diag([0.0, 4.0])).shape
    (2, 1)
    """
    eigenvalues, vectors = np.linalg.eigh(to_numpy(covariance))
    top = max(eigenvalues.max(), 0.0)
    if eigenvalues.min() < -1e-8 * max(top, 1e-300):
        raise ValueError(f"covariance must be positive semi-definite, got eigenvalue {eigenvalues.min():.3g}")
    keep = eigenvalues > _RANK * top
    return vectors[:, keep] * np.sqrt(eigenvalues[keep])


def bures_from_factors(A: Array, B: Array) -> float:
    """Squared Bures distance of AA' and BB': tr AA' + tr BB' - 2 |A'B|_nuclear. A (d, r), B (d, q), any rank.

    >>> round(bures_from_factors(np.array([[1.0]]), np.array([[3.0]])), 12)
    4.0
    """
    # AA' = LL' for the triangular L of A' = Q L': at most d columns are left
    A, B = (
        np.asarray(np.linalg.qr(M.T, mode="r")).T if M.shape[1] > M.shape[0] else M for M in (to_numpy(A), to_numpy(B))
    )
    return max(float(np.sum(A**2) + np.sum(B**2) - 2.0 * np.linalg.svd(A.T @ B, compute_uv=False).sum()), 0.0)


def gaussian_w2(mean_p: Array, covariance_p: Array, mean_q: Array, covariance_q: Array) -> float:
    """W_2 between two Gaussians, sqrt(|mean difference|^2 + Bures^2). About 1e-8 absolute where the two nearly agree
    (cancellation).

    >>> round(gaussian_w2([0.0, 0.0], np.eye(2), [3.0, 4.0], np.eye(2)), 6)
    5.0
    """
    shift = np.sum((to_numpy(mean_p) - to_numpy(mean_q)) ** 2)
    return math.sqrt(shift + bures_from_factors(factor(covariance_p), factor(covariance_q)))


def gaussian_kl(mean_p: Array, covariance_p: Array, mean_q: Array, covariance_q: Array) -> float:
    """KL(N(mean_p, covariance_p) || N(mean_q, covariance_q)) in nats; inf unless both covariances have the same range
    and the means differ inside it.

    >>> round(gaussian_kl([1.0], [[1.0]], [0.0], [[1.0]]), 12), gaussian_kl([0, 0], np.diag([1, 0]), [0, 0], np.eye(2))
    (0.5, inf)
    """
    P, Q = factor(covariance_p), factor(covariance_q)
    shift = to_numpy(mean_p) - to_numpy(mean_q)
    if P.shape[1] != Q.shape[1]:
        return math.inf
    inverse = np.linalg.pinv(Q)
    white, moved = inverse @ P, inverse @ shift
    outside, beside = np.linalg.norm(P - Q @ white), np.linalg.norm(shift - Q @ moved)
    scale = max(math.sqrt(np.sum(Q**2)), float(np.linalg.norm(shift)))
    if (
        outside > 1e-7 * np.linalg.norm(P) or beside > 1e-7 * scale
    ):  # sqrt(eps), with room: factors carry half the digits
        return math.inf
    singular = np.linalg.svd(white, compute_uv=False)
    excess = singular**2 - 1.0
    return 0.5 * float(np.sum(excess - np.log1p(excess)) + moved @ moved)


def second_moment_ratio(
    x: Array, second_moment: float, center: Array | None = None, confidence: float = 0.95
) -> Estimate:
    """E|x - center|^2 of a sample (n, d) over its known value, with a t-interval; 1 for the right law.

    >>> second_moment_ratio([[1.0, 0.0], [0.0, 1.0]], second_moment=1.0)
    Estimate(value=1.0, low=1.0, high=1.0)
    """
    x = points("x", x, 2)
    centered = x if center is None else x - to_numpy(center)
    return mean(np.sum(centered**2, axis=1) / second_moment, confidence)


def scale_ratio(x: Array, covariance: Array, center: Array | None = None, confidence: float = 0.95) -> Estimate:
    """E of the whitened squared norm over its rank: 1 for the right covariance, (1+e)^2 for a sample (n, d) scaled by
    1+e.

    covariance (d, d), any rank (what lies outside its range is ignored). t-interval.

    >>> round(scale_ratio([[2.0, 7.0], [-2.0, 7.0]], np.diag([4.0, 0.0])).value, 12)
    1.0
    """
    x = points("x", x, 2)
    A = factor(covariance)
    white = (x if center is None else x - to_numpy(center)) @ np.linalg.pinv(A).T
    return mean(np.mean(white**2, axis=1), confidence)


def mean_error_squared(x: Array, true_mean: Array, confidence: float = 0.95) -> Estimate:
    """|E x - true_mean|^2 =: D, unbiased (may be negative): U = |average - true_mean|^2 - tr S/n, with its interval
    (low >= 0).

    Derived here: Var U = 2 tr S^2/(n(n-1)) + 4 D v/n, v the variance along the error; the interval holds the D >= 0
    with |U - D| <= q sd(U; D), as Wilson's does for proportions: it keeps its level at D = 0 and away from it.

    >>> round(mean_error_squared([[1.0], [2.0], [3.0]], [0.0]).value, 4)  # 2^2 - 1/3
    3.6667
    """
    x = points("x", x, 3)
    n, e = x.shape[0], x.mean(axis=0) - to_numpy(true_mean)
    centered = x - x.mean(axis=0)
    # traces through the smaller Gram matrix
    gram = centered @ centered.T if n < x.shape[1] else centered.T @ centered
    value = float(e @ e - np.trace(gram) / (n - 1) / n)
    along = np.sum((centered @ e) ** 2) / (n - 1) / max(e @ e, 1e-300)
    q2 = stats.norm.ppf((1.0 + confidence) / 2.0) ** 2
    base, slope = 2.0 * np.sum(gram**2) / (n - 1) ** 2 / (n * (n - 1)), 4.0 * along / n
    root = math.sqrt(max(q2 * slope**2 / 4.0 + value * slope + base, 0.0) * q2)
    middle = value + q2 * slope / 2.0
    return Estimate(value, max(middle - root, 0.0), max(middle + root, 0.0))


def variance_ratios(x: Array, covariance: Array, confidence: float = 0.95) -> list[Estimate]:
    """Sample (n >= 20, d) over true variance along each principal axis of the true covariance, largest first.

    >>> x = np.random.default_rng(0).standard_normal((4000, 2)) * [3.0, 1.1]
    >>> [ratio.contains(true) for ratio, true in zip(variance_ratios(x, np.diag([9.0, 1.0])), (1.0, 1.21))]
    [True, True]
    """
    x = points("x", x, 20)
    A = factor(covariance)
    scales = np.linalg.norm(A, axis=0)
    along = (x @ (A / scales))[:, ::-1] / scales[::-1]
    return [variance(column, confidence) for column in along.T]
