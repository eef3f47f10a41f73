"""Where an adaptive run stops: log sigma_hat as a Gaussian walk with drift, stopped at its first visit below a level.

Plain functions of numbers. Derived here: one step lowers log sigma_hat by `drop` on average with variance `step_variance`,
so that after n steps it is N(start - n drop, start_variance + n step_variance). Where the variance of one step is small
beside drop^2, a run never comes back above the end, and stops at step n if it is above it before and not above it after.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

__all__ = ["stopping_law", "walk_variance", "narrowing_dimension"]


def walk_variance(d: float, a: float, t: float) -> float:
    """Var log sigma_hat_t of an adaptive run, 1/(2d) + 2 a t/d."""
    return (0.5 + 2 * a * t) / d


def stopping_law(distance: float, drop: float, start_variance: float, step_variance: float) -> dict:
    """Mean and sd of the number of steps, and variance of the log level at the stop.

    distance: log(sigma_start/sigma_min) > 0. The level before the stop, p > 0, is Gaussian; the one after it is
    N(p - drop, step_variance) cut to what is not above 0. Integrated over p by Gauss-Legendre nodes.
    """
    n = np.arange(1, int(3 * distance / drop) + 20)
    step = np.sqrt(step_variance)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    half = (drop + 8 * step) / 2
    p, weights = half * (nodes + 1), half * weights
    before = stats.norm.pdf(
        p, distance - (n[:, None] - 1) * drop, np.sqrt(start_variance + (n[:, None] - 1) * step_variance)
    )
    high = (drop - p) / step
    crossing = stats.norm.cdf(high)
    # first two moments of p - drop + step Z given that it is at most 0
    mills = np.exp(stats.norm.logpdf(high) - stats.norm.logcdf(high))
    mean, second = p - drop - step * mills, step_variance * (1 - high * mills) - step_variance * mills**2
    mass = before * crossing * weights
    mass /= mass.sum()
    by_step, by_level = mass.sum(1), mass.sum(0)
    steps, level = by_step @ n, by_level @ mean
    return {
        "mean_steps": float(steps),
        "sd_steps": float(np.sqrt(by_step @ (n - steps) ** 2)),
        "log_level_variance": float(by_level @ (second + (mean - level) ** 2)),
    }


def narrowing_dimension(a: float, h: float, horizon: float) -> float:
    """The d below which stopping narrows the log level: a stopped level is spread evenly over one step, drop^2/12."""
    return 12 * (0.5 + 2 * a * horizon) / ((1 - a) * h) ** 2
