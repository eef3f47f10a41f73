"""One run's ledger, step by step, with the paper's bounds and the measured divergence of the law that it ends in."""

from __future__ import annotations

import torch

import manifolds
from analysis.ledger.calculation import ledger
from analysis.ledger.chosen import build
from analysis.metrics.total_variation import tv_lower_from_samples
from analysis.samplers import Schedule, sample
from analysis.theorems.catalogue import radius
from analysis.theory.blindness import blindness_bound_form
from analysis.theory.discretisation import discretisation_bound_form
from analysis.theory.initial import initial_bound
from analysis.theory.learning import learning_equality, nats
from manifolds.law import Law

__all__ = ["cell_ledger", "cell_run"]


def _setting(params: dict):
    law = manifolds.make(params["law"], dim=params["dim"], ambient=params["ambient"], reduced=True)
    low, high = params["sigma_end"], params["sigma_start"]
    schedule = Schedule.proportional(high, low, a=params["a"], steps=params["steps"])
    return law, schedule, *build(params["denoiser"], law, low, high)


def cell_ledger(params: dict, seed: int) -> list[dict]:
    """Every step of the ledger: nats of each term, with standard errors, and per unit of log sigma."""
    law, schedule, f, best = _setting(params)
    # common draws over ambient dimensions and denoisers
    stream = manifolds.stream(seed, "ledger", "terms", params["law"], params["dim"])
    found = ledger(law, f, schedule, params["points"], stream, reference=best)
    start = {"init": found.init.value, "init_se": found.init.standard_error}
    return [row | start for row in found.rows()]


def cell_run(params: dict, seed: int) -> list[dict]:
    """The run itself: a lower 95 % limit on the total variation between p_{sigma_T} and the law of Y_N; and the bounds.

    The bounds are those of arXiv 2602.09639 with their universal constants set to 1; for the learning term the excess risk
    under the prior of the run is measured along the same levels.
    """
    law, schedule, f, best = _setting(params)
    stream = manifolds.stream(seed, "ledger", "run", params["law"], params["dim"])
    low, high, n, a = params["sigma_end"], params["sigma_start"], params["points"], params["a"]
    end = sample(f, law, schedule, n, stream.child("run"))
    truth, other = (law.add_noise(law.sample(n, s), low, s) for s in (stream.child("truth"), stream.child("other")))
    y, truth, other = (_features(law, p) for p in (end.y, truth, other))
    k, d, size = law.intrinsic_dim, law.ambient_dim, radius(law)
    row = {
        "tv_lower": tv_lower_from_samples(y, truth, stream.child("tv")),
        "tv_lower_truth": tv_lower_from_samples(other, truth, stream.child("tv")),
    }
    row |= {
        "bound_init": initial_bound(law.second_moment, high),
        "bound_blind": blindness_bound_form(k, d, size, high, low, a),
    }
    row |= {"bound_discretisation": discretisation_bound_form(k, float(schedule.h[0]), size, low, a)}
    return [row | {"bound_learning": _learning_bound(law, f, best, high, low, a, n, stream.child("risk"))}]


def _features(law: Law, y: torch.Tensor) -> torch.Tensor:
    """Core coordinates and the norm of the rest: what tells two laws of the reduced form apart."""
    u, rho2 = law.space.split(y)
    return torch.cat([u, rho2.sqrt()[:, None]], dim=1)


def _learning_bound(law: Law, f, best, high: float, low: float, a: float, n: int, stream) -> float:
    """Theorem 3.12's excess risk / min a(1-a) sigma^3 Theta in nats: A_T/4 times the excess risk for Theta proportional to sigma^-3."""
    if best is None or f is best:
        return 0.0
    p = (torch.arange(n, dtype=torch.float64) + stream.child("level").uniform(n)) / n
    sigma = (high**-2 + p * (low**-2 - high**-2)).rsqrt()
    y = law.add_noise(law.sample(n, stream.child("data")), sigma, stream.child("noise"))
    return nats(learning_equality(float(law.space.sqnorm(f(y) - best(y)).mean()), high, low, a))
