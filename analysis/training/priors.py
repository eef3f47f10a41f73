"""Which prior to train with, judged by the ledger; and Theorem 3.12 on the trained networks and on known perturbations."""

from __future__ import annotations

import math

import torch

from analysis.learning.risk import prior_risk_difference
from analysis.ledger.calculation import ledger
from analysis.samplers import Schedule
from analysis.theory.learning import learning_bound
from analysis.training.fit import fit, row
from analysis.training.laws import law_of, prior_of
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["cell_priors"]


class Bent:
    """.93 f* + .02 sin(coordinates): a perturbation of the optimum that no law has anything to do with."""

    blind = True

    def __init__(self, optimum: BlindDenoiser):
        self.optimum = optimum

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return 0.93 * self.optimum(y) + 0.02 * torch.sin(y)


def theorem_row(
    measure: str, f, law: Law, optimum: BlindDenoiser, params: dict, draws: Stream, bound: float | None = None
) -> dict:
    """learn / bound at a = 1/2, the bound being that of Theorem 3.12.

    The theorem says <= 1 for every prior; for Theta proportional to sigma^-3 the ratio is 1 (derived here).

    Args:
        bound: of an excess risk of one; None is the theorem's for the prior of the optimum.
    """
    columns = prior_risk_difference(f, law, optimum, params["theorem_points"], draws)
    excess, learned = columns[:, 0], columns[:, 1] / 0.25
    unit = unit_bound(optimum.prior, levels=None) if bound is None else bound
    ratio = float(learned.mean() / (unit * excess.mean()))
    spread = (learned - ratio * unit * excess).std() / math.sqrt(len(excess)) / (unit * excess.mean()).abs()
    return row(measure, ratio, float(spread))


def unit_bound(prior: NoisePrior, levels: torch.Tensor | None) -> float:
    """The bound of Theorem 3.12 per unit of excess risk, a = 1/2; the minimum is over the whole range, or some levels."""
    if levels is None:
        levels = torch.exp(torch.linspace(math.log(prior.low), math.log(prior.high), 513, dtype=torch.float64))
    levels = levels.clamp(prior.low, prior.high)
    return float(learning_bound(1.0, levels.numpy(), torch.exp(prior.log_density(levels)).numpy(), 0.5))


def sabotaged_bound(params: dict) -> float:
    """A wrong bound that each claim must notice: of another prior for the equality, the minimum at the wrong end otherwise."""
    low, high = params["low"], params["high"]
    if float(params["prior"]) == -3.0:
        return unit_bound(NoisePrior.power(-1.0, low, high), None)
    return unit_bound(NoisePrior.power(float(params["prior"]), low, high), torch.tensor([high], dtype=torch.float64))


def cell_priors(params: dict, seed: int) -> list[dict]:
    """One training with one prior: the ledger's terms, Theorem 3.12, and the exact optimum of the prior in the same ledger."""
    law, prior = law_of(params), prior_of(params, law_of(params))
    draws = stream(seed, "priors", params["replicate"])  # one initialisation, one order of points whatever the prior
    f, optimum = fit(params, law, draws.child("training")), BlindDenoiser(law, prior)
    schedule = Schedule.proportional(params["high"], params["low"], 0.5, params["run_steps"])
    rows = []
    for name, denoiser in (("trained", f), ("exact", optimum)):
        found = ledger(law, denoiser, schedule, params["points"], draws.child("ledger"), reference=optimum)
        for term in ("init", "blind", "discretisation", "learning", "cross", "total"):
            rows.append(
                row(f"ledger_{term}", getattr(found, term).value, getattr(found, term).standard_error, series=name)
            )
    rows.append(theorem_row("theorem", f, law, optimum, params, draws.child("theorem")))
    if params["replicate"] == 0:
        bent, own = Bent(optimum), draws.child("bent")
        rows.append(theorem_row("theorem_null", bent, law, optimum, params, own))
        rows.append(theorem_row("theorem_power", bent, law, optimum, params, own, sabotaged_bound(params)))
    return rows
