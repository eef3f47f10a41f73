"""Discretisation at a = 1/2 from the MMSE curve, where f_{sigma_t}(X_t) is a martingale."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np
import torch

from analysis.ledgers.terms import Term
from analysis.samplers import Schedule
from manifolds.law import Law

__all__ = ["telescope_term", "level_within"]

_NODES, _WEIGHTS = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(16))
_PANEL = 0.25  # longest quadrature panel in t = 2 log(1 / sigma)


def telescope_term(law: Law, schedule: Schedule) -> Term | None:
    """sum_i int (mmse(sigma_{t_i}) - mmse(sigma_t)) / (2 sigma_t^2) dt, by Gauss-Legendre; None without an MMSE curve.

    Derived here: E|f_{sigma_t}(X_t) - f_{sigma_{t_i}}(X_{t_i})|^2 = mmse(sigma_{t_i}) - mmse(sigma_t).
    """
    sigma, h = schedule.sigma[:-1], schedule.h
    panels = max(1, math.ceil(float(h.max()) / _PANEL))
    offset = (torch.arange(panels, dtype=torch.float64)[:, None] + (_NODES + 1) / 2).reshape(-1) / panels
    weight = (_WEIGHTS / 2).repeat(panels) / panels
    t = h[:, None] * offset
    level = sigma[:, None] * torch.exp(-t / 2)
    mmse = _curve(law, float(schedule.sigma.min()), float(schedule.sigma.max()), level.numel())
    if mmse is None:
        return None
    later = mmse(level.reshape(-1)).reshape(level.shape)
    return Term.of_steps((h[:, None] * weight * (mmse(sigma)[:, None] - later) / (2 * level**2)).sum(dim=1))


def _curve(law: Law, low: float, high: float, count: int) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """law.mmse at `count` levels (q,) in [low, high]: asked itself for few; for many, which it may take a quadrature each to answer,
    a polynomial on each of equal panels of log sigma, of the degree and on the scale that the integral needs anyway."""
    if law.mmse(torch.tensor([high], dtype=torch.float64)) is None:
        return None
    panels, terms = math.ceil(math.log(high / low) / (_PANEL / 2)), len(_NODES)
    if count <= panels * terms:
        return law.mmse
    start, width = math.log(low), math.log(high / low) / panels
    degree = torch.arange(terms, dtype=torch.float64)
    angle = math.pi * (degree + 0.5) / terms
    knots = start + width * (torch.arange(panels, dtype=torch.float64)[:, None] + 0.5 + 0.5 * torch.cos(angle))
    transform = torch.cos(degree[:, None] * angle) * (2.0 / terms)
    transform[0] *= 0.5
    coefficients = law.mmse(torch.exp(knots).reshape(-1)).reshape(knots.shape) @ transform.T

    def interpolated(sigma: torch.Tensor) -> torch.Tensor:
        position = (torch.log(sigma) - start) / width
        panel = position.long().clamp(0, panels - 1)
        x = (2.0 * (position - panel) - 1.0).clamp(-1.0, 1.0)
        return (torch.cos(degree * torch.acos(x)[:, None]) * coefficients[panel]).sum(dim=1)

    return interpolated


def level_within(sigma_start: float, sigma_end: float, u: torch.Tensor) -> torch.Tensor:
    """Levels within a step at a = 1/2, drawn with density proportional to 1 / a_t: uniform in sigma^-2; u in [0, 1]."""
    first, last = sigma_start**-2, sigma_end**-2
    return (first + u * (last - first)).rsqrt()
