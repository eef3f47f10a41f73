"""How often does a certificate find something wrong with a denoiser that is right? (C1)"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

import manifolds
from analysis.certify import certify, wrap
from analysis.metrics.intervals import binomial
from analysis.runs import Cell, Claim, Control, Measurement, Question
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law

CLAIMS = (
    Claim(
        id="C1",
        kind="own",
        source="analysis.certify",
        statement="a certificate finds nothing wrong with a correct denoiser: sphere, gaussian, cube, mixture and 20 "
        "atoms in R^64, optimal blind and told, in float64 and as networks that take and return float32, 15 seeds each",
        quantity="share of 300 runs with a finding; its upper 95 % limit (Clopper-Pearson, one-sided)",
        predicted="0",
        allowed=(-math.inf, 0.01),
        profile="full",
        # one run with a finding in 300 has the upper limit .016: the limit cannot come nearer at this number of runs
        wide="a share of 300 runs: it is .04 that is told from .01 for sure",
        strict=False,
    ),
)
LAWS: dict[str, dict[str, Any]] = {
    "sphere": {"dim": 8},
    "gaussian": {"dim": 4},
    "cube": {"dim": 4},
    "mixture": {"dim": 2},
    "atoms": {"dim": 3},
}
AMBIENT = 64
SEEDS = {"smoke": 1, "paper": 1, "full": 15}
EVERY = 25  # of the sabotage: every 25th denoiser is .1 % too large, a gap of .5 to 5 tolerances of 1e-5
FAULT = 1.001


def cells(options) -> list[Cell]:
    """A cell a law, a kind of denoiser and an arithmetic; a smoke run has two."""
    found = []
    for law, params in LAWS.items():
        for blind in (False, True):
            for dtype in ("float64", "float32"):
                more = {"law": law, **params, "ambient": AMBIENT, "blind": blind, "dtype": dtype}
                found.append(
                    Cell("certificates", more | {"runs": SEEDS[options.profile]}, 1.5 * SEEDS[options.profile])
                )
    return found[:2] if options.profile == "smoke" else found


def law_of(name: str, dim: int, ambient: int) -> Law:
    """The laws of the table; atoms are 20 points of their own."""
    if name == "atoms":
        return manifolds.make(name, dim, ambient, points=manifolds.stream(1).normal(20, dim).tolist())
    return manifolds.make(name, dim, ambient)


def denoiser(law: Law, blind: bool, dtype: str, prior: NoisePrior, factor: float) -> Callable[..., torch.Tensor]:
    """`factor` times the optimal one; in float32 all that goes in and comes out is rounded."""
    best = BlindDenoiser(law, prior) if blind else law.denoise

    def f(y, *sigma):
        return factor * best(y.double(), *(s.double() for s in sigma)).to(y)

    def told(y, sigma):
        return f(y, torch.as_tensor(sigma))

    def untold(y):
        return f(y)

    return wrap(untold if blind else told, dtype=getattr(torch, dtype))


def cell_certificates(params: dict, seed: int) -> list[dict]:
    """One row a run: what was found; and, of every 25th, what is found where the denoiser is spoilt."""
    law = law_of(params["law"], params["dim"], params["ambient"])
    size = math.sqrt(law.second_moment)
    prior = NoisePrior.power(-1.0, 0.01 * size, 10 * size)
    rows = []
    for run in range(params["runs"]):
        kinds = []
        for factor in (1.0, FAULT):
            f = denoiser(law, params["blind"], params["dtype"], prior, factor)
            own = certify(f, law, prior=prior if params["blind"] else None, sigma_low=prior.low, sigma_high=prior.high,
                          seed=1000 * seed + run, runs=False)  # fmt: skip
            kinds.append(" ".join(own.kinds()))
        rows.append({"run": run, "found": kinds[0], "alarm": bool(kinds[0]), "spoilt": bool(kinds[1])})
    return rows


def decide(tables, options) -> list[Measurement]:
    """C1; fewer runs than in the profile full cannot decide it."""
    table = tables["certificates"]
    if options.profile != "full":
        return []
    alarms, n = int(table.alarm.sum()), len(table)
    seen = binomial(alarms, n, 0.9)  # its upper end is a one-sided 95 % limit
    spoilt = table.spoilt.where([i % EVERY == 0 for i in range(n)], table.alarm)
    power = binomial(int(spoilt.sum()), n, 0.9)
    controls = [
        Control("null", "no run with a finding", 0.0, binomial(0, n, 0.9).high),
        Control("power", f"every {EVERY}th denoiser times {FAULT}", power.low, power.high),
    ]
    kinds = ", ".join(sorted(set(table.found[table.alarm]))) or "none"
    return [Measurement("C1", seen.value, seen.low, seen.high, controls, f"{alarms} of {n}; findings: {kinds}")]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"certificates": cell_certificates}, decide=decide)
