"""The sampler: any denoiser, any schedule, any integrator; noise scheduled or adaptive (arXiv 2602.09639, sections 3-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from analysis.samplers.coefficients import Coefficients
from analysis.samplers.evaluate import Evaluator
from analysis.samplers.integrators import Integrator
from analysis.samplers.noise import IndependentNoise
from analysis.samplers.registry import get_integrator
from analysis.samplers.run import SampleRun
from analysis.samplers.schedule import Schedule
from manifolds.checks import positive_int, positive_number
from manifolds.denoisers.prior import check_prior
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["sample"]

_RECORDS = ("none", "levels", "path")


def sample(
    f: Callable,
    law: Any,
    schedule: Schedule,
    n: int,
    stream: Stream,
    integrator: str | Integrator = "exponential_euler",
    adaptive: bool | None = None,
    *,
    start: torch.Tensor | None = None,
    assumed_sigma: torch.Tensor | None = None,
    sigma_min: float | None = None,
    estimator: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    max_steps: int | None = None,
    noise: Any = None,
    record: str = "none",
    chunk: int | None = None,
    device: str | None = None,
    callback: Callable[[int], None] | None = None,
) -> SampleRun:
    """Run n samples of Y+ = f(Y) + c (Y - f(Y)) + eta Z from N(mean, sigma_0^2 I).

    Results do not depend on n, on `chunk` or on what else is drawn from the stream (labelled draws), up to what f itself
    does with its batch; blind and conditional runs of one stream get the same start and the same injected noise.

    Args:
        f: denoiser, f(y) if blind and f(y, sigma_i) if conditional; clean estimate with the shape of y.
        law: a law or a Space. Nothing but its space is used.
        n: number of samples.
        stream: source of the start (child "start") and of the injected noise (child "step", i).
        integrator: registry name or Integrator object.
        adaptive: inject eta_i^2 / sigma_i^2 times the sample's own sigma_hat^2 and stop each sample at
            sigma_hat <= sigma_min; past the end of the schedule its last step is repeated. None: as the integrator does.
        start: (n, width) first points instead.
        assumed_sigma: levels told to a conditional denoiser instead of the nominal ones, one per step and the last one.
        sigma_min: adaptive only; None is the last level of the schedule.
        estimator: function (y, f(y)) -> (n,) estimates of the noise standard deviation, in place of the residual's
            sqrt(|f(y) - y|^2 / d), for the record and for adaptive noise and stopping.
        max_steps: adaptive only, cap on the steps; None is 10 x the nominal number.
        noise: IndependentNoise or BrownianNoise (coupled across step counts); None is IndependentNoise(stream).
        record: "none", "levels" (true noise variance in normal directions) or "path" (that, and all Y_i).
        chunk: largest batch given to f.
        device: torch device on which f is called.
        callback: called with the index of each finished step.

    Raises:
        ValueError: a bad argument, in one line; a denoiser with a noise prior that does not cover the schedule (wrap its
            call in a function to run it all the same). A run that goes wrong says so in `status` instead.
    """
    space: Space = getattr(law, "space", law)
    n = positive_int(n, "n")
    if chunk is not None:
        positive_int(chunk, "chunk")
    if record not in _RECORDS:
        raise ValueError(f"record must be one of {', '.join(_RECORDS)}, got {record!r}")
    check_prior(f, schedule.sigma)
    integrator = get_integrator(integrator)
    steps = integrator.coefficients(schedule)
    adaptive = integrator.adaptive if adaptive is None else bool(adaptive)
    noise = IndependentNoise(stream) if noise is None else noise
    noise.check(schedule, integrator)
    if adaptive:
        stop = integrator.stop_level(schedule) if sigma_min is None else positive_number(sigma_min, "sigma_min")
        steps = steps.extended(10 * steps.steps if max_steps is None else positive_int(max_steps, "max_steps"))
    elif sigma_min is not None or max_steps is not None:
        raise ValueError("sigma_min and max_steps need adaptive=True")
    else:
        stop = None
    levels = steps.levels if assumed_sigma is None else _assumed(assumed_sigma, steps)
    if start is None:
        y = space.start(n, float(steps.levels[0]), stream.child("start"))
    else:
        space.check(start, "start")
        if len(start) != n:
            raise ValueError(f"start must have n = {n} rows, got {len(start)}")
        y = start.clone()
    evaluator = Evaluator(f, space, levels, chunk, device)
    return _Run(evaluator, integrator, steps, stop, estimator, noise, record, callback).go(y)


def _assumed(sigma: torch.Tensor, steps: Coefficients) -> torch.Tensor:
    sigma = torch.as_tensor(sigma, dtype=torch.float64)
    if sigma.shape != steps.levels.shape or not bool((torch.isfinite(sigma) & (sigma > 0)).all()):
        raise ValueError(f"assumed_sigma must be {len(steps.levels)} finite levels > 0, one per step and the last one")
    return sigma


def _rows(active: torch.Tensor) -> torch.Tensor | slice:
    """Indices of the active samples; a slice, which copies nothing, while all of them are."""
    return slice(None) if bool(active.all()) else torch.nonzero(active)[:, 0]


def _finite(points: torch.Tensor) -> torch.Tensor:
    """Which rows are finite: a sum is not, if one of its terms is not."""
    return torch.isfinite(points.sum(dim=1))


class _Run:
    """One run: the loop, and what it records. `stop` is None for a scheduled run."""

    def __init__(self, evaluator, integrator, steps, stop, estimator, noise, record, callback):
        self.evaluator, self.integrator, self.steps, self.stop = evaluator, integrator, steps, stop
        self.noise, self.record, self.callback = noise, record, callback
        self.space = evaluator.space
        self.estimator = self._residual if estimator is None else estimator

    def _residual(self, y: torch.Tensor, fy: torch.Tensor) -> torch.Tensor:
        return (self.space.sqnorm(fy - y) / self.space.ambient_dim).sqrt()

    def go(self, y: torch.Tensor) -> SampleRun:
        n = len(y)
        fy, sigma_hat = torch.full_like(y, torch.nan), torch.full((n,), torch.nan, dtype=y.dtype)
        active, diverged = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
        stopped_at = torch.zeros(n, dtype=torch.int64)
        history: dict[str, list] = {"sigma_hat": [], "path": [], "normal_variance": []}
        step, cap = 0, self.steps.steps
        while True:
            rows = _rows(active)
            fy[rows] = self.evaluator(y[rows], step)
            sigma_hat[rows] = self.estimator(y[rows], fy[rows])
            lost = active & ~(torch.isfinite(sigma_hat) & _finite(fy))
            sigma_hat[lost] = torch.nan
            diverged |= lost
            active &= ~lost
            if self.stop is not None:
                active &= ~(sigma_hat <= self.stop)
            self._note(history, y, sigma_hat)
            if step == cap or not bool(active.any()):
                break
            rows = _rows(active)
            y[rows] = self._advance(y[rows], fy[rows], sigma_hat[rows], rows, step, n)
            lost = active & ~_finite(y)
            diverged |= lost
            active &= ~lost
            sigma_hat[lost], fy[lost] = torch.nan, torch.nan
            step += 1
            stopped_at[rows] = step
            if self.callback is not None:
                self.callback(step - 1)
            if not bool(active.any()):
                self._note(history, y, sigma_hat)
                break
        fy[diverged] = torch.nan
        capped = self.stop is not None and bool(active.any())
        return SampleRun(
            y=y,
            x=fy,
            sigma_hat=torch.stack(history["sigma_hat"]),
            levels=torch.tensor(self.evaluator.levels[: step + 1], dtype=torch.float64),
            steps=step,
            calls=step * self.integrator.evaluations + 1,
            status="diverged" if bool(diverged.any()) else "step_cap" if capped else "done",
            stopped_at=stopped_at,
            diverged=diverged,
            path=torch.stack(history["path"]) if history["path"] else None,
            normal_variance=torch.stack(history["normal_variance"]) if history["normal_variance"] else None,
        )

    def _advance(self, y, fy, sigma_hat, rows, i, n):
        """Points after step i; `rows` of n are those still moving."""
        moved = self.integrator.mean(y, fy, i, self.steps, self.evaluator.at_combination)
        scale = self.steps.noise_variance[i].sqrt()
        if self.stop is not None:
            scale = self.steps.noise_ratio[i].sqrt() * sigma_hat
        if float(self.steps.noise_variance[i]) > 0:
            draw = self.noise.draw(self.space, i, n)
            return self.space.perturb(moved, scale, draw[rows])
        if self.space.reduced:
            moved[:, -1] = moved[:, -1].abs()  # without noise too, the last coordinate is a norm again
        return moved

    def _note(self, history, y, sigma_hat):
        history["sigma_hat"].append(sigma_hat.clone())
        if self.record == "path":
            history["path"].append(y.clone())
        if self.record != "none":
            history["normal_variance"].append(self.space.split(y)[1] / max(self.space.normal_dim, 1))
