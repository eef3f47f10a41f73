"""The smallest number of steps that is enough, measured: a blind run held against its law in D_X.

`python -m analysis.plan.measure` writes the tables that the planner reads, `steps.csv` and `samplers.csv`, again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas

from analysis.metrics.support import bounded_lipschitz
from analysis.samplers import Schedule, get_integrator, sample
from analysis.theory.rates import recipe
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.registry import make
from manifolds.streams import Stream, stream

__all__ = ["LAWS", "SAMPLERS_TABLE", "TABLE", "Reached", "distance", "radius_of", "smallest_steps"]

TABLE, SAMPLERS_TABLE = (Path(__file__).with_name(name) for name in ("steps.csv", "samplers.csv"))
# none that a rotation leaves unchanged: there an equivariant denoiser makes the projected law exact in one step
LAWS = ("gaussian", "cube", "product", "mixture", "union_of_subspaces", "random_code")
DIMS, EPS = (1, 2, 4), (0.4, 0.2, 0.1)  # eps in units of the radius
COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
SAMPLERS = (
    ("exponential_euler", 0.5), ("exponential_euler", 0.2), ("ddim", 0.0), ("heun", 0.0), ("dpm_solver_2m", 0.0),
    ("euler", 0.5),
)  # fmt: skip
AMBIENT, POINTS = 1000, 500


class Reached(NamedTuple):
    """The smallest step count tried whose D_X is at most eps; `before` is the one before it, 0 if it is the first."""

    steps: int
    before: int
    distance: float


def radius_of(law: Law) -> float:
    """R, or the root mean square of |X| where the support is not bounded.

    >>> radius_of(make("gaussian", dim=4, ambient=9))
    2.0
    """
    return law.radius if law.bounded else math.sqrt(law.second_moment)


def distance(
    law: Law, steps: int, eps: float, n: int, draw: Stream, integrator: str = "exponential_euler", a: float = 0.5
) -> float:
    """D_X of the projected f(Y_N) from the law, less its floor, after a blind run of arXiv 2602.09639, Corollary 3.10.

    Levels from R/eps to eps/sqrt k, the optimal blind denoiser for sigma^-3; D_X in the
    law's own units, of n points by assignment.

    >>> law = make("gaussian", dim=2, ambient=1000, reduced=True)
    >>> distance(law, 1, 0.2, 200, stream(0)) > distance(law, 32, 0.2, 200, stream(0))
    True
    """
    plan = recipe(max(law.intrinsic_dim, 1), eps, radius_of(law))
    f = BlindDenoiser(law, NoisePrior.power(-3.0, plan.sigma_T, plan.sigma_0))
    run = sample(f, law, Schedule.proportional(plan.sigma_0, plan.sigma_T, a, steps), n, draw, integrator)
    made, truth, other = (
        law.space.core_part(law.project(x))
        for x in (run.x, law.sample(n, draw.child("truth")), law.sample(n, draw.child("other")))
    )
    return bounded_lipschitz(made, truth) - bounded_lipschitz(other, truth)


def smallest_steps(law: Law, eps: float, n: int, draw: Stream, counts: tuple[int, ...] = COUNTS) -> Reached | None:
    """The smallest of the step counts with D_X <= eps, in the law's own units; None if none is enough.

    >>> law = make("gaussian", dim=1, ambient=1000, reduced=True)
    >>> smallest_steps(law, 0.3, 200, stream(0)).steps <= 16
    True
    """
    before = 0
    for steps in counts:
        found = distance(law, steps, eps, n, draw)
        if found <= eps:
            return Reached(steps, before, found)
        before = steps
    return None


def _samplers() -> Iterator[dict]:
    """Calls of the denoiser that each sampler needs, on two laws."""
    for name in ("gaussian", "cube"):
        law, eps = make(name, dim=2, ambient=AMBIENT, reduced=True), 0.1
        for integrator, a in SAMPLERS:
            draw, size = stream(0, "samplers", name), eps * radius_of(law)
            for steps in COUNTS:
                if distance(law, steps, size, POINTS, draw, integrator, a) <= size:
                    calls = steps * get_integrator(integrator).evaluations + 1
                    yield {"law": name, "dim": 2, "eps": eps, "integrator": integrator, "a": a, "calls": calls}
                    break


def _rows() -> Iterator[dict]:
    for name in LAWS:
        for k in DIMS:
            if name == "product" and k == 1:  # the smallest is S^1 times an interval
                continue
            law = make(name, dim=k, ambient=AMBIENT, reduced=True)
            for eps in EPS:
                found = smallest_steps(law, eps * radius_of(law), POINTS, stream(0, "plan", name, k, eps))
                if found is not None:
                    yield {"law": name, "dim": k, "eps": eps, "steps": found.steps, "before": found.before}


if __name__ == "__main__":
    pandas.DataFrame(list(_rows())).to_csv(TABLE, index=False)
    pandas.DataFrame(list(_samplers())).to_csv(SAMPLERS_TABLE, index=False)
