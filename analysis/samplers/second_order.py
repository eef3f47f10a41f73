"""Methods of weak order 2 that are more than coefficients: EDM with churn, DPM-Solver++ 2M, the randomised midpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from analysis.samplers.integrators import DDIM, ExponentialEuler, Heun
from analysis.samplers.schedule import Schedule
from analysis.samplers.step import Coefficients, Integrator, Tools
from manifolds.checks import positive_number

__all__ = ["DPMSolver2M", "EDMChurn", "RandomisedMidpoint"]


class EDMChurn(Heun):
    """EDM's stochastic sampler (Karras et al., arXiv 2206.00364, algorithm 2): noise is added, then Heun's step taken.

    Before step i the level is raised to sigma_i (1 + gamma), gamma = min(s_churn / N, sqrt 2 - 1) where
    s_min <= sigma_i <= s_max and 0 elsewhere. f is called at the raised points, which is what a run records.

    Args:
        s_churn, s_min, s_max: as in the paper, >= 0; s_churn = 0 is `Heun`.
        s_noise: inflation of the added noise's standard deviation; 1 keeps the level (and the declared order).

    Raises:
        ValueError: a number out of range.

    >>> steps = EDMChurn(s_churn=0.5).coefficients(Schedule.from_levels([4.0, 2.0, 1.0]))  # gamma = 1/4
    >>> steps.levels.tolist(), steps.churn_variance.tolist(), steps.normal_consistent
    ([5.0, 2.5, 1.0], [9.0, 2.25, 0.0], True)
    """

    name = "edm"

    def __init__(self, s_churn: float = 10.0, s_min: float = 0.0, s_max: float = math.inf, s_noise: float = 1.0):
        for label, value in (("s_churn", s_churn), ("s_min", s_min), ("s_max", s_max)):
            if not value >= 0 or (label != "s_max" and value == math.inf):
                raise ValueError(f"{label} must be a number >= 0, got {value!r}")
        self.s_churn, self.s_min, self.s_max = float(s_churn), float(s_min), float(s_max)
        self.s_noise = positive_number(s_noise, "s_noise")

    def __repr__(self) -> str:
        return f"EDMChurn(s_churn={self.s_churn}, s_min={self.s_min}, s_max={self.s_max}, s_noise={self.s_noise})"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        sigma = schedule.sigma
        churned = (sigma >= self.s_min) & (sigma <= self.s_max)
        churned[-1] = False
        gamma = min(self.s_churn / schedule.steps, math.sqrt(2) - 1) * churned.double()
        raised = sigma * (1 + gamma)
        noise = torch.zeros(schedule.steps, dtype=torch.float64)
        churn = self.s_noise**2 * sigma**2 * gamma * (2 + gamma)
        return Coefficients(raised, sigma[1:] / raised[:-1], noise, churn, sigma)


class DPMSolver2M(Integrator):
    """DPM-Solver++ 2M (arXiv 2211.01095, algorithm 2), deterministic, one evaluation a step.

    Y+ = D + (sigma_+ / sigma) (Y - D), D = f + (f - f_before) h / (2 h_before), h the step of log sigma; the first step
    is DDIM's.

    >>> from analysis.samplers import sample
    >>> from manifolds import Space, stream
    >>> levels = Schedule.proportional(2.0, 0.1, a=0.0, steps=4)
    >>> sample(lambda y: 0 * y, Space(3, 1), levels, 5, stream(0), DPMSolver2M()).calls
    5
    """

    name = "dpm_solver_2m"
    weak_order = 2
    memory: ClassVar[bool] = True

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return DDIM().coefficients(schedule)

    def advance(self, y: torch.Tensor, fy: torch.Tensor, tools: Tools) -> torch.Tensor:
        c, i = tools.steps.contraction, tools.i
        if tools.previous is not None:
            ratio = math.log(c[i]) / math.log(c[i - 1])
            fy = fy + ratio / 2 * (fy - tools.previous)
        return tools.inject(fy + c[i] * (y - fy))


@dataclass(frozen=True)
class _OnSchedule(Coefficients):
    """Coefficients that remember their schedule: levels between the grid's."""

    schedule: Schedule | None = None
    times: tuple[float, ...] = ()


class RandomisedMidpoint(Integrator):
    """Exponential integrator with f at a random time of each step (Shen and Lee, arXiv 1909.05503), for any a_t.

    Y+ = e^{-h} Y + (1 - e^{-h}) f(Y_m, sigma_m) + noise: Y_m is exponential Euler's point at the time t + m, m with the
    density e^{-(h - m)} / (1 - e^{-h}) on [0, h] that makes the integral of f unbiased, and both points share the
    Brownian path. m is drawn for each sample: a conditional denoiser is told one level per point. Two evaluations
    a step.

    >>> steps = RandomisedMidpoint().coefficients(Schedule.proportional(4.0, 1.0, a=0.5, steps=1))
    >>> round(float(steps.contraction), 12), steps.normal_consistent
    (0.0625, True)
    """

    name = "randomised_midpoint"
    weak_order = 2
    evaluations = 2
    own_noise: ClassVar[bool] = True

    def coefficients(self, schedule: Schedule) -> Coefficients:
        plain = ExponentialEuler().coefficients(schedule)
        return _OnSchedule(
            plain.levels, plain.contraction, plain.noise_variance, None, None, schedule, tuple(schedule.t.tolist())
        )

    def advance(self, y: torch.Tensor, fy: torch.Tensor, tools: Tools) -> torch.Tensor:
        assert isinstance(tools.steps, _OnSchedule) and tools.steps.schedule is not None
        steps, space, i = tools.steps, tools.space, tools.i
        if space.reduced and bool((fy[:, -1] != 0).any()):
            raise ValueError("randomised_midpoint needs reduced=False for a denoiser with a part normal to the data")
        t, h = steps.times[i], steps.times[i + 1] - steps.times[i]
        m = torch.log1p(tools.uniform("place") * math.expm1(h))  # inverse of (e^m - 1) / (e^h - 1)
        sigma, start, end = tools.steps.schedule.level(t + m), float(steps.levels[i]), float(steps.levels[i + 1])
        first = (sigma**2 - torch.exp(-2 * m) * start**2).clamp(min=0).sqrt()  # Prop 3.2
        second = (end**2 - torch.exp(-2 * (h - m)) * sigma**2).clamp(min=0).sqrt()
        decay = torch.exp(-m)[:, None]
        carried = space.perturb(decay * y, first, tools.draw("first"))
        middle = tools.evaluate(carried + (1 - decay) * fy, sigma)
        moved = torch.exp(m - h)[:, None] * carried - math.expm1(-h) * middle
        return space.perturb(moved, second, tools.draw("second"))
