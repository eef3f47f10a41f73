"""`certify_sampler(integrator)`: is it of the order that it declares, and does it keep the noise level?

On Gaussian data a run is linear, so that every number here but those of methods with noise of their own is exact: the
order, the last step, runs of one, two and three steps, and how the steps for a given error grow with d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from analysis.certify.orders import Order, Refinement, draws_more, errors_along, order_of
from analysis.certify.record import Finding, Found, short, table
from analysis.metrics.fits import log_log_slope
from analysis.samplers import Integrator, Schedule, get_integrator, sample
from manifolds.space import Space
from manifolds.streams import stream

__all__ = ["SamplerCertificate", "SamplerRow", "certify_sampler"]

START, END, STEPS, REFINEMENTS = 10.0, 0.1, 16, 5
# of the data: at 1 DDPM is exact, and happens to have no order; at twice the last level the last step shows
SCALE, LAST_SCALE = 0.7, 0.2
FEW = (1, 2, 3)
KEPT = 1e-9  # relative errors of the level below are rounding: 1e-13 in 1000 steps
# a last step whose error is off the line through the three before by more than this part of the largest of them:
# .02 at most of the registered methods at 64 steps; 10 and more of one that is of an order less
OFF_LINE = 0.5
SHORTFALL = 0.3  # of an order, from its declared value; observed ones are within .2 at these step counts
COLUMNS = {
    "steps": "number of steps N, geometric from sigma = 10 to 0.1, a = 1/2",
    "error": "Var Y_N along the data over its true value, less 1",
    "level_error": "noise variance across the data over sigma_T^2, less 1",
}


class SamplerRow(NamedTuple):
    """A step count: see `COLUMNS`."""

    steps: int
    error: float
    level_error: float


@dataclass(frozen=True)
class SamplerCertificate(Found):
    """What `certify_sampler` found out.

    Attributes:
        integrator: what was looked at.
        declared: its `weak_order`.
        order: observed order with its 95 % interval, or None where the method draws noise of its own.
        exponent_in_d: p of N ~ d^p steps for a given KL: 0 where the level is kept, 1/(2q) where its error falls as
            N^-q, inf where it does not fall.
        rows: a row a step count, 1, 2, 3 and 16 to 256; errors are exact.
    """

    integrator: str
    declared: int
    order: Order | None
    exponent_in_d: float
    rows: tuple[SamplerRow, ...]
    findings: tuple[Finding, ...]
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))

    def __str__(self) -> str:
        seen = "not observed: the method draws noise of its own, or follows the residual"
        if self.order is not None:
            seen = f"{short(self.order.order)} [{short(self.order.low)}, {short(self.order.high)}]"
            seen = "exact here" if math.isinf(self.order.order) else seen
        head = [f"integrator  {self.integrator}", f"order       declared {self.declared}, observed {seen}"]
        head.append(f"dimension   steps for a given KL grow as d^{short(self.exponent_in_d)}")
        return "\n\n".join("\n".join(lines) for lines in [head, table(COLUMNS, self.rows, 13), self.lines()] if lines)


def certify_sampler(integrator: str | Integrator) -> SamplerCertificate:
    """Name what is wrong with an integrator, on data where every run can be solved.

    Findings: `raises`, `not_finite`, `not_deterministic`; `wrong_last_step` where the last step's error is not that of
    the steps before it (its size: what it adds to the relative error of a variance, at 16 steps); `level_not_kept`
    where the noise across the data does not end at the last level (the relative error of its standard deviation at 16
    steps), which costs steps that grow with d; `wrong_order` (the observed order).

    Args:
        integrator: an Integrator, its registry name, or module:object.

    Raises:
        ValueError: it is none of these, in one line.

    >>> certify_sampler("heun").kinds(), certify_sampler("euler").kinds()
    ([], ['level_not_kept'])
    """
    method = get_integrator(integrator)
    name = repr(method)
    try:
        schedule = _schedule(STEPS)
        if method.adaptive or draws_more(method, schedule):
            return _sampled(method, name)
        curves = {n: errors_along(method, _schedule(n), SCALE) for n in FEW + _ladder()}
        curves_last = {n: errors_along(method, _schedule(n), LAST_SCALE) for n in (STEPS, 4 * STEPS)}
        again = errors_along(method, schedule, SCALE)
    except Exception as error:  # whatever a stranger's code raises is a finding
        return _raised(method, name, error)
    rows = tuple(SamplerRow(n, *curve[-1].tolist()) for n, curve in curves.items())
    broken = [row.steps for row in rows if not math.isfinite(row.error + row.level_error)]
    if broken:
        finding = Finding("not_finite", f"gives NaN or infinity in runs of {broken[0]} steps")
        return SamplerCertificate(name, method.weak_order, None, math.nan, rows, (finding,))
    found = []
    if not torch.equal(again, curves[STEPS]):
        found.append(Finding("not_deterministic", "gives another run from the same start and noise"))
    last = _last_step(curves_last)
    found += [last] if last else []
    upto = -2 if last else -1  # what the last step spoils is said once
    ladder = tuple(Refinement(n, *curves[n][upto].tolist()) for n in _ladder())
    order = order_of(ladder, method.weak_order)
    level = ladder[0].level_error
    if max(abs(row.level_error) for row in ladder) > KEPT:
        size = math.sqrt(max(1 + level, 0.0)) - 1
        sentence = f"ends a run of {STEPS} steps at {1 + size:.4g} times the last noise level"
        found.append(Finding("level_not_kept", sentence, END, size, size, size, "relative error of the level"))
    if order.order < method.weak_order - SHORTFALL:
        sentence = f"is declared to be of order {method.weak_order} and is of order {order.order:.2g}"
        found.append(Finding("wrong_order", sentence, None, order.order, order.low, order.high, "order"))
    return SamplerCertificate(name, method.weak_order, order, _exponent(ladder), rows, tuple(found))


def _ladder() -> tuple[int, ...]:
    return tuple(STEPS * 2**j for j in range(REFINEMENTS))


def _schedule(steps: int) -> Schedule:
    return Schedule.proportional(START, END, steps=steps)


def _last_step(curves: dict[int, torch.Tensor]) -> Finding | None:
    """Whether the last step's own error goes on from those of the steps before, in both variances."""
    worst, steps = max(((_off(curves[n]).abs().max(), n) for n in [max(curves)]), key=lambda pair: float(pair[0]))
    grown = curves[steps].diff(dim=0)[-4:-1].abs().amax(dim=0)
    if not bool((_off(curves[steps]).abs() > OFF_LINE * grown + KEPT).any()):
        return None
    off = _off(curves[min(curves)])
    size = float(off[off.abs().argmax()])
    sentence = (
        f"errs in its last step by what the steps before do not, {float(worst):.2g} of a variance at {steps} steps"
    )
    return Finding(
        "wrong_last_step", sentence, END, size, size, size, f"relative error of a variance, {min(curves)} steps"
    )


def _off(curve: torch.Tensor) -> torch.Tensor:
    """Errors (2,) that the last step adds, less those that a parabola through the three before it leads to."""
    grown = curve.diff(dim=0)
    return grown[-1] - (3 * grown[-2] - 3 * grown[-3] + grown[-4])


def _exponent(ladder: tuple[Refinement, ...]) -> float:
    """p of N ~ d^p: KL ~ d v^2/4 at a relative error v ~ N^-q of the noise variance."""
    last = [(1.0 / row.steps, abs(row.level_error)) for row in ladder[-4:]]
    if max(error for _, error in last) <= KEPT:
        return 0.0
    if min(error for _, error in last) <= KEPT:
        return math.nan
    q = log_log_slope([x for x, _ in last], [error for _, error in last]).slope.value
    return 1 / (2 * q) if q > 0.1 else math.inf


def _sampled(method: Integrator, name: str) -> SamplerCertificate:
    """The level of a method that draws noise of its own, from the normal directions of R^(10^6)."""
    n, d = 64, 10**6
    rows: list[SamplerRow] = []
    found: list[Finding] = []
    for steps in (*FEW, STEPS, 4 * STEPS):
        try:
            errors = _level_errors(method, _schedule(steps), n, d)
        except ValueError as error:
            if steps in FEW and method.adaptive:  # such methods choose their own number of steps
                continue
            return _raised(method, name, error)
        if not bool(torch.isfinite(errors).all()):
            finding = Finding("not_finite", f"gives NaN or infinity in runs of {steps} steps")
            return SamplerCertificate(name, method.weak_order, None, math.nan, tuple(rows), (finding,))
        mean, spread = float(errors.mean()), 4 * (float(errors.std()) / math.sqrt(n))
        rows.append(SamplerRow(steps, math.nan, mean))
        if steps == STEPS and abs(mean) > spread:
            size, low, high = (math.sqrt(max(1 + e, 0.0)) - 1 for e in (mean, mean - spread, mean + spread))
            sentence = f"ends a run of {STEPS} steps at {1 + size:.4g} times the last noise level"
            found.append(Finding("level_not_kept", sentence, END, size, low, high, "relative error of the level"))
    return SamplerCertificate(name, method.weak_order, None, 0.0 if not found else math.nan, tuple(rows), tuple(found))


def _level_errors(method: Integrator, schedule: Schedule, n: int, d: int) -> torch.Tensor:
    """Relative errors (n,) of the noise variance at the end of a run whose steps are scheduled, one a point."""

    def f(y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        shrink = SCALE**2 / (SCALE**2 + torch.as_tensor(sigma, dtype=y.dtype) ** 2)
        return torch.stack([shrink * y[:, 0], 0 * y[:, 1]], dim=1)

    run = sample(f, Space(d, 1, True), schedule, n, stream(0, "certify"), method, adaptive=False)
    end = float(method.coefficients(schedule).grid[-1])
    return run.y[:, 1] ** 2 / ((d - 1) * end**2) - 1


def _raised(method: Integrator, name: str, error: Exception) -> SamplerCertificate:
    sentence = f"raises {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return SamplerCertificate(name, method.weak_order, None, math.nan, (), (Finding("raises", sentence),))
