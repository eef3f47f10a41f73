"""The order of an integrator, seen without sampling error where everything is linear: Gaussian data on a line.

There the denoiser is f(y, sigma) = s^2/(s^2 + sigma^2) y along the data and 0 across, so a run is linear in its start
and in the noise of each step. One run of N + 1 points gives every response: point 0 starts at 1 and gets no noise,
point i starts at 0 and gets a unit of noise in step i. Their squares add up to the variance of Y_N, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from analysis.metrics.fits import log_log_slope
from analysis.samplers import IndependentNoise, Integrator, Schedule, get_integrator, sample
from manifolds.checks import positive_int, positive_number
from manifolds.shapes import Points
from manifolds.space import Draw, Space
from manifolds.streams import stream

__all__ = ["Order", "Refinement", "errors_along", "observed_order", "draws_more", "order_of"]

_FLOOR = 1e-12  # relative errors below are rounding: 1e-14 in 1000 steps


class Refinement(NamedTuple):
    """A step count; relative errors of Var Y_N along the data, and of the noise variance across them."""

    steps: int
    error: float
    level_error: float


@dataclass(frozen=True)
class Order:
    """What `observed_order` saw.

    Attributes:
        order, low, high: exponent of 1/N in the larger of the two errors, and its 95 % interval (Student's t over the
            finest four step counts); inf where the error is rounding alone.
        declared: `weak_order` of the integrator.
        rows: a step count each.
    """

    order: float
    low: float
    high: float
    declared: int
    rows: tuple[Refinement, ...]


class _UnitNoise(IndependentNoise):
    """Step i moves point i + 1 alone, by one unit in every coordinate."""

    def draw(self, space: Space, i: int, n: int) -> Draw:
        normal = torch.zeros(n, space.width, dtype=torch.float64)
        normal[i + 1] = 1.0
        return Draw(normal, torch.zeros(n, dtype=torch.float64))

    def in_blocks(self, space: Space, i: int, n: int):
        normal, at = self.draw(space, i, n).normal, [0]

        def block(rows: int) -> torch.Tensor:
            at[0] += rows
            return normal[at[0] - rows : at[0]]

        return block


def observed_order(
    integrator: str | Integrator, schedule: Schedule | None = None, scale: float = 1.0, refinements: int = 6
) -> Order:
    """The order at which a run's law approaches that of the noisy data, on Gaussian data on a line.

    Args:
        integrator: an Integrator, its registry name, or module:object; noise that is scheduled, or none.
        schedule: the coarsest; each refinement doubles its steps. None is 10 -> 0.1 in 16 geometric steps, a = 1/2.
        scale: standard deviation s of the data.
        refinements: how many step counts, at least 5.

    Raises:
        ValueError: an argument that is not allowed; an integrator that is adaptive or draws noise of its own: its runs
            are not linear in the noise.

    >>> found = observed_order("heun")
    >>> round(found.order, 1), found.declared
    (2.0, 2)
    """
    method = get_integrator(integrator)
    if method.adaptive or method.own_noise:
        raise ValueError(f"integrator must be neither adaptive nor draw its own noise, got {method.name}")
    coarse = Schedule.proportional(10.0, 0.1, steps=16) if schedule is None else schedule
    if not isinstance(coarse, Schedule):
        raise ValueError(f"schedule must be a Schedule, got {type(schedule).__name__}")
    if draws_more(method, coarse):
        raise ValueError(f"integrator must not add noise before it calls the denoiser (churn), got {method.name}")
    if positive_int(refinements, "refinements") < 5:
        raise ValueError(f"refinements must be >= 5, got {refinements}")
    s = positive_number(scale, "scale")
    rows = tuple(_errors(method, coarse.refine(2**j) if j else coarse, s) for j in range(refinements))
    return order_of(rows, method.weak_order)


def order_of(rows: tuple[Refinement, ...], declared: int) -> Order:
    """The order that refinements, the coarsest first, show.

    >>> order_of(tuple(Refinement(n, n**-2.0, 0.0) for n in (4, 8, 16, 32)), declared=2).order
    2.0
    """
    last = [(1.0 / row.steps, max(abs(row.error), abs(row.level_error))) for row in rows[-4:]]
    if min(error for _, error in last) <= _FLOOR:
        return Order(float("inf"), float("inf"), float("inf"), declared, rows)
    slope = log_log_slope([x for x, _ in last], [error for _, error in last]).slope
    return Order(slope.value, slope.low, slope.high, declared, rows)


def draws_more(method: Integrator, schedule: Schedule) -> bool:
    """Whether a run draws noise besides eta Z, so that it is not linear in the noise of its steps.

    >>> draws_more(get_integrator("edm"), Schedule.proportional(10.0, 0.1, steps=4))  # churn
    True
    """
    return method.own_noise or method.coefficients(schedule).churn_variance is not None


def errors_along(method: Integrator, schedule: Schedule, s: float) -> torch.Tensor:
    """Relative errors (N+1, 2) of the variances of Y_0 .. Y_N, along the data and across, of a run that starts right.

    The data are N(0, s^2) on the first of two axes. NaN from where the run diverges.

    >>> errors = errors_along(get_integrator("ancestral"), Schedule.proportional(10.0, 0.1, steps=4), 1.0)
    >>> tuple(errors.shape), float(errors[:, 1].abs().max()) < 1e-12
    ((5, 2), True)
    """

    def f(y: Points, sigma: float | torch.Tensor) -> Points:
        shrink = s * s / (s * s + torch.as_tensor(sigma, dtype=y.dtype) ** 2)
        return torch.stack([shrink * y[:, 0], 0 * y[:, 1]], dim=1)

    start = torch.zeros(schedule.steps + 1, 2, dtype=torch.float64)
    start[0] = 1.0
    source = stream(0)
    noise = _UnitNoise(source)
    run = sample(f, Space(2, 1), schedule, len(start), source, method, start=start, noise=noise, record="path")
    assert run.path is not None
    across = schedule.sigma[: len(run.path)] ** 2
    ideal = torch.stack([s * s + across, across], dim=1)
    square = run.path**2
    return (square[:, 0] * ideal[0] + square[:, 1:].sum(dim=1)) / ideal - 1


def _errors(method: Integrator, schedule: Schedule, s: float) -> Refinement:
    return Refinement(schedule.steps, *errors_along(method, schedule, s)[-1].tolist())
