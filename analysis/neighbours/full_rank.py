"""Does the number of steps grow with d where the data fill the space? Exactly, on N(0, I_d). (U1 U10)"""

from __future__ import annotations

import math

import pandas as pd

from analysis.metrics.intervals import Estimate
from analysis.neighbours.settings import ABSTRACT, COUNTS, Leaking, control, exponent, gaussian_kl, reach_of_all, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from analysis.samplers import Integrator, Schedule
from analysis.theory.discretisation import gaussian_discretisation
from analysis.theory.grid import constant_levels

CLAIMS = (
    Claim(
        id="U1",
        kind="neighbour",
        source=f"arXiv 2308.03686v3 ({ABSTRACT}): KL <= eps^2 in d log^2(1/delta)/eps^2 steps, second moments alone",
        statement="on N(0, I_d), which fills the space, the path's KL needs steps linear in d, as printed, and the "
        "output's own KL only sqrt d: the bound holds, sharp for the path and loose for the law of the output; "
        "exponential Euler, a = 1/2, levels 10 to .05, .1 nat, d = 1e2 .. 1e4",
        quantity="exponent in d of the steps for the output's KL; interval: its decades",
        predicted="1/2; printed 1",
        allowed=(0.25, 0.75),  # half the distance between 1/2 and 1
        wide="exact numbers without sampling error",
    ),
    Claim(
        id="U10",
        kind="neighbour",
        source=f"arXiv 2511.04844v1 ({ABSTRACT}): sqrt d evaluations of the randomised midpoint suffice, smooth scores",
        statement="on N(0, I_d) the randomised midpoint needs steps like d^(1/4), fewer than the printed sqrt d, which "
        "exponential Euler has already: the bound holds and is loose; a = 1/2, 10 to .05, .1 nat, d = 1e2 .. 1e5",
        quantity="exponent in d of the steps for the output's KL; interval: its decades",
        predicted="1/4; printed 1/2",
        allowed=(0.125, 0.375),  # half the distance between 1/4 and 1/2
        wide="exact numbers without sampling error",
    ),
)
_NATS, _HIGH, _LOW = 0.1, 10.0, 0.05
_FEW = (4, 6, 8, 11, 16, 23, 32, 45, 64, 91)
_LONG, _LONGER = (*_FEW[2:], 128, 181, 256, 362), (*COUNTS[8:], 4096, 8192, 16384)
_DIMENSIONS = (1e2, 1e3, 1e4)
_BELIEF = -3.0  # a sabotage of the midpoint: the denoiser believes data smaller by 3/N^1.2; exponent 1/2.4
_LEAK = (-1.0, 0.55)  # of exponential Euler: injected variance less by 1/N^.55; exponent 1/1.1


def cells(options) -> list[Cell]:
    """Every d at once: honest, on data of another scale, and spoilt; the path's KL in closed form."""
    few = smoke(options)
    plan = [Cell("neighbours_full_rank", {"what": "path", "s": 1.0}, 0.5)]
    for what, s in (
        ("exponential_euler", 1.0),
        ("exponential_euler", 2.0),
        ("leaking", 1.0),
        ("randomised_midpoint", 1.0),
        ("randomised_midpoint", 2.0),
        ("believing", 1.0),
    ):
        if not few or what in ("exponential_euler", "path"):
            plan.append(Cell("neighbours_full_rank", {"what": what, "s": s}, 3.0))
    return plan


def _path_steps(d: float) -> float:
    """Steps for the path's KL <= .1 nat, from the leading term and one correction."""

    def disc(steps: int) -> float:
        return gaussian_discretisation(constant_levels(_HIGH, _LOW, steps), d, 1.0)

    guess = disc(1024) * 1024 / _NATS
    return disc(round(guess)) * guess / _NATS


def cell_full_rank(params: dict, seed: int) -> list[dict]:
    """Steps for .1 nat, one row a d."""
    what, s = params["what"], params["s"]
    if what == "path":
        return [{"d": d, "steps": _path_steps(d)} for d in (10.0, 1e2, 1e3)]
    slow = what in ("exponential_euler", "leaking")
    base = "exponential_euler" if slow else "randomised_midpoint"
    method: str | Integrator = Leaking(*_LEAK) if what == "leaking" else base

    def kl(steps: int) -> float:
        """KL of one dimension: they are alike and independent."""
        schedule = Schedule.proportional(_HIGH, _LOW, 0.5, steps)
        believed = s * (1.0 + _BELIEF / steps**1.2) if what == "believing" else s
        return gaussian_kl(method, schedule, s, 1.0, 0.0, believed)

    counts = {"leaking": _LONGER, "exponential_euler": COUNTS, "believing": _LONG}.get(what, _FEW)
    own = {n: kl(n) for n in counts}
    dims = (*_DIMENSIONS, 1e5) if what == "randomised_midpoint" else _DIMENSIONS
    return [{"d": d, "steps": reach_of_all(own, d, _NATS)} for d in dims]


def _exponent(rows: pd.DataFrame, what: str, s: float = 1.0) -> Estimate:
    own = rows[(rows.what == what) & (rows.s == s)]
    return exponent(own.d, own.steps)


def decide(tables, options) -> list[Measurement]:
    """Exponents of the output's KL; the path's stands in the note."""
    rows = tables["neighbours_full_rank"]
    if rows.what.nunique() < 5:
        return []
    path = rows[rows.what == "path"].set_index("d").steps
    found = []
    for name, what, spoilt, said in (
        ("U1", "exponential_euler", "leaking", "injected variance less by 1/N^.55"),
        ("U10", "randomised_midpoint", "believing", "a denoiser that believes data smaller by 3/N^1.2"),
    ):
        own, null, power = _exponent(rows, what), _exponent(rows, what, 2.0), _exponent(rows, spoilt)
        controls = [control("null", "data of twice the scale", null), control("power", said, power)]
        steps = rows[(rows.what == what) & (rows.s == 1.0)].set_index("d").steps
        note = f"steps {', '.join(f'{n:.0f} at d = {d:g}' for d, n in steps.items())}"
        looser = path[1e3] / steps[1e3] if name == "U1" else math.sqrt(1e5 / 1e2) / (steps[1e5] / steps[1e2])
        if name == "U1":
            note += f"; the path's KL: exponent {exponent(path.index, path).value:.3f}, {path[1e3]:.0f} at d = 1000"
        found.append(
            Measurement(name, own.value, own.low, own.high, controls, note, "", "range", looser_by=float(looser))
        )
    return found


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_full_rank": cell_full_rank}, decide=decide)
