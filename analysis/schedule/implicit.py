"""Does sigma_t decrease (arXiv 2602.09639, Lemma 3.3) and tend to 0 (Lemma 3.4)? By exact recursion (S2, S2b)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

import manifolds
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.samplers import Schedule
from analysis.schedule.settings import PAPER, size
from analysis.theory.schedule import decreases, implicit_variance, vanishing_bound

CLAIMS = (
    Claim(
        id="S2",
        kind="paper",
        source=f"{PAPER}, Lemma 3.3",
        statement="a_t non-increasing with a_0 <= sigma_0^2 makes sigma_t decrease",
        quantity="largest one-step rise of log sigma_t over random a_t (smooth, staircase, constant)",
        predicted="<= 0",
        allowed=(-math.inf, 1e-12),  # rounding of a level that no longer moves
        revised=Revision(
            was="the same, beside a_t that rise or start at 1.2 to 3 sigma_0^2",
            why="those raise the level by .03 to .24 a step; the null was an a_t far inside the premise",
        ),
    ),
    Claim(
        id="S2b",
        kind="paper",
        source=f"{PAPER}, Lemma 3.4",
        statement="a_t -> 0 makes sigma_t -> 0",
        quantity="largest sigma_t/sigma_0 at t = 200 over random decreasing a_t",
        predicted="0",
        # the slowest a_t tried has fallen to (1 + 200)^-1.5 of its start, so sigma_t to at most 0.02 of sigma_0
        allowed=(0.0, 0.025),
        revised=Revision(
            was="the same, beside a constant a_t = sigma_0^2/4",
            why="its level, .5, lay 20 limits away",
        ),
    ),
)

INJECTIONS = ("power", "exponential", "staircase", "constant", "rising", "oversized", "edge", "over_edge", "floor")
_OVER = 8e-12  # of the sabotage: the first step of 1/4 then raises log sigma by .2 of it
_FLOOR = 0.0375  # of the sabotage: the level that is never left, over the first


def cells(options) -> list[Cell]:
    """Random injections of every kind."""
    draws = 2 if options.profile == "smoke" else 25 * size(options.profile)
    return [
        Cell("implicit", {"kind": kind, "draw": i, "sigma_0": 10.0, "horizon": 200.0, "steps": 800}, cost=0.1)
        for kind in INJECTIONS
        for i in range(1 if kind in ("edge", "over_edge") else draws)
    ]


def _injection(kind: str, sigma_0: float, horizon: float, steps: int, stream) -> Callable:
    """a_t for times as a tensor or an array; random within its kind.

    The first three decrease to 0 from a_0 <= sigma_0^2. constant: a_t = sigma_0^2/4 for ever (decreasing, no limit 0).
    rising: a_t grows from 0. oversized: a_0 is 1.2 to 3 times sigma_0^2, so that sigma_t must rise at first. edge:
    a_t = sigma_0^2 for ever, the largest that the premise allows: sigma_t stays where it is. over_edge: a little more.
    floor: a_t decreases to (_FLOOR sigma_0)^2 instead of 0.
    """
    share, speed = (float(v) for v in stream.uniform(2))
    top = sigma_0**2 * (0.05 + 0.95 * share)
    if kind == "power":
        return lambda t: top * (1.0 + t) ** -(1.5 + 2.0 * speed)
    if kind == "exponential":
        return lambda t: top * np.exp(-(0.1 + 3.0 * speed) * np.asarray(t))
    if kind == "staircase":
        # falls at the edges of the time grid only, by random factors: as rough as a decreasing a_t can be
        falls = np.cumprod(np.concatenate([[1.0], stream.uniform(steps).numpy() ** (20.0 / steps)]))
        return lambda t: top * falls[np.minimum((np.asarray(t) * (steps / horizon)).astype(int), steps)]
    if kind == "constant":
        return lambda t: 0.25 * sigma_0**2 * np.ones_like(np.asarray(t, dtype=float))
    if kind == "rising":
        return lambda t: sigma_0**2 * (0.5 + share) * -np.expm1(-np.asarray(t))
    if kind == "oversized":
        return lambda t: sigma_0**2 * (1.2 + 1.8 * share) * np.exp(-np.asarray(t))
    if kind in ("edge", "over_edge"):
        held = sigma_0**2 * (1.0 + (_OVER if kind == "over_edge" else 0.0))
        return lambda t: held * np.ones_like(np.asarray(t, dtype=float))
    if kind == "floor":
        return lambda t: 0.5 * top * np.exp(-np.asarray(t)) + (_FLOOR * sigma_0) ** 2
    raise ValueError(f"kind must be one of {', '.join(INJECTIONS)}, got {kind!r}")


def cell_implicit(params: dict, seed: int) -> list[dict]:
    """One random injection of a kind: the largest one-step rise of log sigma_t, the level reached, two cross-checks.

    gap: largest relative difference of sigma_t^2 between the sampler's one-step recursion and Prop 3.2's convolution.
    bound_ratio: largest sigma_t^2 over the explicit bound that proves Lemma 3.4.
    """
    kind, sigma_0, horizon, steps = (params[key] for key in ("kind", "sigma_0", "horizon", "steps"))
    a_t = _injection(kind, sigma_0, horizon, steps, manifolds.stream(seed, "implicit", kind, params["draw"]))
    schedule = Schedule.from_injection(lambda t: torch.as_tensor(a_t(t.numpy())), sigma_0, horizon, steps)
    t, variance = schedule.t.numpy(), schedule.sigma.numpy() ** 2
    values = a_t(t)
    row = {
        "premise": decreases(values, sigma_0),
        "largest_rise": float(np.diff(np.log(schedule.sigma.numpy())).max()),
        "sigma_end_over_start": schedule.sigma_end / sigma_0,
        "gap": float("nan"),
        "bound_ratio": float((variance / vanishing_bound(t, sigma_0, values[0], a_t(t / 2))).max())
        if decreases(values, sigma_0)
        else float("nan"),
    }
    if kind != "staircase":  # the convolution's quadrature needs a smooth a_t between the times asked for
        row["gap"] = float(np.abs(variance / implicit_variance(t, sigma_0, a_t) - 1.0).max())
    return [row]


def decide(tables, options) -> list[Measurement]:
    """The largest rise and the largest last level where the premises hold; they must fail where a premise is broken."""
    rows = tables["implicit"]

    def of(*kinds: str):
        return rows[rows.kind.isin(kinds)]

    smooth, waning = of("power", "exponential"), of("power", "exponential", "staircase")
    decreasing, bad = of("power", "exponential", "staircase", "constant"), of("rising", "oversized").largest_rise
    edge, over = of("edge").largest_rise.max(), of("over_edge").largest_rise.min()
    fast, forever = of("exponential").sigma_end_over_start, of("constant").sigma_end_over_start
    kept = of("floor").sigma_end_over_start.min()
    top, end = decreasing.largest_rise.max(), waning.sigma_end_over_start.max()
    rise = [
        Control("null", "a_t = sigma_0^2, the premise's edge: sigma_t stays", edge, edge),
        Control("power", f"a_t = (1 + {_OVER:g}) sigma_0^2", over, over),
        Control("power", "premise broken: rising a_t, or a_0 > sigma_0^2", bad.min(), bad.max()),
    ]
    level = [
        Control("null", "a_t exponential", fast.min(), fast.max()),
        Control("power", f"a_t tends to ({_FLOOR:g} sigma_0)^2 instead of 0", kept, kept),
        Control("power", "a_t constant", forever.min(), forever.max()),
    ]
    note = (
        f"recursion and convolution of Prop 3.2 differ by {smooth.gap.max():.1e}; "
        f"sigma_t^2 over the explicit bound: {waning.bound_ratio.max():.6f}"
    )
    return [Measurement("S2", top, top, top, rise, note), Measurement("S2b", end, end, end, level, note)]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"implicit": cell_implicit}, decide=decide)
