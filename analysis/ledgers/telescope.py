"""Discretisation at a = 1/2 from the MMSE curve, where f_{sigma_t}(X_t) is a martingale."""

from __future__ import annotations

import math

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
    first = law.mmse(sigma)
    if first is None:
        return None
    panels = max(1, math.ceil(float(h.max()) / _PANEL))
    offset = (torch.arange(panels, dtype=torch.float64)[:, None] + (_NODES + 1) / 2).reshape(-1) / panels
    weight = (_WEIGHTS / 2).repeat(panels) / panels
    t = h[:, None] * offset
    level = sigma[:, None] * torch.exp(-t / 2)
    later = law.mmse(level.reshape(-1)).reshape(level.shape)
    return Term.of_steps((h[:, None] * weight * (first[:, None] - later) / (2 * level**2)).sum(dim=1))


def level_within(sigma_start: float, sigma_end: float, u: torch.Tensor) -> torch.Tensor:
    """Levels within a step at a = 1/2, drawn with density proportional to 1 / a_t: uniform in sigma^-2; u in [0, 1]."""
    first, last = sigma_start**-2, sigma_end**-2
    return (first + u * (last - first)).rsqrt()
