"""A term of the ledger: a number of nats with its standard error, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

__all__ = ["Term", "Tally"]


@dataclass(frozen=True)
class Term:
    """A term in nats.

    Attributes:
        value: its estimate.
        standard_error: of the estimate; 0 where it is exact.
        per_step (N,), per_step_error (N,): contributions of the steps and their standard errors (independent across
            steps), or None for a term that is not a sum over steps.
    """

    value: float
    standard_error: float = 0.0
    per_step: torch.Tensor | None = None
    per_step_error: torch.Tensor | None = None

    @classmethod
    def of_steps(cls, per_step: torch.Tensor, per_step_error: torch.Tensor | None = None) -> Term:
        """The sum of independent contributions; no errors means exact ones."""
        error = torch.zeros_like(per_step) if per_step_error is None else per_step_error
        return cls(float(per_step.sum()), float(error.square().sum().sqrt()), per_step, error)

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """value -/+ z standard errors; 95 % by default."""
        return self.value - z * self.standard_error, self.value + z * self.standard_error

    def __add__(self, other: Term) -> Term:
        """Sum of two independent terms; the steps are dropped."""
        return Term(self.value + other.value, math.hypot(self.standard_error, other.standard_error))


class Tally:
    """Collects, step by step, sample means of weighted per-sample contributions."""

    def __init__(self) -> None:
        self._mean: list[float] = []
        self._error: list[float] = []

    def add(self, samples: torch.Tensor) -> None:
        """Contribution of the next step, one value per sample (n,)."""
        self._mean.append(float(samples.mean()))
        self._error.append(float(samples.std()) / math.sqrt(len(samples)) if len(samples) > 1 else math.inf)

    def term(self) -> Term:
        mean, error = (torch.tensor(v, dtype=torch.float64) for v in (self._mean, self._error))
        return Term.of_steps(mean, error)
