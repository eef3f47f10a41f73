"""The integrators, each a choice of coefficients (see `coefficients`), and their registry.

To bring your own, subclass `Integrator`, implement `coefficients(schedule)`, and pass the object to `sample`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch

from analysis.samplers.coefficients import Coefficients
from analysis.samplers.schedule import Schedule

__all__ = [
    "Integrator",
    "ExponentialEuler",
    "Euler",
    "EulerMaruyama",
    "DDIM",
    "Ancestral",
    "ScoreFreezing",
    "Heun",
]


class Integrator(ABC):
    """A step rule Y+ = f + c (Y - f) + eta Z.

    Attributes:
        name: registry name.
        weak_order: declared order of the error of expectations at the end, in powers of 1 / steps.
        evaluations: denoiser evaluations a step.
        adaptive: whether the method is adaptive by design (noise from the residual estimate, stopping on it).
        noise_decays: whether noise injected within a step contracts until its end (sets how coupled noise is summed).
    """

    name: ClassVar[str]
    weak_order: ClassVar[int] = 1
    evaluations: ClassVar[int] = 1
    adaptive: ClassVar[bool] = False
    noise_decays: ClassVar[bool] = True

    @abstractmethod
    def coefficients(self, schedule: Schedule) -> Coefficients:
        """Levels, contractions and noise variances of a run along the schedule."""

    def mean(self, y: torch.Tensor, fy: torch.Tensor, i: int, steps: Coefficients, evaluate: Callable) -> torch.Tensor:
        """The step without its noise. Methods with more than one evaluation override this.

        Args:
            y, fy: points and their denoised values (n, width).
            i: step index.
            evaluate: function (combination of y and f(y), level index) -> denoised values, for further evaluations.
        """
        return fy + steps.contraction[i] * (y - fy)

    def stop_level(self, schedule: Schedule) -> float:
        """Residual estimate at which an adaptive run stops."""
        return schedule.sigma_end

    def coupling(self, fine: Schedule, first: int, last: int) -> torch.Tensor:
        """Weights with which the fine draws first..last-1 add up to the draw of one coarse step (up to their norm)."""
        steps = self.coefficients(fine)
        eta = steps.noise_variance[first:last].sqrt()
        if not self.noise_decays:
            return eta
        later = torch.cat([steps.contraction[first + 1 : last], torch.ones(1, dtype=torch.float64)])
        return eta * later.flip(0).cumprod(0).flip(0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ExponentialEuler(Integrator):
    """Freezes f over the step and solves the linear dynamics exactly: c = e^{-h}, eta^2 = 2 int a_s e^{-2(t_{i+1} - s)} ds."""

    name = "exponential_euler"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return Coefficients(schedule.sigma, torch.exp(-schedule.h), schedule.ou_variance)


class Euler(Integrator):
    """Plain Euler with the injected variance integrated exactly: c = 1 - h, eta^2 = 2 int a_s ds."""

    name = "euler"
    noise_decays = False

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return Coefficients(schedule.sigma, 1 - schedule.h, schedule.plain_variance)


class EulerMaruyama(Integrator):
    """Euler with a_t frozen at the start of the step: c = 1 - h, eta^2 = 2 a_{t_i} h."""

    name = "euler_maruyama"
    noise_decays = False

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return Coefficients(schedule.sigma, 1 - schedule.h, 2 * schedule.a(schedule.t[:-1]) * schedule.h)


class DDIM(Integrator):
    """Deterministic DDIM (arXiv 2010.02502): c = sigma_{i+1} / sigma_i, eta = 0. Uses the levels of the schedule only."""

    name = "ddim"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        sigma = schedule.sigma
        return Coefficients(sigma, sigma[1:] / sigma[:-1], torch.zeros(schedule.steps, dtype=torch.float64))


class Ancestral(Integrator):
    """Variance-exploding DDPM: c = sigma_{i+1}^2 / sigma_i^2, eta^2 = sigma_{i+1}^2 (1 - c). Uses the levels only."""

    name = "ancestral"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        sigma = schedule.sigma
        contraction = (sigma[1:] / sigma[:-1]) ** 2
        drop = (sigma[:-1] - sigma[1:]) * (sigma[:-1] + sigma[1:]) / sigma[:-1] ** 2
        return Coefficients(sigma, contraction, sigma[1:] ** 2 * drop)


class ScoreFreezing(Integrator):
    """Freezes the score (f - y) / sigma_i^2 over the step and integrates sigma_t^2 and a_t exactly.

    c = 1 - int sigma_t^2 dt / sigma_i^2, eta^2 = 2 int a_s ds: at a = 1/2 the exponential integrator that is standard for
    the reverse of y = x + Brownian motion (arXiv 2209.11215), c = sigma_{i+1}^2 / sigma_i^2, eta^2 = sigma_i^2 - sigma_{i+1}^2.
    """

    name = "score_freezing"
    noise_decays = False

    def coefficients(self, schedule: Schedule) -> Coefficients:
        contraction = 1 - schedule.level_variance_integral / schedule.sigma[:-1] ** 2
        return Coefficients(schedule.sigma, contraction, schedule.plain_variance)


class Heun(Integrator):
    """Deterministic second-order method of EDM (arXiv 2206.00364, algorithm 1) on dy/dsigma = (y - f) / sigma."""

    name = "heun"
    weak_order = 2
    evaluations = 2

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return DDIM().coefficients(schedule)

    def mean(self, y, fy, i, steps, evaluate):
        first, last = steps.levels[i], steps.levels[i + 1]
        ahead = fy + steps.contraction[i] * (y - fy)
        slope = (y - fy) / first + (ahead - evaluate(ahead, i + 1)) / last
        return y + (last - first) / 2 * slope
