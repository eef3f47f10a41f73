"""Discretisation at a = 1/2, where f_{sigma_t}(X_t) is a martingale, from the MMSE curve; and the steps it needs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from analysis.ledger.record import StepTerm
from analysis.samplers import Schedule
from analysis.samplers.grids import check_range
from analysis.samplers.ideal import is_brownian_reversal
from analysis.theory.discretisation import discretisation_from_mmse, discretisation_per_step
from analysis.theory.grid import constant_levels
from analysis.theory.rates import steps_for_certificate
from manifolds.checks import positive_int
from manifolds.law import Law
from manifolds.special.mmse_curve import known_mmse
from manifolds.streams import Stream

__all__ = ["Curve", "constant_step_nats", "level_within", "mmse_curves", "steps_for_nats", "telescope_term"]

Curve = Callable[[np.ndarray], np.ndarray]  # sigma (any shape) -> E tr Cov[X | Y]

_LEAST = 1e-16  # of the largest mmse; atoms have less, and in the end 0, at levels below their distances
_KNOTS = 73


def telescope_term(law: Law, schedule: Schedule) -> StepTerm | None:
    """sum_i int (mmse(sigma_{t_i}) - mmse(sigma_t)) / (2 sigma_t^2) dt; None without an MMSE curve.

    The MMSE form of arXiv 2601.21943, by I-MMSE (arXiv 2302.03792): the denoised value is a martingale, so that
    E|f_{sigma_t}(X_t) - f_{sigma_{t_i}}(X_{t_i})|^2 = mmse(sigma_{t_i}) - mmse(sigma_t).

    Raises:
        ValueError: a schedule with a != 1/2, where f is no martingale.

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=4, ambient=1000, reduced=True), Schedule.proportional(20.0, 0.05)
    >>> round(telescope_term(law, run).value, 4)
    0.9903
    """
    if not is_brownian_reversal(schedule):
        raise ValueError("schedule must have a = 1/2, where the denoised value is a martingale")
    curve = known_mmse(law, float(schedule.sigma.min()), float(schedule.sigma.max()))
    if curve is None:
        return None
    return StepTerm.of_steps(torch.from_numpy(discretisation_per_step(schedule.sigma.numpy(), curve)))


def level_within(sigma_start: float, sigma_end: float, u: torch.Tensor) -> torch.Tensor:
    """Levels within a step at a = 1/2, drawn with density proportional to 1 / a_t: uniform in sigma^-2; u in [0, 1].

    >>> level_within(2.0, 1.0, torch.tensor([0.0, 1.0]))
    tensor([2., 1.])
    """
    first, last = sigma_start**-2, sigma_end**-2
    return (first + u * (last - first)).rsqrt()


def mmse_curves(law: Law, low: float, high: float, n: int, batches: int, stream: Stream) -> list[Curve]:
    """MMSE curves on [low, high]: one if the law knows it, else one a batch, each from n points.

    A measured curve is a cubic spline of log mmse in log sigma; common noise at every level keeps it smooth.

    Raises:
        ValueError: unless 0 < low < high and both numbers are at least 1.

    >>> import manifolds
    >>> (curve,) = mmse_curves(manifolds.make("gaussian", dim=2, ambient=9), 0.1, 10.0, 64, 8, manifolds.stream(0))
    >>> round(float(curve(np.array(1.0))), 6)  # k s^2 sigma^2/(s^2 + sigma^2)
    1.0
    """
    check_range(high, low)
    positive_int(n, "n")
    positive_int(batches, "batches")
    known = known_mmse(law, low, high)
    if known is not None:
        return [known]
    knots = torch.linspace(math.log(low) - 0.1, math.log(high) + 0.1, _KNOTS, dtype=torch.float64)
    found = []
    for b in range(batches):
        own = stream.child("mmse", b)
        x, draw = law.sample(n, own.child("data")), law.space.draw(n, own.child("noise"))
        values = [float(law.posterior_trace(law.space.perturb(x, s, draw), s).mean()) for s in knots.exp().tolist()]
        found.append(_spline(knots.numpy(), np.log(np.maximum(values, _LEAST * max(values)))))
    return found


def _spline(knots: np.ndarray, logs: np.ndarray) -> Curve:
    curve = CubicSpline(knots, logs)
    return lambda sigma: np.exp(curve(np.log(sigma)))


def constant_step_nats(curve: Curve, steps: int, start: float, end: float) -> float:
    """disc of that many constant steps from level `start` to `end`, in nats.

    >>> round(constant_step_nats(lambda sigma: 4 * sigma**2 / (1 + sigma**2), 64, 20.0, 0.05), 4)
    0.9903
    """
    return discretisation_from_mmse(constant_levels(start, end, steps), curve)


def steps_for_nats(curve: Curve, nats: float, start: float, end: float) -> float:
    """Constant steps at which disc = nats, interpolated between integers by a power law; inf if nats <= 0.

    >>> round(steps_for_nats(lambda sigma: 4 * sigma**2 / (1 + sigma**2), 0.9903, 20.0, 0.05), 1)
    64.0
    """
    if nats <= 0:
        return math.inf
    needed = steps_for_certificate(nats, lambda steps: constant_step_nats(curve, steps, start, end), most=2**20)
    if needed is None:
        return math.inf
    if needed == 1:
        return 1.0
    before, after = (math.log(constant_step_nats(curve, steps, start, end)) for steps in (needed - 1, needed))
    share = (before - math.log(nats)) / (before - after)
    return math.exp(math.log(needed - 1) + share * math.log(needed / (needed - 1)))
