"""The integrators, each a choice of coefficients: the table in `analysis.samplers.step`, row by row."""

from __future__ import annotations

import torch

from analysis.samplers.schedule import Schedule
from analysis.samplers.step import Coefficients, Integrator

__all__ = [
    "Integrator",
    "ExponentialEuler",
    "Euler",
    "EulerMaruyama",
    "DDIM",
    "Ancestral",
    "AncestralLarge",
    "DDPM",
    "ScoreFreezing",
    "Heun",
]


class ExponentialEuler(Integrator):
    """Freezes f over the step and solves the linear dynamics exactly (arXiv 2602.09639, section 3).

    c = e^{-h}, eta^2 = 2 int a_s e^{-2(t_{i+1} - s)} ds.

    >>> steps = ExponentialEuler().coefficients(Schedule.proportional(4.0, 1.0, a=0.5, steps=1))  # h = 2 log 4
    >>> [round(float(v), 12) for v in (steps.contraction, steps.noise_variance)]
    [0.0625, 0.9375]
    """

    name = "exponential_euler"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return Coefficients(schedule.sigma, torch.exp(-schedule.h), schedule.ou_variance)


class Euler(Integrator):
    """Plain Euler with the injected variance integrated exactly: c = 1 - h, eta^2 = 2 int a_s ds.

    >>> steps = Euler().coefficients(Schedule.constant_step(0.25, 0.5, 4.0, 1.0))
    >>> float(steps.contraction[0]), round(float(steps.noise_variance.sum()), 12)  # a/(1-a) (16 - 1)
    (0.75, 15.0)
    """

    name = "euler"
    noise_decays = False

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return Coefficients(schedule.sigma, 1 - schedule.h, schedule.plain_variance)


class EulerMaruyama(Integrator):
    """Euler with a_t frozen at the start of the step: c = 1 - h, eta^2 = 2 a_{t_i} h.

    >>> steps = EulerMaruyama().coefficients(Schedule.constant_step(0.25, 0.5, 4.0, 1.0))
    >>> float(steps.noise_variance[0])  # 2 (16/2) 0.25
    4.0
    """

    name = "euler_maruyama"
    noise_decays = False

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return Coefficients(schedule.sigma, 1 - schedule.h, 2 * schedule.a(schedule.t[:-1]) * schedule.h)


class DDIM(Integrator):
    """Deterministic DDIM (arXiv 2010.02502): c = sigma_{i+1} / sigma_i, eta = 0. Uses the levels of the schedule only.

    >>> DDIM().coefficients(Schedule.from_levels([4.0, 2.0, 0.5])).contraction.tolist()
    [0.5, 0.25]
    """

    name = "ddim"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        sigma = schedule.sigma
        return Coefficients(sigma, sigma[1:] / sigma[:-1], torch.zeros(schedule.steps, dtype=torch.float64))


class Ancestral(Integrator):
    """Variance-exploding DDPM (arXiv 2006.11239, 2011.13456 appendix F). Uses the levels of the schedule only.

    c = sigma_{i+1}^2 / sigma_i^2, eta^2 = sigma_{i+1}^2 (1 - c).

    >>> steps = Ancestral().coefficients(Schedule.from_levels([4.0, 2.0]))
    >>> float(steps.contraction), float(steps.noise_variance)
    (0.25, 3.0)
    """

    name = "ancestral"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        sigma = schedule.sigma
        contraction = (sigma[1:] / sigma[:-1]) ** 2
        drop = (sigma[:-1] - sigma[1:]) * (sigma[:-1] + sigma[1:]) / sigma[:-1] ** 2
        return Coefficients(sigma, contraction, sigma[1:] ** 2 * drop)


class AncestralLarge(Integrator):
    """DDPM with the larger of its two fixed variances, the forward step's own (arXiv 2006.11239, section 3.2), VE form.

    c = sigma_{i+1}^2 / sigma_i^2, eta^2 = sigma_i^2 - sigma_{i+1}^2. Uses the levels of the schedule only. Not
    normal-consistent: the relative error of the level is of order 1/N a run.

    >>> steps = AncestralLarge().coefficients(Schedule.from_levels([4.0, 2.0]))
    >>> float(steps.contraction), float(steps.noise_variance)
    (0.25, 12.0)
    """

    name = "ancestral_large"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        small, sigma = Ancestral().coefficients(schedule), schedule.sigma
        return Coefficients(sigma, small.contraction, (sigma[:-1] - sigma[1:]) * (sigma[:-1] + sigma[1:]))


class DDPM(Integrator):
    """Variance-preserving DDPM with sigma_t^2 = beta_t (arXiv 2006.11239, algorithm 2), in y = x_t / sqrt(alpha_bar).

    sigma^2 = 1/alpha_bar - 1, and beta = 1 - alpha_bar_i / alpha_bar_{i+1} becomes the variance beta / alpha_bar_{i+1}:
    c = sigma_{i+1}^2 / sigma_i^2, eta^2 = (1 + sigma_{i+1}^2) (sigma_i^2 - sigma_{i+1}^2) / (1 + sigma_i^2). Derived
    here. Ancestral's at levels far above 1, AncestralLarge's far below. Exact for data N(0, I), whatever the steps.

    >>> steps = DDPM().coefficients(Schedule.from_levels([3.0, 1.0]))
    >>> round(float(steps.contraction), 12), round(float(steps.noise_variance), 12)  # 1/9, 2 * 8 / 10
    (0.111111111111, 1.6)
    """

    name = "ddpm"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        large, sigma = AncestralLarge().coefficients(schedule), schedule.sigma
        share = (1 + sigma[1:] ** 2) / (1 + sigma[:-1] ** 2)
        return Coefficients(sigma, large.contraction, large.noise_variance * share)


class ScoreFreezing(Integrator):
    """Freezes the score (f - y) / sigma_i^2 over the step and integrates sigma_t^2 and a_t exactly.

    c = 1 - int sigma_t^2 dt / sigma_i^2, eta^2 = 2 int a_s ds: at a = 1/2 the exponential integrator that is standard
    for the reverse of y = x + Brownian motion (arXiv 2209.11215), c = sigma_{i+1}^2 / sigma_i^2,
    eta^2 = sigma_i^2 - sigma_{i+1}^2.

    >>> steps = ScoreFreezing().coefficients(Schedule.from_levels([4.0, 2.0], a=0.5))
    >>> float(steps.contraction), float(steps.noise_variance)
    (0.25, 12.0)
    """

    name = "score_freezing"
    noise_decays = False

    def coefficients(self, schedule: Schedule) -> Coefficients:
        contraction = 1 - schedule.level_variance_integral / schedule.sigma[:-1] ** 2
        return Coefficients(schedule.sigma, contraction, schedule.plain_variance)


class Heun(Integrator):
    """Deterministic second-order method of EDM (arXiv 2206.00364, algorithm 1) on dy/dsigma = (y - f) / sigma.

    >>> y, steps = torch.ones(1, 1, dtype=torch.float64), Heun().coefficients(Schedule.from_levels([2.0, 1.0]))
    >>> Heun().mean(y, y / 2, 0, steps, lambda v, sigma: v / 2).item()  # slopes 1/4 and 3/8
    0.6875
    """

    name = "heun"
    weak_order = 2
    evaluations = 2

    def coefficients(self, schedule: Schedule) -> Coefficients:
        return DDIM().coefficients(schedule)

    def mean(self, y, fy, i, steps, evaluate):
        first, last = steps.levels[i], steps.grid[i + 1]
        ahead = fy + steps.contraction[i] * (y - fy)
        slope = (y - fy) / first + (ahead - evaluate(ahead, float(last))) / last
        return y + (last - first) / 2 * slope
