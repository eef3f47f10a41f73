"""Where an adaptive run stops: log sigma_hat as a Gaussian walk with drift, stopped at its first visit below a level.

Plain functions of numbers. Derived here: one step lowers log sigma_hat by `drop` on average with variance `step_variance`,
so that after n steps it is N(start - n drop, start_variance + n step_variance); where the variance of one step is small
beside drop^2, a run stops at step n exactly if it is in (end - drop, end] there.
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

    distance: log(sigma_start/sigma_min) > 0. The level given the step is the Gaussian of that step cut to one drop.
    """
    n = np.arange(1, int(3 * distance / drop) + 20)
    sd = np.sqrt(start_variance + n * step_variance)
    mean = distance - n * drop  # of log(level/sigma_min)
    low, high = (-drop - mean) / sd, (0.0 - mean) / sd
    mass = stats.norm.cdf(high) - stats.norm.cdf(low)
    kept = mass > 1e-12
    n, mean, sd, low, high, mass = (v[kept] for v in (n, mean, sd, low, high, mass))
    mass = mass / mass.sum()
    first, second = stats.truncnorm.stats(low, high, moments="mv")
    centre, spread = mean + sd * first, sd**2 * second
    level = mass @ centre
    steps = mass @ n
    return {
        "mean_steps": float(steps),
        "sd_steps": float(np.sqrt(mass @ (n - steps) ** 2)),
        "log_level_variance": float(mass @ (spread + (centre - level) ** 2)),
    }


def narrowing_dimension(a: float, h: float, horizon: float) -> float:
    """The d below which stopping narrows the log level: a stopped level is spread evenly over one step, drop^2/12."""
    return 12 * (0.5 + 2 * a * horizon) / ((1 - a) * h) ** 2
