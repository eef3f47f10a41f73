"""What the questions about the neighbours' theorems share: exponents with an interval, and a sampler that leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from analysis.integrators.settings import final_variances, named
from analysis.metrics.fits import steps_to_reach
from analysis.metrics.intervals import Estimate
from analysis.runs.claims import Claim, Control, Measurement
from analysis.runs.every import every_cell
from analysis.samplers import Coefficients, Integrator, Schedule
from analysis.samplers.integrators import ExponentialEuler
from analysis.theory.gaussian_run import gaussian_divergence

__all__ = [
    "ABSTRACT", "COUNTS", "Leaking", "control", "every", "exponent", "gaussian_kl", "reach", "reach_of_all", "smoke",
]  # fmt: skip

ABSTRACT = "read as an abstract"
COUNTS = tuple(round(2 ** (j / 2)) for j in range(4, 23))  # 4 to 2048 steps


def smoke(options) -> bool:
    """Whether the fewest cells are asked for."""
    return options.profile == "smoke"


def exponent(x: ArrayLike, y: ArrayLike) -> Estimate:
    """e of y ~ x^e between the ends of x; the interval is the range of the exponents between neighbours.

    No sampling error: the interval shows how far the curve is from a power.
    """
    u, v = np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float))
    order = np.argsort(u)
    u, v = u[order], v[order]
    own = np.diff(v) / np.diff(u)
    whole = float((v[-1] - v[0]) / (u[-1] - u[0]))
    return Estimate(whole, float(own.min()), float(own.max()))


def every(
    claims: Sequence[Claim],
    identifier: str,
    found: Mapping[str, Estimate],
    controls: Sequence[Control],
    note: str = "",
    **more,
) -> Measurement:
    """The claim about every cell, decided by the one that leaves least room; `found` names the cells."""
    cells = list(found.values())
    value, low, high = ([getattr(e, end) for e in cells] for end in ("value", "low", "high"))
    return every_cell(claims, identifier, value, low, high, controls, note, list(found), **more)


def reach(error: Callable[[int], float], target: float, counts: Sequence[int] = COUNTS) -> float:
    """Steps N at which an error that falls with N reaches the target, between the counts tried; inf beyond them."""
    return steps_to_reach(list(counts), [error(n) for n in counts], target).value


def reach_of_all(one: Mapping[int, float], d: float, target: float) -> float:
    """Steps at which d times the error of one direction, known at some step counts, reaches the target."""
    return reach(lambda n: d * one[n], target, list(one))


class Leaking(ExponentialEuler):
    """A sabotage: the injected variance is larger by a factor 1 + rate/N^power: the level is off at that order."""

    name = "leaking"

    def __init__(self, rate: float, power: float):
        self.rate, self.power = rate, power

    def coefficients(self, schedule: Schedule) -> Coefficients:
        steps = super().coefficients(schedule)
        grown = 1.0 + self.rate / schedule.steps**self.power
        return replace(steps, noise_variance=grown * steps.noise_variance)


def gaussian_kl(
    integrator: str | Integrator,
    schedule: Schedule,
    s: float,
    tangential: float,
    normal: float,
    believed: float | None = None,
) -> float:
    """KL(p_{sigma_T} || law of Y_N) of N(0, s^2 I) in so many directions and 0 in so many others, exactly.

    Started at p_{sigma_0}, conditional denoiser; `believed` is the standard deviation that denoiser and start assume.
    """
    method = named(integrator) if isinstance(integrator, str) else integrator
    u, v = final_variances(method, schedule, believed or s)
    target = schedule.sigma_end**2
    found = gaussian_divergence(s**2 + target, u, tangential)
    return float(found + (gaussian_divergence(target, v, normal) if normal else 0.0))


def control(kind: str, what: str, found: Estimate) -> Control:
    """A control with the interval of an estimate."""
    return Control(kind, what, found.low, found.high)
