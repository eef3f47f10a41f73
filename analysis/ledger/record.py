"""The finished ledger."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from analysis.ledger.terms import Term

__all__ = ["Ledger"]

_STEPWISE = ("blind", "discretisation", "learning", "cross", "total")


@dataclass(frozen=True)
class Ledger:
    """KL between the path of the ideal process and that of a run that freezes the denoiser over each step, in nats.

    total = init + blind + discretisation + learning + cross, where cross is the sum of two parts with mean zero in the
    exact cases: `cross_prior` (f* against the error of the denoiser; zero for the aligned prior) and `cross_steps`
    (discretisation against the gap of the denoiser; zero at a = 1/2).

    Attributes:
        levels (N,), weights (N,): noise level sigma_{t_i} and KL weight int dt / (4 a_t) of each step.
        log_widths (N,): log(sigma_{t_i} / sigma_{t_{i+1}}).
        n: samples per step.
        exact: names of the terms that are closed forms or one-dimensional integrals.
    """

    init: Term
    blind: Term
    discretisation: Term
    learning: Term
    cross: Term
    total: Term
    cross_prior: Term
    cross_steps: Term
    levels: torch.Tensor
    weights: torch.Tensor
    log_widths: torch.Tensor
    n: int
    exact: tuple[str, ...]

    @property
    def total_variation(self) -> float:
        """Bound sqrt(total / 2) on the total variation between p_{sigma_T} and the law of the run, at most 1."""
        return min(1.0, math.sqrt(max(self.total.value, 0.0) / 2))

    def rows(self) -> list[dict[str, float]]:
        """One tidy row a step: level, weight, each term with its standard error, and each per unit of log sigma; no init."""
        table = []
        for i in range(len(self.levels)):
            width = float(self.log_widths[i])
            row: dict[str, float] = {"step": i, "sigma": float(self.levels[i]), "weight": float(self.weights[i])}
            for name in _STEPWISE:
                term = getattr(self, name)
                row[name] = float(term.per_step[i])
                row[f"{name}_se"] = float(term.per_step_error[i])
                row[f"{name}_per_log_sigma"] = row[name] / width
            table.append(row)
        return table
