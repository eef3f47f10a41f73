"""Numbers with an interval. Every interval is two-sided with the stated confidence (95 % unless given)."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .arrays import Array, Number, Random, generator, to_numpy, values


@dataclass(frozen=True)
class Estimate:
    """A value and its interval [low, high]; either end may be infinite (censored).

    >>> Estimate(2.0, 1.0, 4.0).map(math.log2)
    Estimate(value=1.0, low=0.0, high=2.0)
    """

    value: float
    low: float
    high: float

    def contains(self, x: float) -> bool:
        """Whether x lies in the closed interval.

        >>> Estimate(2.0, 1.0, 4.0).contains(4.0)
        True
        """
        return self.low <= x <= self.high

    def map(self, increasing: Callable[[float], float]) -> Estimate:
        """The estimate of an increasing function of the quantity.

        >>> Estimate(2.0, 1.0, 4.0).map(lambda x: 10 * x)
        Estimate(value=20.0, low=10.0, high=40.0)
        """
        return Estimate(float(increasing(self.value)), float(increasing(self.low)), float(increasing(self.high)))

    def shifted(self, by: float) -> Estimate:
        """The estimate of the quantity plus a number.

        >>> Estimate(1.0, 0.5, 2.0).shifted(-1.0)
        Estimate(value=0.0, low=-0.5, high=1.0)
        """
        return Estimate(self.value + by, self.low + by, self.high + by)

    def scaled(self, factor: float) -> Estimate:
        """The estimate of factor times the quantity.

        >>> Estimate(2.0, 1.0, 4.0).scaled(-1)
        Estimate(value=-2.0, low=-4.0, high=-1.0)
        """
        ends = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, *ends)


def _tail(confidence: float) -> float:
    if not isinstance(confidence, numbers.Real) or not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r:.60}")
    return (1.0 + confidence) / 2.0


def from_standard_error(
    value: float, standard_error: float, degrees_of_freedom: float = math.inf, confidence: float = 0.95
) -> Estimate:
    """value +- quantile * standard_error, Student's t (normal for infinite degrees of freedom).

    >>> from_standard_error(1.0, 0.1, 9).map(lambda x: round(x, 3))
    Estimate(value=1.0, low=0.774, high=1.226)
    """
    q = _tail(confidence)
    quantile = stats.norm.ppf(q) if math.isinf(degrees_of_freedom) else stats.t.ppf(q, degrees_of_freedom)
    width = quantile * standard_error
    return Estimate(float(value), float(value - width), float(value + width))


def standard_error(low: Number, high: Number) -> Number:
    """The standard error that a 95 % interval stands for; numbers or arrays.

    >>> standard_error(0.0, 3.92)
    1.0
    """
    return (high - low) / 3.92


def mean(x: Array, confidence: float = 0.95) -> Estimate:
    """Mean of independent values with Student's t-interval (n >= 2).

    >>> mean([1.0, 2.0, 3.0]).map(lambda x: round(x, 3))
    Estimate(value=2.0, low=-0.484, high=4.484)
    """
    x = values("x", x, 2)
    return from_standard_error(x.mean(), x.std(ddof=1) / math.sqrt(x.size), x.size - 1, confidence)


def variance(x: Array, confidence: float = 0.95) -> Estimate:
    """Variance of independent values, any law with four moments (n >= 20).

    Delta method on log s^2 with the sample's own kurtosis: Var s^2 = (mu_4 - s^4 (n-3)/(n-1))/n, t-quantile.

    >>> variance(np.arange(20.0)).map(lambda x: round(x, 2))
    Estimate(value=35.0, low=23.5, high=52.13)
    """
    x = values("x", x, 20)
    n, s2 = x.size, x.var(ddof=1)
    fourth = np.mean((x - x.mean()) ** 4)
    relative = math.sqrt(max((fourth - s2**2 * (n - 3) / (n - 1)) / n, 0.0)) / s2
    return from_standard_error(math.log(s2), relative, n - 1, confidence).map(math.exp)


def ratio(numerator: Array, denominator: Array, paired: bool = False, confidence: float = 0.95) -> Estimate:
    """Ratio of two means with Fieller's interval; (-inf, inf) when the denominator is not separated from 0.

    paired: the two arrays belong to the same runs (their covariance then enters); otherwise they are independent.

    >>> ratio([4.0, 6.0, 8.0], [2.0, 3.0, 4.1], paired=True).map(lambda x: round(x, 3))
    Estimate(value=1.978, low=1.928, high=2.453)
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


def binomial(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """A proportion with the exact (Clopper-Pearson) interval.

    >>> binomial(7, 40).map(lambda x: round(x, 4))
    Estimate(value=0.175, low=0.0734, high=0.3278)
    """
    if not (0 <= successes <= trials and trials >= 1):
        raise ValueError(f"successes must lie in 0..trials with trials >= 1, got {successes} of {trials}")
    _tail(confidence)
    interval = stats.binomtest(int(successes), int(trials)).proportion_ci(confidence, method="exact")
    return Estimate(successes / trials, float(interval.low), float(interval.high))


def bootstrap(
    x: Array,
    statistic: Callable[[np.ndarray], float],
    stream: Random,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Estimate:
    """statistic(rows) with the BCa bootstrap interval of scipy; x: rows (n >= 8, ...) are resampled.

    Raises:
        ValueError: fewer rows, or a statistic that does not vary over resamples.

    >>> found = bootstrap(np.arange(40.0), np.median, np.random.default_rng(0), resamples=500)
    >>> found.value, found.low < 19.5 < found.high
    (19.5, True)
    """
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


def combine(estimates: Iterable[Estimate]) -> Estimate:
    """Inverse-variance mean of independent estimates of one quantity; the result has the confidence that the inputs
    share.

    Raises:
        ValueError: none, or one without a finite interval of positive width.

    >>> combine([Estimate(1.0, 0.9, 1.1), Estimate(2.0, 1.8, 2.2)]).map(lambda x: round(x, 4))
    Estimate(value=1.2, low=1.1106, high=1.2894)
    """
    estimates = list(estimates)
    half = np.array([(e.high - e.low) / 2 for e in estimates])
    if not estimates or not np.isfinite(half).all() or (half <= 0).any():
        raise ValueError("estimates must be at least one, with finite intervals of positive width")
    weights = (half.min() / half) ** 2
    centre = float(weights @ [e.value for e in estimates] / weights.sum())
    width = float(half.min() / math.sqrt(weights.sum()))
    return Estimate(centre, centre - width, centre + width)
