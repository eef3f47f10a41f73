"""What a ledger is made of: terms in nats with their standard errors, step by step, and the finished record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pandas
import torch

__all__ = ["Ledger", "StepTerm", "Tally", "Term"]

_STEPWISE = ("blind", "discretisation", "learning", "cross", "total")


@dataclass(frozen=True)
class Term:
    """A term in nats.

    Attributes:
        value: its estimate.
        standard_error: of the estimate; 0 where it is exact.

    >>> Term(1.0, 0.03) + Term(2.0, 0.04)
    Term(value=3.0, standard_error=0.05)
    """

    value: float
    standard_error: float = 0.0

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """value -/+ z standard errors; 95 % by default.

        >>> Term(1.0, 0.5).interval(z=2.0)
        (0.0, 2.0)
        """
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

    per_step: torch.Tensor = field(repr=False)
    per_step_error: torch.Tensor = field(repr=False)

    @classmethod
    def of_steps(cls, per_step: torch.Tensor, per_step_error: torch.Tensor | None = None) -> StepTerm:
        """The sum of independent contributions; no errors means exact ones.

        >>> StepTerm.of_steps(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
        StepTerm(value=3.0, standard_error=5.0)
        """
        error = torch.zeros_like(per_step) if per_step_error is None else per_step_error
        value, standard_error = float(per_step.sum()), float(error.square().sum().sqrt())
        return cls(value=value, standard_error=standard_error, per_step=per_step, per_step_error=error)

    def with_start(self, init: Term) -> StepTerm:
        """The sum with a term that belongs to no step; the per-step values stay without it.

        >>> StepTerm.of_steps(torch.tensor([1.0, 2.0])).with_start(Term(0.5)).value
        3.5
        """
        whole = self + init
        return replace(self, value=whole.value, standard_error=whole.standard_error)


class Tally:
    """Collects, step by step, sample means of weighted per-sample contributions.

    >>> tally = Tally()
    >>> tally.add(torch.tensor([1.0, 3.0], dtype=torch.float64))
    >>> tally.term()
    StepTerm(value=2.0, standard_error=1.0)
    """

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


@dataclass(frozen=True, repr=False)
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

    `print` shows its terms; `to_frame` and `rows` give them to compute with.
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

    def __repr__(self) -> str:
        return f"Ledger(total={self.total.value:.4g} nats, steps={len(self.levels)}, n={self.n})"

    def __str__(self) -> str:
        """A line a term, then what the total certifies."""
        lines = [f"{'term':<14}{'nats':>11}{'s.e.':>10}"]
        for name in ("init", *_STEPWISE):
            term = getattr(self, name)
            seen = term.standard_error > 1e-12 * abs(term.value)  # below that it is rounding
            error = "exact" if name in self.exact else _number(term.standard_error if seen else 0.0)
            lines.append(f"{name:<14}{_number(term.value):>11}{error:>10}")
        start, end = float(self.levels[0]), float(self.levels[-1] * torch.exp(-self.log_widths[-1]))
        lines.append(
            f"total variation at most {self.total_variation:.4f}; {len(self.levels)} steps "
            f"from sigma = {start:.4g} to {end:.4g}, {self.n} samples a step"
        )
        return "\n".join(lines)

    def to_frame(self, steps: bool = False) -> pandas.DataFrame:
        """The terms as a table: one row a term (nats, standard_error, exact); or, with `steps`, `rows()`, one a step.

        >>> term = StepTerm.of_steps(torch.tensor([0.25, 0.5]))
        >>> ends = torch.tensor([2.0, 1.0])
        >>> Ledger(Term(0.25), *[term] * 7, ends, ends, ends, 10, ("init",)).to_frame().loc["init"].to_dict()
        {'nats': 0.25, 'standard_error': 0.0, 'exact': True}
        """
        if steps:
            return pandas.DataFrame(self.rows()).set_index("step")
        terms = {name: getattr(self, name) for name in ("init", *_STEPWISE)}
        columns = {
            "nats": [term.value for term in terms.values()],
            "standard_error": [term.standard_error for term in terms.values()],
            "exact": [name in self.exact for name in terms],
        }
        return pandas.DataFrame(columns, index=pandas.Index(list(terms), name="term"))

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


def _number(value: float) -> str:
    """Four digits where they are seen, else a power of ten; zero as 0."""
    if value == 0:
        return "0"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e3 else f"{value:.2e}"
