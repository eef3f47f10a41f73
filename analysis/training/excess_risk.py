"""One network held against the optima of its law: excess risk at every level, ledger, tracking, samples; with controls."""

from __future__ import annotations

import math

import torch

from analysis.learning.risk import excess_at
from analysis.ledger.calculation import ledger
from analysis.samplers import Schedule
from analysis.training.fit import curve_rows, fit, row
from analysis.training.laws import law_of, prior_of
from analysis.training.measure import run_rows
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["cell_nets", "levels_of", "risk_rows"]

NULL_SHIFT = 0.1  # of the root Bayes risk: an excess of 1 %
POWER_SCALE = 1.05


class Shifted:
    """The blind optimum plus a constant vector: a known excess of |vector|^2, up to the vector's product with f* - f_sigma."""

    blind = True

    def __init__(self, optimum: BlindDenoiser, size: float):
        self.optimum, self.size = optimum, size

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return self.optimum(y) + self.size / math.sqrt(y.shape[1])


class Scaled:
    """The blind optimum times a constant: a sabotage that every verdict must notice."""

    blind = True

    def __init__(self, optimum: BlindDenoiser, factor: float):
        self.optimum, self.factor = optimum, factor

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return self.factor * self.optimum(y)


def levels_of(params: dict) -> list[float]:
    """Noise levels from low to high, both ends included, evenly in log sigma."""
    ends = (math.log(params["low"]), math.log(params["high"]))
    return torch.exp(torch.linspace(*ends, params["levels"], dtype=torch.float64)).tolist()


def risk_rows(f, law: Law, optimum: BlindDenoiser, params: dict, draws: Stream, series: str = "") -> list[dict]:
    """Rows of `analysis.learning.risk.excess_at` at every level."""
    rows = []
    for sigma in levels_of(params):
        found = excess_at(f, law, optimum, sigma, params["points"], draws.child("risk", sigma))
        names = [name for name in found if not name.endswith("_se")]
        rows += [row(name, found[name], found[f"{name}_se"], sigma, series) for name in names]
    return rows


def control_rows(law: Law, optimum: BlindDenoiser, params: dict, draws: Stream) -> list[dict]:
    """The same measurements on two denoisers whose answers are known: an excess of 1 % (null), a scaled optimum (power)."""
    rows, few = [], max(params["points"] // 4, 50)
    for sigma in levels_of(params):
        own = draws.child("control", sigma)
        y = law.add_noise(law.sample(few, own.child("bayes")), sigma, own.child("bayes noise"))
        root = math.sqrt(float(law.posterior_trace(y, sigma).mean()))
        for name, f in (("null", Shifted(optimum, NULL_SHIFT * root)), ("power", Scaled(optimum, POWER_SCALE))):
            found = excess_at(f, law, optimum, sigma, few, own)
            for measure in ("gap", "variance_shift"):
                rows.append(row(f"{measure}_{name}", found[measure], found[f"{measure}_se"], sigma))
    return rows


def ledger_rows(f, law: Law, params: dict, draws: Stream) -> list[dict]:
    """Terms of the ledger at a = 1/2, in nats; the reference is the blind optimum of the training prior."""
    schedule = Schedule.proportional(params["high"], params["low"], 0.5, params["run_steps"])
    found = ledger(
        law, f, schedule, max(params["points"] // 4, 50), draws.child("ledger"), reference=prior_of(params, law)
    )
    terms = ("init", "blind", "discretisation", "learning", "cross", "total")
    return [row(f"ledger_{name}", getattr(found, name).value, getattr(found, name).standard_error) for name in terms]


def cell_nets(params: dict, seed: int) -> list[dict]:
    """Train one network and measure it; see `analysis.training.fit.row` for the columns."""
    law = law_of(params)
    draws = stream(seed, "nets", params["law"], params["dim"], params["ambient"])
    f = fit(params, law, draws.child("training"))
    optimum = BlindDenoiser(law, prior_of(params, law))
    rows = curve_rows(f) + risk_rows(f, law, optimum, params, draws)
    if params["blind"]:
        rows += control_rows(law, optimum, params, draws) + ledger_rows(f, law, params, draws)
    schedule = Schedule.proportional(params["high"], params["low"], 0.5, params["run_steps"])
    exact = optimum if params["blind"] else ConditionalDenoiser(law)
    for name, denoiser in (("trained", f), ("exact", exact)):
        rows += run_rows(denoiser, law, schedule, params["run_points"], draws.child("run"), name)
    return rows
