"""Permutation tests of equal laws."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.spatial.distance import cdist

from .arrays import generator, pair, values

MOST_POOLED = 6000  # points; the pooled distance matrix is kept in memory


@dataclass(frozen=True)
class TestResult:
    """A test statistic and its p-value under the null hypothesis that both laws are the same."""

    statistic: float
    p_value: float


TestResult.__test__ = False  # the name is not a test class to pytest


def ks_to_law(sample, cdf):
    """Kolmogorov-Smirnov test of a sample (n,) against an exact distribution function (vectorised callable)."""
    result = stats.kstest(values("sample", sample), cdf)
    return TestResult(float(result.statistic), float(result.pvalue))


def ks_two_samples(x, y):
    """Kolmogorov-Smirnov test of two independent samples."""
    result = stats.ks_2samp(values("x", x), values("y", y))
    return TestResult(float(result.statistic), float(result.pvalue))


def _permutation_test(kernel, n, stream, permutations):
    """Test from a pooled matrix K: statistic w'Kw with w = 1/n on the first sample, -1/m on the second; large = different."""
    rng, total = generator(stream), kernel.shape[0]
    base = np.concatenate([np.full(n, 1.0 / n), np.full(total - n, -1.0 / (total - n))])
    weights = np.column_stack([base] + [rng.permutation(base) for _ in range(permutations)])
    statistics = np.einsum("ij,ij->j", weights, kernel @ weights)
    # the observed one counts as one of its permutations: an exact test; ties against rejection
    rank = np.sum(statistics >= statistics[0] - 1e-12 * abs(statistics[0]))
    return TestResult(float(statistics[0]), float(rank / (permutations + 1)))


def _pooled(x, y):
    x, y = pair(x, y, 4)
    if len(x) + len(y) > MOST_POOLED:
        raise ValueError(f"x and y must hold at most {MOST_POOLED} points together, got {len(x) + len(y)}")
    pooled = np.concatenate([x, y])
    return cdist(pooled, pooled), len(x)


def energy_test(x, y, stream, permutations=499):
    """Energy-distance permutation test of equal laws, samples (n, d), (m, d). Statistic 2E|X-Y| - E|X-X'| - E|Y-Y'| (V-statistic)."""
    distances, n = _pooled(x, y)
    return _permutation_test(-distances, n, stream, permutations)


def mmd_test(x, y, stream, permutations=499, bandwidth=None):
    """Gaussian-kernel MMD^2 permutation test; bandwidth: the median pooled distance unless given. Statistic: V-statistic of MMD^2."""
    distances, n = _pooled(x, y)
    if bandwidth is None:
        bandwidth = float(np.median(distances[np.triu_indices_from(distances, 1)]))
    if not bandwidth > 0:
        raise ValueError(f"bandwidth must be positive, got {bandwidth}")
    return _permutation_test(np.exp(-0.5 * (distances / bandwidth) ** 2), n, stream, permutations)
