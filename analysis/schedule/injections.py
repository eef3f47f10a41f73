"""Injections a_t of the dynamics dY = (f(Y) - Y) dt + sqrt(2 a_t) dB, by name, and schedules built on them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from analysis.samplers import Schedule

__all__ = ["PROPORTIONAL", "WANING", "fine_schedule", "waning"]

PROPORTIONAL = ("0", "0.2", "0.5", "0.8")  # a_t = a sigma_t^2
WANING = "waning"  # a_t = sigma_0^2/(1 + t)^4 / 4: not proportional to sigma_t^2 at any time


def waning(sigma_0: float, power: float = 4.0) -> Callable:
    """a_t = (sigma_0^2/4) (1 + t)^-power, decreasing with a_0 < sigma_0^2: the premise of Lemmas 3.3 and 3.4 holds."""
    return lambda t: 0.25 * sigma_0**2 * (1.0 + t) ** -power


def fine_schedule(injection: str, sigma_0: float, sigma_T: float, h: float) -> Schedule:
    """A schedule from sigma_0 to about sigma_T in equal steps of at most h, for a named injection.

    The waning injection ends where sigma_t has fallen to sigma_T, to within one part in 1e10.
    """
    if injection != WANING:
        a = float(injection)
        steps = math.ceil(math.log(sigma_0 / sigma_T) / ((1.0 - a) * h) - 1e-9)
        return Schedule.proportional(sigma_0, sigma_T, a, steps)
    a_t = waning(sigma_0)
    low, high = 0.0, 1.0
    while Schedule.from_injection(a_t, sigma_0, high, 8 * math.ceil(high)).sigma_end > sigma_T:
        low, high = high, 2 * high
    coarse = Schedule.from_injection(a_t, sigma_0, high, 8 * math.ceil(high))
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if float(coarse.level(middle)) > sigma_T else (low, middle)
    return Schedule.from_injection(a_t, sigma_0, high, int(np.ceil(high / h)))
