"""Which integrators are free of the ambient dimension? (D6)

Exactly on Gaussian data, where KL(p_{sigma_T} || law of Y_N) splits into k tangential and d - k normal directions; and
by the clean outputs of blind runs on a mixture.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

import manifolds
from analysis.integrators.catalogue import build
from analysis.integrators.settings import DIM, LAW, PAPER, final_variances, laws, named, pairs, size
from analysis.metrics.intervals import Estimate
from analysis.metrics.sliced import sliced_with_floor
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.every import every_cell
from analysis.samplers import INTEGRATORS, Coefficients, Schedule, sample
from analysis.samplers.integrators import ExponentialEuler
from analysis.theory.gaussian_run import gaussian_divergence
from manifolds.denoisers import BlindDenoiser, NoisePrior

CLAIMS = (
    Claim(
        id="D6",
        kind="sharper",
        source=f"derived here; {PAPER}, section 3; rates free of d: arXiv 2410.09046, 2606.23627",
        statement="steps for a given error grow like d^p with p = 0 where the coefficients keep the level (eta^2 = "
        "sigma_+^2 - c^2 sigma^2), p = 1/2 where they are off at order 1/N, and 1/4 at order 1/N^2; every registered "
        "integrator at a = 0 and 1/2, Gaussian subspace, k = 2, levels 10 to .05, KL <= .1 nat, d = 10^2 to 10^4",
        quantity="p less 0, 1/2 or 1/4, the one farthest from 0 over integrators; interval: of the two decades of d",
        predicted="0",
        # exact recursions; what is left is interpolation between step counts 2^(1/2) apart, and terms of higher order
        # in 1/N at the smallest N (some per cent of N a decade)
        allowed=(-0.03, 0.03),
        wide="exact numbers without sampling error",
        revised=Revision(
            was="only normal-consistent coefficients are dimension-free: slope of log KL on log d at 64 steps",
            why="it knew two classes, 0 and 1, of an error at fixed N, and 'only' was decided by the same sorting",
        ),
    ),
)
_COUNTS = tuple(round(2 ** (j / 2)) for j in range(4, 25))  # 4 to 4096 steps
_DIMENSIONS = (10**2, 10**3, 10**4)
_NATS = 0.1
_LEAK = 0.05  # of the sabotage: the exponent of its steps is about .04


class Leaking(ExponentialEuler):
    """A sabotage: the injected variance is larger by a factor 1 + leak/N, an error of order 1/N in the level."""

    name = "leaking"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        steps = super().coefficients(schedule)
        return replace(steps, noise_variance=(1.0 + _LEAK / schedule.steps) * steps.noise_variance)


def cells(options) -> list[Cell]:
    """Exact recursions of every integrator at all d at once; blind runs on the mixture, a cell for each d."""
    smoke = options.profile == "smoke"
    ends = {"sigma_0": 10.0, "sigma_T": 0.05}
    plan = []
    for name, a in pairs(sorted(INTEGRATORS), (0.0, 0.5)):
        params = {"integrator": name, "a": a, "s": 1.0, "dim": options.dim} | ends
        plan.append(Cell("dimension", params | {"steps": 64, "ambients": "1e3 1e4 1e5 1e6 1e7 1e8 1e9"}, 0.05))
    chosen = pairs(sorted(INTEGRATORS), (0.5,) if smoke else (0.0, 0.5))
    chosen += [("exponential_euler", 0.0)] if smoke else []  # the null
    for name, a in [*chosen, ("leaking", 0.5)]:
        if not (smoke and name == "randomised_midpoint"):  # seconds each
            plan.append(Cell("exponent", {"integrator": name, "a": a, "s": 1.0, "dim": options.dim} | ends, 1.0))
    n = 300 if smoke else 4000 * size(options.profile)
    for name in ("exponential_euler", "euler", "score_freezing"):
        for d in (200, 1000) if smoke else (40, 200, 1000, 10**4, 10**6, 10**9):
            for law, dim in [c for c in laws(options) if c[0] == "mixture"]:
                params = {"law": law, "dim": dim, "ambient": d, "integrator": name, "a": 0.5, "steps": 24}
                plan.append(Cell("clean", params | ends | {"n": n}, 2.0))
    return plan


def cell_dimension(params: dict, seed: int) -> list[dict]:
    """The two parts of the KL for one integrator, one row an ambient dimension; start at p_{sigma_0}, conditional."""
    name, s, k = params["integrator"], params["s"], params["dim"]
    integrator = named(name)
    schedule = Schedule.proportional(params["sigma_0"], params["sigma_T"], params["a"], params["steps"])
    consistent = integrator.coefficients(schedule).normal_consistent
    u, v = final_variances(integrator, schedule, s)
    target = schedule.sigma_end**2
    tangential = gaussian_divergence(s**2 + target, u, k)
    rows = []
    for d in (int(float(x)) for x in params["ambients"].split()):
        normal = 0.0 if consistent else gaussian_divergence(target, v, d - k)
        rows.append(
            {"d": d, "tangential": tangential, "normal": normal, "kl": tangential + normal, "consistent": consistent}
        )
    return rows


def cell_exponent(params: dict, seed: int) -> list[dict]:
    """Steps N for KL(p_{sigma_T} || law of Y_N) <= .1 nat, one row a d; NaN where no step count tried suffices.

    `order` is that of the level: the slope of log |v/sigma_T^2 - 1| on log 1/N between the two largest step counts,
    rounded to a whole number; 0 where the level is kept to rounding, at every N, and -1 where it does not converge.
    """
    s, k = params["s"], params["dim"]
    integrator = Leaking() if params["integrator"] == "leaking" else named(params["integrator"])
    ends = params["sigma_0"], params["sigma_T"]
    # the coarse-to-fine sampler cannot be fitted to fewer than 8 steps
    counts = [n for n in _COUNTS if n >= 8 or params["integrator"] != "kadkhodaie_simoncelli"]
    found = [final_variances(integrator, Schedule.proportional(*ends, params["a"], n), s) for n in counts]
    target = ends[1] ** 2
    off = np.array([abs(v / target - 1.0) for _, v in found])
    order = 0 if off.max() < 1e-9 else round(math.log(off[-3] / off[-1]) / math.log(_COUNTS[-1] / _COUNTS[-3])) or -1
    rows = []
    for d in _DIMENSIONS:
        normal = [0.0 if order == 0 else gaussian_divergence(target, v, d - k) for _, v in found]
        kl = np.array([gaussian_divergence(s**2 + target, u, k) for u, _ in found]) + normal
        rows.append({"d": d, "order": order, "steps": _reach(np.log(counts), np.log(kl / _NATS))})
    return rows


def _reach(log_steps: np.ndarray, log_kl: np.ndarray) -> float:
    """The number of steps from which on log KL <= 0, by interpolation of logarithms."""
    above = np.flatnonzero(log_kl > 0.0)
    i = int(above[-1]) if len(above) else -1
    if i < 0 or i == len(log_kl) - 1:
        return math.nan
    part = log_kl[i] / (log_kl[i] - log_kl[i + 1])
    return float(np.exp(log_steps[i] + part * (log_steps[i + 1] - log_steps[i])))


def cell_clean(params: dict, seed: int) -> list[dict]:
    """Sliced W1 of the clean outputs f*(Y_N) of a blind run to the data, core coordinates, with its floor."""
    law = build(params["law"], params["dim"], params["ambient"])
    n, ends = params["n"], (params["sigma_0"], params["sigma_T"])
    stream = manifolds.stream(seed, "clean", law.name, params["dim"], params["integrator"], params["ambient"])
    schedule = Schedule.proportional(*ends, params["a"], params["steps"])
    f = BlindDenoiser(law, NoisePrior.power(-1.0, ends[1] / 4, 4 * ends[0]))
    run = sample(f, law, schedule, n, stream.child("run"), params["integrator"], False, record="levels")
    truth, other = (law.sample(n, stream.child("truth", i)) for i in (0, 1))
    found = sliced_with_floor(
        run.x, truth, other, stream.child("directions"), p=1, coordinates=list(range(law.core_dim))
    )
    assert run.normal_variance is not None  # asked for
    level = float(run.normal_variance[-1].mean().sqrt()) / schedule.sigma_end
    return [
        {
            "w1": found.distance.value,
            "floor": found.floor.value,
            "excess": found.excess,
            "true_level_over_scheduled": level,
        }
    ]


def exponents(rows: pd.DataFrame) -> dict[tuple[str, float], tuple[int, Estimate]]:
    """(order of the level, exponent p) by (integrator, a); the interval holds the exponents of both decades.

    NaN where fewer than two dimensions are reached within the step counts tried.
    """
    found: dict[tuple[str, float], tuple[int, Estimate]] = {}
    for name, a in dict.fromkeys(zip(rows.integrator, rows.a)):
        g = rows[(rows.integrator == name) & (rows.a == a)]
        order, g = int(g.order.iloc[0]), g[g.steps.notna()]
        if len(g) < 2:
            found[str(name), float(a)] = order, Estimate(math.nan, math.nan, math.nan)
            continue
        x, y = np.log(g.d.to_numpy(float)), np.log(g.steps.to_numpy(float))
        own = np.diff(y) / np.diff(x)
        whole = (y[-1] - y[0]) / (x[-1] - x[0])
        found[str(name), float(a)] = order, Estimate(float(whole), float(own.min()), float(own.max()))
    return found


def decide(tables, options) -> list[Measurement]:
    """The exponent farthest from that of its class; a level that leaks at order 1/N must show."""
    rows = tables.get("exponent")
    if rows is None or "leaking" not in set(rows.integrator):
        return []
    found = exponents(rows)
    _, leak = found.pop(("leaking", 0.5))
    expected = {0: 0.0, 1: 0.5, 2: 0.25}
    decided = {key: (e, expected[order]) for key, (order, e) in found.items() if order >= 0 and e.low == e.low}
    off = {key: Estimate(e.value - p, e.low - p, e.high - p) for key, (e, p) in decided.items()}
    null = off[("exponential_euler", 0.0)]
    controls = [
        Control("null", "exponential Euler at a = 0 (DDIM), which keeps every level", null.low, null.high),
        Control("power", f"exponential Euler, injected variance off by {_LEAK:g}/N", leak.value, leak.value),
    ]
    names = [f"{name} a={a:g}" for name, a in off]
    each = [f"{name} a={a:g}: {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for (name, a), (e, _) in decided.items()]
    never = [f"{name} a={a:g}" for name, a in found if (name, a) not in decided]
    note = "p: " + ", ".join(each) + f"; none within {_COUNTS[-1]} steps: {', '.join(never) or 'no integrator'}"
    values, lows, highs = ([getattr(e, end) for e in off.values()] for end in ("value", "low", "high"))
    return [every_cell(CLAIMS, "D6", values, lows, highs, controls, note, names, span="range")]


def show(tables, options) -> str | None:
    """The clean outputs of blind runs against d."""
    if "clean" not in tables:
        return None
    columns = ["integrator", "ambient", "w1", "floor", "excess", "true_level_over_scheduled"]
    return "blind runs, clean outputs\n" + tables["clean"][columns].to_string(index=False)


QUESTION = Question(
    claims=CLAIMS,
    arguments=(DIM, LAW),
    cells=cells,
    parts={"dimension": cell_dimension, "exponent": cell_exponent, "clean": cell_clean},
    decide=decide,
    show=show,
    figures=("dimension_free",),
)
