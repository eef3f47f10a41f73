"""What several questions about schedules share: injections by name, schedules built on them, readings of tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from analysis.metrics.intervals import Estimate
from analysis.runs import Control, Measurement
from analysis.samplers import Coefficients, Schedule
from analysis.samplers.integrators import ExponentialEuler

__all__ = [
    "FEW",
    "PAPER",
    "PROPORTIONAL",
    "WANING",
    "Overdosed",
    "fine_schedule",
    "largest_deviation",
    "measured",
    "size",
    "waning",
]

PAPER = "arXiv 2602.09639"
PROPORTIONAL = ("0", "0.2", "0.5", "0.8")  # a_t = a sigma_t^2
WANING = "waning"  # a_t = sigma_0^2/(1 + t)^4 / 4: not proportional to sigma_t^2 at any time
FEW = ("gaussian", "mixture", "sphere")  # laws of the smoke profile, and of the discretisation floor


def size(profile: str) -> int:
    """By what the numbers of samples and of repetitions are multiplied in a profile."""
    return {"smoke": 1, "paper": 1, "full": 4}[profile]


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


class Overdosed(ExponentialEuler):
    """A sabotage: `dose` times the variance is injected that the schedule accounts for."""

    name = "overdosed"

    def __init__(self, dose: float):
        self.dose = dose

    def coefficients(self, schedule: Schedule) -> Coefficients:
        steps = super().coefficients(schedule)
        return replace(steps, noise_variance=self.dose * steps.noise_variance)


def largest_deviation(value, standard_error, confidence: float = 0.95) -> Estimate:
    """max |value| over rows, with an interval that holds for all rows at once (Bonferroni)."""
    size, error = np.abs(np.asarray(value, dtype=float)), np.asarray(standard_error, dtype=float)
    width = stats.norm.ppf(0.5 + (1.0 - (1.0 - confidence) / size.size) / 2.0) * error
    low, high = np.maximum(size - width, 0.0).max(), (size + width).max()
    return Estimate(float(size.max()), float(low), float(high))


def measured(claim: str, estimate: Estimate, controls: Sequence[Control], note: str = "") -> Measurement:
    """An estimate as the measurement of a claim."""
    return Measurement(claim, estimate.value, estimate.low, estimate.high, controls, note)
