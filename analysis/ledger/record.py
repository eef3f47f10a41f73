"""What a ledger is made of: terms in nats with their standard errors, step by step, and the finished record."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

__all__ = ["Ledger", "StepTerm", "Tally", "Term"]

_STEPWISE = ("blind", "discretisation", "learning", "cross", "total")


@dataclass(frozen=True)
class Term:
    """A term in nats.

    Attributes:
        value: its estimate.
        standard_error: of the estimate; 0 where it is exact.
    """

    value: float
    standard_error: float = 0.0

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """value -/+ z standard errors; 95 % by default."""
        return self.value - z * self.standard_error, self.value + z * self.standard_error

    def __add__(self, other: Term) -> Term:
        """Sum of two independent terms; the steps are dropped."""
        return Term(self.value + other.value, math.hypot(self.standard_error, other.standard_error))


@dataclass(frozen=True, kw_only=True)
class StepTerm(Term):
    """A term that is a sum over steps.

    Attributes:
        per_step (N,), per_step_error (N,): contributions of the steps and their standard errors, which are independent.
    """

    per_step: torch.Tensor
    per_step_error: torch.Tensor

    @classmethod
    def of_steps(cls, per_step: torch.Tensor, per_step_error: torch.Tensor | None = None) -> StepTerm:
        """The sum of independent contributions; no errors means exact ones."""
        error = torch.zeros_like(per_step) if per_step_error is None else per_step_error
        value, standard_error = float(per_step.sum()), float(error.square().sum().sqrt())
        return cls(value=value, standard_error=standard_error, per_step=per_step, per_step_error=error)

    def with_start(self, init: Term) -> StepTerm:
        """The sum with a term that belongs to no step; the per-step values stay without it."""
        whole = self + init
        return replace(self, value=whole.value, standard_error=whole.standard_error)


class Tally:
    """Collects, step by step, sample means of weighted per-sample contributions."""

    def __init__(self) -> None:
        self._mean: list[float] = []
        self._error: list[float] = []

    def add(self, samples: torch.Tensor) -> None:
        """Contribution of the next step, one value per sample (n,)."""
        self._mean.append(float(samples.mean()))
        self._error.append(float(samples.std()) / math.sqrt(len(samples)) if len(samples) > 1 else math.inf)

    def term(self) -> StepTerm:
        """The sum over the steps seen so far."""
        mean, error = (torch.tensor(v, dtype=torch.float64) for v in (self._mean, self._error))
        return StepTerm.of_steps(mean, error)


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
    blind: StepTerm
    discretisation: StepTerm
    learning: StepTerm
    cross: StepTerm
    total: StepTerm
    cross_prior: StepTerm
    cross_steps: StepTerm
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
        """A row a step: level, weight, each term, its standard error, and the term per unit of log sigma; no init."""
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
