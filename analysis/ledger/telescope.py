"""Discretisation at a = 1/2 from the MMSE curve, where f_{sigma_t}(X_t) is a martingale."""

from __future__ import annotations

import torch

from analysis.ledger.terms import Term
from analysis.samplers import Schedule
from analysis.theory.discretisation import discretisation_per_step
from manifolds.law import Law
from manifolds.special.mmse_curve import known_mmse

__all__ = ["telescope_term", "level_within"]


def telescope_term(law: Law, schedule: Schedule) -> Term | None:
    """sum_i int (mmse(sigma_{t_i}) - mmse(sigma_t)) / (2 sigma_t^2) dt; None without an MMSE curve.

    Derived here: E|f_{sigma_t}(X_t) - f_{sigma_{t_i}}(X_{t_i})|^2 = mmse(sigma_{t_i}) - mmse(sigma_t).
    """
    curve = known_mmse(law, float(schedule.sigma.min()), float(schedule.sigma.max()))
    if curve is None:
        return None
    return Term.of_steps(torch.from_numpy(discretisation_per_step(schedule.sigma.numpy(), curve)))


def level_within(sigma_start: float, sigma_end: float, u: torch.Tensor) -> torch.Tensor:
    """Levels within a step at a = 1/2, drawn with density proportional to 1 / a_t: uniform in sigma^-2; u in [0, 1]."""
    first, last = sigma_start**-2, sigma_end**-2
    return (first + u * (last - first)).rsqrt()
