"""The MMSE curve of a law as a function of sigma, closed or measured, and the steps that its certificate needs."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from analysis.scaling.setting import ends
from analysis.theory.discretisation import discretisation_from_mmse
from analysis.theory.grid import constant_levels
from analysis.theory.rates import steps_for_certificate
from manifolds.law import Law
from manifolds.special.mmse_curve import known_mmse
from manifolds.streams import Stream

__all__ = ["curves", "discretisation", "real_steps"]

_KNOTS = 73


def curves(law: Law, n: int, batches: int, stream: Stream) -> list[Callable[[np.ndarray], np.ndarray]]:
    """MMSE curves: one, if the law knows it; else one a batch, from n points each with common noise at every level, a cubic spline
    of log mmse in log sigma (the common noise keeps it smooth)."""
    start, end = ends(law)
    known = known_mmse(law, end, start)
    if known is not None:
        return [known]
    knots = torch.linspace(math.log(end) - 0.1, math.log(start) + 0.1, _KNOTS, dtype=torch.float64)
    found = []
    for b in range(batches):
        own = stream.child("mmse", b)
        x, draw = law.sample(n, own.child("data")), law.space.draw(n, own.child("noise"))
        values = [float(law.posterior_trace(law.space.perturb(x, s, draw), s).mean()) for s in knots.exp().tolist()]
        found.append(_spline(knots.numpy(), np.log(values)))
    return found


def _spline(knots: np.ndarray, logs: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    curve = CubicSpline(knots, logs)
    return lambda sigma: np.exp(curve(np.log(sigma)))


def discretisation(curve: Callable, steps: int, start: float, end: float) -> float:
    """disc of constant steps from level `start` to `end`, in nats."""
    return discretisation_from_mmse(constant_levels(start, end, steps), curve)


def real_steps(curve: Callable, rest: float, eps: float, start: float, end: float) -> float:
    """Steps at which rest + disc = eps, interpolated between integers (a power law between them); inf if rest >= eps."""
    if rest >= eps:
        return math.inf
    disc = lambda steps: discretisation(curve, steps, start, end)
    needed = steps_for_certificate(eps - rest, disc, most=2**20)
    if needed is None:
        return math.inf
    if needed == 1:
        return 1.0
    before, after = (math.log(disc(steps)) for steps in (needed - 1, needed))
    share = (before - math.log(eps - rest)) / (before - after)
    return math.exp(math.log(needed - 1) + share * math.log(needed / (needed - 1)))
