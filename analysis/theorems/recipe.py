"""Does the recipe of Corollary 3.10, all of it, reach D_X <= eps? Runs projected onto the support, against the data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

import manifolds
from analysis.metrics.intervals import mean
from analysis.metrics.support import bounded_lipschitz, bounded_lipschitz_lower
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule, sample
from analysis.theorems.settings import IMAGE_SIDE, PAPER
from analysis.theory.rates import recipe
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law

_PUSH = 0.7  # the power control is off by this much of R in one direction

CLAIMS = (
    Claim(
        "R4",
        "paper",
        f"{PAPER}, Cor 3.10",
        "the whole recipe (sigma_T = eps/sqrt k, h ~ eps^2/k^2, sigma_0 = R/eps, d of its order) reaches D_X <= eps",
        "D_X of the projected run / eps, lengths in units of R, widest interval over laws",
        "<= 1",
        (-math.inf, 1.0),
        revised=Revision(
            "the whole recipe reaches D_X <= eps",
            "on the sphere and the torus one step passes too: an invariant start and an equivariant denoiser make the "
            "projected law exact for every number of steps; the rest rests on the cube, the code and the images",
        ),
    ),
)


def cells(options: Any) -> list[Cell]:
    """One run a law; the sphere's is pushed too."""
    smoke, found = options.profile == "smoke", []
    for law in ("sphere",) if smoke else ("sphere", "torus", "cube", "random_code", "blobs"):
        params = {"law": law, "dim": 2, "eps": 0.2, "factor": 20.0, "points": 600 if law == "blobs" or smoke else 4000}
        found.append(
            Cell("theorems_recipe", params | {"sabotage": law == "sphere"}, cost=5.0 if law == "blobs" else 2.0)
        )
    return found


def _small_law(name: str, k: int) -> Law:
    if name == "blobs":  # the finest level is that of the recipe, 1.3 times finer
        return manifolds.make(name, dim=k, ambient=IMAGE_SIDE**2, reduced=True, finest=0.5)
    return manifolds.make(name, dim=k, ambient=100, reduced=True)


def cell_recipe(params: dict, seed: int) -> list[dict]:
    """Corollary 3.10, eps relative to R: D_X of the projected run from the data, over eps; truth, sabotage beside it.

    D_X from samples (optimal assignment) exceeds that of the laws in the mean, so its upper limit is one for D_X; the
    lower limit is a split-sample bound.
    """
    k, eps, n = params["dim"], params["eps"], params["points"]
    small = _small_law(params["law"], k)
    size = small.radius
    plan = recipe(k, eps, 1.0, "proof", factor=params["factor"])
    law = small.with_ambient(max(math.ceil(plan.ambient_dim), small.core_dim + 1))
    schedule = Schedule.proportional(size * plan.sigma_0, size * plan.sigma_T, a=0.5, steps=math.ceil(plan.steps))
    f = BlindDenoiser(law, NoisePrior.power(-3.0, schedule.sigma_end, schedule.sigma_start), tol=1e-6)
    push = torch.zeros(law.space.width, dtype=torch.float64)
    push[0] = _PUSH * size
    stream = manifolds.stream(seed, "ledger", "recipe", params["law"])
    end = sample(f, law, schedule, n, stream.child("run")).y
    pushed = sample(lambda y: f(y) + push, law, schedule, n, stream.child("run")).y if params["sabotage"] else None
    noisy = law.add_noise(law.sample(n, stream.child("near")), schedule.sigma_end, stream.child("near noise"))
    truth = _core(law, law.sample(n, stream.child("truth"))) / size
    row = {"sigma_0": schedule.sigma_start, "sigma_T": schedule.sigma_end, "steps": schedule.steps}
    row |= {"ambient": law.ambient_dim, "radius": size}
    for name, y in (("run", end), ("truth", noisy), ("pushed", pushed)):
        if y is None:
            row |= {f"{name}_over_eps": None, f"{name}_low": None, f"{name}_high": None}
            continue
        x = _core(law, law.project(y)) / size
        blocks = mean([bounded_lipschitz(a, b) for a, b in zip(np.array_split(x, 4), np.array_split(truth, 4))])
        low = min(bounded_lipschitz_lower(x, truth, stream.child("lower", name)), blocks.value)
        row |= {f"{name}_over_eps": blocks.value / eps, f"{name}_low": low / eps, f"{name}_high": blocks.high / eps}
    return [row]


def _core(law: Law, points: torch.Tensor) -> np.ndarray:
    return law.space.split(points)[0].numpy()


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """R4; a smoke run has one law and few points."""
    if options.profile == "smoke":
        return []
    table = tables["theorems_recipe"]
    pushed = table[table["sabotage"]]
    controls = [
        Control(
            "null", "a sample of p_{sigma_T} itself", float(table["truth_low"].min()), float(table["truth_high"].max())
        ),
        Control(
            "power",
            "a denoiser off by .7 R in one direction",
            float(pushed["pushed_low"].min()),
            float(pushed["pushed_high"].max()),
        ),
    ]
    note = f"h = {table['factor'].iloc[0]:g} eps^2/k^2; "
    note += "; ".join(
        f"{r.law}: {r.run_over_eps:.2f} (floor {r.truth_over_eps:.2f}), N={r.steps}" for r in table.itertuples()
    )
    value, low, high = (table[f"run_{end}"] for end in ("over_eps", "low", "high"))
    looser = 1 / float(value.max())
    return [every_cell(CLAIMS, "R4", value, low, high, controls, note, table["law"], looser_by=looser)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"theorems_recipe": cell_recipe}, decide=decide)
