"""Where must a run start? Corollary 3.10 prints sigma_0 ~ eps/R, its proof needs R/eps: the recipe in both readings."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import torch
from scipy import stats

import manifolds
from analysis.metrics.intervals import Estimate
from analysis.runs import Cell, Claim, Measurement, Question, every_cell
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule, sample
from analysis.scaling.fits import control
from analysis.scaling.settings import PAPER, A
from analysis.theory.rates import recipe
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.laws.mixture import Mixture

_SCALE, _WEIGHTS = 0.05, (0.55, 0.15, 0.15, 0.15)  # of the four components, at distance 1 from the origin
_WRONG = (0.31, 0.23, 0.23, 0.23)  # sabotage: moves .24 of the mass, 1.5 eps

CLAIMS = (
    Claim(
        "R3",
        "finding",
        f"{PAPER}, Cor 3.10 as printed",
        "a start at sigma_0 of order eps/R suffices for D_X <= eps (four Gaussians of weights .55, .15, .15, .15, k = "
        "4, d = 1e9, eps = .2, h = 20 eps^2/k^2)",
        "D_X of the run / eps with sigma_0 = eps/R",
        "> 1: the proof's R/eps is needed",
        (0.0, 1.0),
        expected="violated",
    ),
)


def cells(options: Any) -> list[Cell]:
    """Both readings, and the proof's with a wrong denoiser."""
    points = 100 if options.profile == "smoke" else 16000
    common = {"dim": 4, "eps": 0.2, "factor": 20.0, "points": points}
    readings = ("printed", "proof", "proof, sabotaged")
    return [Cell("scaling_reading", {"reading": reading} | common, cost=2.0) for reading in readings]


def _law(k: int, weights: tuple[float, ...]) -> manifolds.Law:
    shape: dict = {"scale": _SCALE, "separation": 1 / _SCALE, "weights": weights}
    return manifolds.make("mixture", dim=k, ambient=10**9, reduced=True, **shape)


def cell_reading(params: dict, seed: int) -> list[dict]:
    """Corollary 3.10's recipe with one reading of sigma_0: D_X of a run's projection from the data, in units of eps.

    D_X is between the mass that must change component times the least distance it must go, and that mass times the
    largest (2 at most, the cap of D_X), plus the spread within.
    """
    k, eps, reading = params["dim"], params["eps"], params["reading"]
    law, other = _law(k, _WEIGHTS), _law(k, _WRONG)
    radius = math.sqrt(law.second_moment)
    plan = recipe(k, eps, radius, reading.removesuffix(", sabotaged"), factor=params["factor"])
    stream = manifolds.stream(seed, "scaling", "reading", k, eps)
    run = Schedule.proportional(plan.sigma_0, plan.sigma_T, A, max(1, math.ceil(plan.steps)))
    # the sabotage: the exact denoiser of the same components with other weights
    prior = NoisePrior.power(-3.0, plan.sigma_T, plan.sigma_0)
    f = BlindDenoiser(other if "sabotaged" in reading else law, prior)
    end = law.space.split(sample(f, law, run, params["points"], stream).y)[0]
    assert isinstance(law.core, Mixture)
    found = torch.bincount(law.core.component(end), minlength=4).double().numpy()
    moved = total_variation_interval(found, _WEIGHTS)
    pieces = [piece.shift for piece in law.core.components]
    apart = [float((a - b).norm()) for a, b in permutations(pieces, 2)]
    near, far = min(apart), max(apart)
    within = _SCALE * math.sqrt(k)  # a point of a component is that far from its centre, in the mean, at most
    low, value = max(near - 2 * within, 0.0) * moved.low, near * moved.value
    high = min(far + 2 * within, 2.0) * moved.high + 2 * within * run.h[0].item()
    row = {"sigma_0": plan.sigma_0, "sigma_T": plan.sigma_T, "steps": run.steps, "moved": moved.value}
    return [row | {"over_eps": value / eps, "over_eps_low": low / eps, "over_eps_high": high / eps}]


def total_variation_interval(counts: np.ndarray, weights: tuple[float, ...]) -> Estimate:
    """TV = (1/2) sum_j |p_j - w_j| of the law that counts (J,) were drawn from.

    Clopper-Pearson limits for each p_j at 5 % / J (Bonferroni) bound |p_j - w_j| from both sides at once.
    """
    total, error = counts.sum(), 0.05 / len(counts)
    low = [stats.beta.ppf(error / 2, c, total - c + 1) if c > 0 else 0.0 for c in counts]
    high = [stats.beta.ppf(1 - error / 2, c + 1, total - c) if c < total else 1.0 for c in counts]
    near = [max(a - w, w - b, 0.0) for a, b, w in zip(low, high, weights)]
    far = [max(abs(a - w), abs(b - w)) for a, b, w in zip(low, high, weights)]
    value = 0.5 * float(np.abs(counts / total - np.asarray(weights)).sum())
    return Estimate(value, min(0.5 * float(sum(near)), value), max(min(0.5 * float(sum(far)), 1.0), value))


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """R3."""
    if options.profile == "smoke":  # too few points to see the sabotage
        return []
    table = tables["scaling_reading"]
    ends = ["over_eps", "over_eps_low", "over_eps_high"]
    pick = {name: [group[end] for end in ends] for name, group in table.groupby("reading")}
    controls = [
        control("null", "sigma_0 = R/eps", *pick["proof"][1:]),
        control(
            "power", "sigma_0 = R/eps with the denoiser of weights .31, .23, .23, .23", *pick["proof, sabotaged"][1:]
        ),
    ]
    value, low, high = pick["printed"]
    return [every_cell(CLAIMS, "R3", value, low, high, controls, names=["sigma_0 = eps/R"] * len(value))]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"scaling_reading": cell_reading}, decide=decide)
