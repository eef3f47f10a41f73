"""Laws of radii: a rotation-invariant law is known through its radius alone."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .arrays import generator, values
from .line import quantile_cells


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
