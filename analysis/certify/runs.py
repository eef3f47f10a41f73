"""What a denoiser's runs come to: its ledger in nats and the samples it makes, at a few step counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from analysis.ledger.certificate import held_run
from analysis.samplers import Schedule
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["RUN_COLUMNS", "RunRow", "StrangerError", "runs_of"]

STEPS = (4, 16, 64)


class RunRow(NamedTuple):
    """One run: see `RUN_COLUMNS`."""

    steps: int
    init: float
    blind: float
    discretisation: float
    learning: float
    total: float
    total_se: float
    tv_bound: float
    sliced_w2: float
    sliced_floor: float
    tv_lower: float
    moment: float


RUN_COLUMNS = {
    "steps": "number of steps N of an exponential Euler run, geometric over the levels, a = 1/2",
    "init": "nats: KL(p_{sigma_0} || N), the price of the Gaussian start",
    "blind": "nats: the price of blindness",
    "discretisation": "nats: the price of finitely many steps",
    "learning": "nats: the price of not being optimal",
    "total": "nats: KL of the path, which bounds that of the last law",
    "total_se": "standard error of it",
    "tv_bound": "sqrt(total/2): most that the run's last law is off in total variation",
    "sliced_w2": "sliced W2 of the samples Y_N from p_{sigma_T}, core coordinates",
    "sliced_floor": "the same of two samples of the truth",
    "tv_lower": "lower 95 % limit on the total variation, from the samples",
    "moment": "E |Y_N|^2 over its true value, core coordinates",
}


class StrangerError(Exception):
    """What a stranger's denoiser raised in a run."""


def runs_of(
    f: Callable[..., Any], blind: bool, law: Law, low: float, high: float, points: int, stream: Stream
) -> tuple[RunRow, ...]:
    """A row a step count, from `high` to `low`.

    Raises:
        StrangerError: f raised.
        ValueError: the law is one of which the ledger does not speak.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=2, ambient=64)
    >>> rows = runs_of(law.denoise, False, law, 0.05, 10.0, 64, manifolds.stream(0))
    >>> rows[0].total > rows[-1].total > rows[-1].discretisation > 0
    True
    """

    if law.core.absorbs_normal:
        raise ValueError(f"{law.name} fills its whole space; runs are compared in the coordinates that data span")

    def called(y, *sigma):
        try:
            return f(y.clone(), *sigma)
        except Exception as error:
            raise StrangerError(f"raises {type(error).__name__}: {' '.join(str(error).split())[:200]}") from error

    # without a prior of its own, which need not reach the ends; `blind` is read off the arguments
    guarded = (lambda y: called(y)) if blind else (lambda y, sigma: called(y, sigma))
    rows = []
    for steps in STEPS:
        schedule = Schedule.proportional(high, low, 0.5, steps)
        found = held_run(law, guarded, schedule, 2 * points, 4 * points, stream.child("runs", steps))
        known = {name: found[name] for name in RUN_COLUMNS if name in found}
        rows.append(RunRow(steps, moment=found["moment_ratio"], **known))
    return tuple(rows)
