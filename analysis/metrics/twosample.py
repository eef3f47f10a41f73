"""Tests of equal laws: of a sample against a law (Kolmogorov-Smirnov), and of two samples (the same, and by
permutation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist

from .arrays import Array, Random, generator, pair, values

MOST_POOLED = 6000  # points; the pooled distance matrix is kept in memory (288 MB)


@dataclass(frozen=True)
class TestResult:
    """A test statistic and its p-value under the null hypothesis that both laws are the same."""

    __test__: ClassVar[bool] = False  # the name is not a test class to pytest

    statistic: float
    p_value: float


def ks_to_law(sample: Array, cdf: Callable[[np.ndarray], np.ndarray]) -> TestResult:
    """Kolmogorov-Smirnov test of a sample (n,) against an exact distribution function (vectorised).

    >>> result = ks_to_law(np.linspace(0.05, 0.95, 10), lambda x: x)
    >>> round(result.statistic, 6)
    0.05
    """
    result = stats.kstest(values("sample", sample), cdf)
    return TestResult(float(result.statistic), float(result.pvalue))


def ks_two_samples(x: Array, y: Array) -> TestResult:
    """Kolmogorov-Smirnov test of two independent samples (n,), (m,).

    >>> ks_two_samples([1.0, 2.0, 3.0], [2.5, 3.5, 4.5]).statistic
    0.6666666666666666
    """
    result = stats.ks_2samp(values("x", x), values("y", y))
    return TestResult(float(result.statistic), float(result.pvalue))


def _permutation_test(kernel: np.ndarray, n: int, stream: Random, permutations: int) -> TestResult:
    """Test from a pooled matrix K: statistic w'Kw with w = 1/n on the first sample, -1/m on the second; large =
    different.
    """
    rng, total = generator(stream), kernel.shape[0]
    base = np.concatenate([np.full(n, 1.0 / n), np.full(total - n, -1.0 / (total - n))])
    weights = np.column_stack([base] + [rng.permutation(base) for _ in range(permutations)])
    statistics = np.einsum("ij,ij->j", weights, kernel @ weights)
    # the observed one counts as one of its permutations: an exact test; ties against rejection
    rank = np.sum(statistics >= statistics[0] - 1e-12 * abs(statistics[0]))
    return TestResult(float(statistics[0]), float(rank / (permutations + 1)))


def _pooled(x: Array, y: Array) -> tuple[np.ndarray, int]:
    x, y = pair(x, y, 4)
    if len(x) + len(y) > MOST_POOLED:
        raise ValueError(f"x and y must hold at most {MOST_POOLED} points together, got {len(x) + len(y)}")
    pooled = np.concatenate([x, y])
    return cdist(pooled, pooled), len(x)


def energy_test(x: Array, y: Array, stream: Random, permutations: int = 499) -> TestResult:
    """Energy-distance permutation test of equal laws, samples (n, d), (m, d).

    Statistic 2E|X-Y| - E|X-X'| - E|Y-Y'| (V-statistic); the p-value is at least 1/(permutations + 1).

    >>> energy_test(np.arange(9.0), np.arange(9.0) + 9, np.random.default_rng(0), permutations=99).p_value
    0.01
    """
    distances, n = _pooled(x, y)
    return _permutation_test(-distances, n, stream, permutations)


def mmd_test(x: Array, y: Array, stream: Random, permutations: int = 499, bandwidth: float | None = None) -> TestResult:
    """Gaussian-kernel MMD^2 permutation test; bandwidth: the median pooled distance unless given. Statistic:
    V-statistic of MMD^2.

    >>> mmd_test(np.arange(9.0), np.arange(9.0) + 9, np.random.default_rng(0), permutations=99).p_value
    0.01
    """
    distances, n = _pooled(x, y)
    if bandwidth is None:
        bandwidth = float(np.median(distances[np.triu_indices_from(distances, 1)]))
    if not bandwidth > 0:
        raise ValueError(f"bandwidth must be positive, got {bandwidth}")
    return _permutation_test(np.exp(-0.5 * (distances / bandwidth) ** 2), n, stream, permutations)
