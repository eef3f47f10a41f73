"""Numbers with an interval. Every interval is two-sided with the stated confidence (95 % unless given)."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .arrays import generator, to_numpy, values


@dataclass(frozen=True)
class Estimate:
    """A value and its interval [low, high]; either end may be infinite (censored)."""

    value: float
    low: float
    high: float

    def contains(self, x):
        """Whether x lies in the closed interval."""
        return self.low <= x <= self.high

    def map(self, increasing):
        """The estimate of an increasing function of the quantity."""
        return Estimate(float(increasing(self.value)), float(increasing(self.low)), float(increasing(self.high)))

    def scaled(self, factor):
        """The estimate of factor times the quantity."""
        ends = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, *ends)


def _tail(confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    return (1.0 + confidence) / 2.0


def from_standard_error(value, standard_error, degrees_of_freedom=math.inf, confidence=0.95):
    """value +- quantile * standard_error, Student's t (normal for infinite degrees of freedom)."""
    q = _tail(confidence)
    width = (
        stats.norm.ppf(q) if math.isinf(degrees_of_freedom) else stats.t.ppf(q, degrees_of_freedom)
    ) * standard_error
    return Estimate(float(value), float(value - width), float(value + width))


def standard_error(low, high):
    """The standard error that a 95 % interval stands for; numbers or arrays."""
    return (high - low) / 3.92


def mean(x, confidence=0.95):
    """Mean of independent values with Student's t-interval (n >= 2)."""
    x = values("x", x, 2)
    return from_standard_error(x.mean(), x.std(ddof=1) / math.sqrt(x.size), x.size - 1, confidence)


def variance(x, confidence=0.95):
    """Variance of independent values, any law with four moments: delta method on log s^2 with the sample's own kurtosis (n >= 20)."""
    x = values("x", x, 20)
    n, s2 = x.size, x.var(ddof=1)
    fourth = np.mean((x - x.mean()) ** 4)
    relative = math.sqrt(max((fourth - s2**2 * (n - 3) / (n - 1)) / n, 0.0)) / s2
    return from_standard_error(math.log(s2), relative, n - 1, confidence).map(math.exp)


def ratio(numerator, denominator, paired=False, confidence=0.95):
    """Ratio of two means with Fieller's interval; (-inf, inf) when the denominator is not separated from 0.

    paired: the two arrays belong to the same runs (their covariance then enters); otherwise they are independent.
    """
    x, y = values("numerator", numerator, 2), values("denominator", denominator, 2)
    if paired and x.size != y.size:
        raise ValueError(f"paired arrays must have one length, got {x.size} and {y.size}")
    var_x, var_y = x.var(ddof=1) / x.size, y.var(ddof=1) / y.size
    covariance = np.cov(x, y)[0, 1] / x.size if paired else 0.0
    q2 = stats.t.ppf(_tail(confidence), min(x.size, y.size) - 1) ** 2
    # all r with (mean x - r mean y)^2 <= q^2 (var x - 2 r cov + r^2 var y)
    a, b, c = y.mean() ** 2 - q2 * var_y, x.mean() * y.mean() - q2 * covariance, x.mean() ** 2 - q2 * var_x
    value = float(x.mean() / y.mean()) if y.mean() != 0 else math.nan
    if a <= 0:
        return Estimate(value, -math.inf, math.inf)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Estimate(value, (b - root) / a, (b + root) / a)


def binomial(successes, trials, confidence=0.95):
    """A proportion with the exact (Clopper-Pearson) interval."""
    if not (0 <= successes <= trials and trials >= 1):
        raise ValueError(f"successes must lie in 0..trials with trials >= 1, got {successes} of {trials}")
    interval = stats.binomtest(int(successes), int(trials)).proportion_ci(confidence, method="exact")
    return Estimate(successes / trials, float(interval.low), float(interval.high))


def bootstrap(x, statistic, stream, resamples=2000, confidence=0.95):
    """statistic(rows) with the BCa bootstrap interval of scipy; x: rows (n, ...) are resampled; statistic(array) -> number."""
    x = to_numpy(x)
    if x.shape[0] < 8:
        raise ValueError(f"x must have at least 8 rows for a bootstrap, got {x.shape[0]}")
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (np.arange(x.shape[0]),),
            lambda index: statistic(x[index]),
            vectorized=False,
            n_resamples=resamples,
            confidence_level=confidence,
            method="BCa",
            rng=generator(stream),
        )
    low, high = float(result.confidence_interval.low), float(result.confidence_interval.high)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("statistic must vary over resamples: it has no bootstrap interval")
    return Estimate(float(statistic(x)), low, high)


def combine(estimates):
    """Inverse-variance mean of independent estimates of one quantity; the result has the confidence that the inputs share."""
    estimates = list(estimates)
    half = np.array([(e.high - e.low) / 2 for e in estimates])
    if not estimates or not np.isfinite(half).all() or (half <= 0).any():
        raise ValueError("estimates must be at least one, with finite intervals of positive width")
    weights = (half.min() / half) ** 2
    centre = float(weights @ [e.value for e in estimates] / weights.sum())
    width = float(half.min() / math.sqrt(weights.sum()))
    return Estimate(centre, centre - width, centre + width)
