"""Does the probability flow pay a log d? Runs on a sphere at one N, d = 1e3 .. 1e9. (U5)"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

import manifolds
from analysis.integrators.catalogue import build
from analysis.metrics.intervals import Estimate, mean
from analysis.neighbours.settings import control, every, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.samplers import Integrator, Schedule, sample
from analysis.samplers.integrators import DDIM
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior

CLAIMS = (
    Claim(
        id="U5",
        kind="neighbour",
        source="arXiv 2501.18863 (read as an abstract and a summary): TV of order (k + log d) log^3 N/N for the "
        "probability flow",
        statement="with exact denoisers the probability flow pays no log d: at N = 32 the error of DDIM runs on S^2 "
        "and on a Gaussian plane, conditional and blind, is the same from d = 1e3 to 1e9, where k + log d grows from "
        "8.9 to 22.7: the log d is of the proof, or of the score's errors",
        quantity="c of error ~ k + c log d, the case farthest from 0; interval: 95 %, of 20 paired batches",
        predicted="0; printed at most 1",
        allowed=(-0.25, 0.25),  # half the distance between 0 and 1 is .5
        wide="the rates that it separates are 1 apart",
    ),
)
_LAWS, _AMBIENTS = ("sphere", "gaussian"), (10**3, 10**5, 10**7, 10**9)
_LOW, _HIGH, _STEPS, _BATCHES, _DIM = 0.05, 10.0, 32, 20, 2
_RATE = 0.3  # the sabotage: fewer steps as d grows, such that the error goes as k + .3 log d


def cells(options) -> list[Cell]:
    """Blind and conditional runs of every law and d, and runs on coarser grids as d grows."""
    few = smoke(options)
    n = 400 if few else 4000
    plan = []
    for law in _LAWS[:1] if few else _LAWS:
        for d in _AMBIENTS[::3] if few else _AMBIENTS:
            for kind in ("blind", "told"):
                plan.append(Cell("neighbours_ambient", {"law": law, "ambient": d, "kind": kind, "n": n}, 1.5))
    return plan + [
        Cell("neighbours_ambient", {"law": "gaussian", "ambient": d, "kind": "growing", "n": n}, 1.0)
        for d in (_AMBIENTS[::3] if few else _AMBIENTS)
    ]


def cell_ambient(params: dict, seed: int) -> list[dict]:
    """1 - E|u|^2/E|u|^2 of the truth, u the core coordinates of Y_N; the same draws for every d; one row a batch.

    Kind "growing": the steps are fewer, such that the error goes as k + .3 log d.
    """
    law, n, kind = build(params["law"], _DIM, params["ambient"]), params["n"], params["kind"]
    stream = manifolds.stream(seed, "neighbours ambient", params["law"])  # not of d: paired
    steps = _STEPS
    if kind == "growing":
        worse = (_DIM + _RATE * math.log(params["ambient"])) / (_DIM + _RATE * math.log(_AMBIENTS[0]))
        steps = round(_STEPS / worse)
    schedule = Schedule.proportional(_HIGH, _LOW, 0.0, steps)
    prior = NoisePrior.power(-1.0, _LOW / 4, 4 * _HIGH)
    f = BlindDenoiser(law, prior) if kind == "blind" else ConditionalDenoiser(law)
    method: Integrator = DDIM()
    x = law.sample(n, stream.child("x"))
    start = law.add_noise(x, _HIGH, stream.child("start"))  # of p_{sigma_0}: no error of the start
    run = sample(f, law, schedule, n, stream.child("run"), method, start=start)
    own = run.y[:, :-1].square().sum(1).numpy().reshape(_BATCHES, -1).mean(axis=1)
    truth = law.second_moment + law.core_dim * _LOW**2
    return [{"batch": i, "error": float(1.0 - v / truth)} for i, v in enumerate(own)]


def _coefficient(rows: pd.DataFrame) -> Estimate:
    """c of error = e (k + c log d)/(k + c log d_0): from the paired differences between the largest and smallest d."""
    table = rows.pivot_table(index="batch", columns="ambient", values="error")
    first, last = table.columns.min(), table.columns.max()
    level = float(table[first].mean())
    # error(d)/error(d_0) - 1 = c (log d - log d_0)/(k + c log d_0), solved for c
    growth = mean(np.asarray(table[last] - table[first]) / level)
    span, base = math.log(float(last) / float(first)), math.log(float(first))
    return Estimate(*(_DIM * g / (span - g * base) for g in (growth.value, growth.low, growth.high)))


def decide(tables, options) -> list[Measurement]:
    """c of every law, blind and told; runs whose grids coarsen with d must show."""
    rows = tables["neighbours_ambient"]
    if rows.law.nunique() < len(_LAWS) or rows.ambient.nunique() < len(_AMBIENTS):
        return []
    found = {f"{law}, {kind}": _coefficient(g) for (law, kind), g in rows.groupby(["law", "kind"])}
    power = found.pop("gaussian, growing")
    controls = [
        control("null", "Gaussian plane, level told", found["gaussian, told"]),
        control("power", f"fewer steps as d grows, by k + {_RATE:g} log d", power),
    ]
    sizes = rows[rows.kind == "blind"].groupby(["law", "ambient"]).error.mean()
    note = "1 - E|u|^2/truth, blind: " + ", ".join(f"{law} d = {d:g} {v:.4f}" for (law, d), v in sizes.items())
    return [every(CLAIMS, "U5", found, controls, note)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_ambient": cell_ambient}, decide=decide)
