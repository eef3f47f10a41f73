"""The sampler: any denoiser, any schedule, any integrator; noise scheduled or adaptive (arXiv 2602.09639)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from analysis.samplers.evaluate import Evaluator
from analysis.samplers.noise import BrownianNoise, IndependentNoise
from analysis.samplers.registry import get_integrator
from analysis.samplers.run import Estimator, Run, SampleRun
from analysis.samplers.schedule import Schedule
from analysis.samplers.step import Coefficients, Integrator
from manifolds.checks import positive_int, positive_number, usable_device
from manifolds.denoisers.prior import check_prior
from manifolds.space import Space
from manifolds.streams import Stream

__all__ = ["sample"]

_KINDS = {"law": "law or a Space", "schedule": "Schedule", "stream": "Stream (manifolds.stream(seed, ..))"}
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
    estimator: Estimator | None = None,
    max_steps: int | None = None,
    noise: IndependentNoise | BrownianNoise | None = None,
    record: str = "none",
    chunk: int | None = None,
    device: str | None = None,
    callback: Callable[[int], None] | None = None,
) -> SampleRun:
    """Run n samples of Y+ = f(Y) + c (Y - f(Y)) + eta Z from N(mean, sigma_0^2 I).

    Results do not depend on n, on `chunk` or on what else is drawn from the stream (labelled draws), up to what f
    itself does with its batch; blind and conditional runs of one stream get the same start and noise.

    Args:
        f: denoiser, f(y) if blind and f(y, sigma_i) if conditional; clean estimate with the shape of y.
        law: a law or a Space. Nothing but its space is used.
        n: number of samples.
        stream: source of the start (child "start"), of the injected noise (child "step", i) and of noise that an
            integrator draws itself (child "step", i, label).
        integrator: registry name or Integrator object.
        adaptive: inject eta_i^2 / sigma_i^2 times the sample's own sigma_hat^2 and stop each sample at
            sigma_hat <= sigma_min; past the end of the schedule its last step is repeated. None: as the integrator
            does.
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
        ValueError: a bad argument, in one line; a denoiser with a noise prior that does not cover the schedule (wrap
            its call in a function to run it all the same). A run that goes wrong says so in `status` instead.

    >>> schedule = Schedule.proportional(sigma_start=4.0, sigma_end=0.1, a=0.5, steps=8)
    >>> run = sample(lambda y: 0 * y, Space(3, 1), schedule, n=5, stream=Stream(0))  # the data are the origin
    >>> run.x.abs().max().item(), run.steps
    (0.0, 8)
    """
    space: Space = getattr(law, "space", law)
    for label, value, kind in (("law", space, Space), ("schedule", schedule, Schedule), ("stream", stream, Stream)):
        if not isinstance(value, kind):
            raise ValueError(f"{label} must be a {_KINDS[label]}, got {type(value).__name__}")
    if device is not None:
        usable_device(device)
    n = positive_int(n, "n")
    if chunk is not None:
        positive_int(chunk, "chunk")
    if record not in _RECORDS:
        raise ValueError(f"record must be one of {', '.join(_RECORDS)}, got {record!r}")
    check_prior(f, schedule.sigma)
    method = get_integrator(integrator)
    steps = method.coefficients(schedule)
    if steps.churn_variance is not None:
        check_prior(f, steps.levels)
    adaptive = method.adaptive if adaptive is None else bool(adaptive)
    source = IndependentNoise(stream) if noise is None else noise
    source.check(schedule, method)
    stop = None
    if adaptive and (method.own_noise or method.memory or steps.churn_variance is not None):
        raise ValueError(f"adaptive must be False for {method.name}")
    if adaptive:
        stop = method.stop_level(schedule) if sigma_min is None else positive_number(sigma_min, "sigma_min")
        steps = steps.extended(10 * steps.steps if max_steps is None else positive_int(max_steps, "max_steps"))
    elif sigma_min is not None or max_steps is not None:
        raise ValueError("sigma_min and max_steps need adaptive=True")
    levels = steps.levels if assumed_sigma is None else _assumed(assumed_sigma, steps)
    if start is None:
        y = space.start(n, float(steps.grid[0]), stream.child("start"))
    else:
        space.check(start, "start")
        if len(start) != n:
            raise ValueError(f"start must have n = {n} rows, got {len(start)}")
        y = start.clone()
    evaluator = Evaluator(f, space, steps.levels, levels, chunk, device)
    return Run(evaluator, method, steps, stop, estimator, source, stream, record, callback).go(y)


def _assumed(sigma: torch.Tensor, steps: Coefficients) -> torch.Tensor:
    sigma = torch.as_tensor(sigma, dtype=torch.float64)
    if sigma.shape != steps.levels.shape or not bool((torch.isfinite(sigma) & (sigma > 0)).all()):
        raise ValueError(f"assumed_sigma must be {len(steps.levels)} finite levels > 0, one per step and the last one")
    return sigma
