"""The price of blindness as a distance: how far blind drift errors can carry a run, from the ideal marginals alone.

A run whose coefficients keep the true noise at the level of the schedule has, at step i, points of law close to
p_{sigma_i}. There the blind drift is off by f* - f_{sigma_i}, and enters the next point times the weight of f in the
step. If the rest of the run does not expand differences on average, the final points differ in mean square by at most

    price = sum_i w_i (E |f*(X_i) - f_{sigma_i}(X_i)|^2)^{1/2},   X_i ~ p_{sigma_i},

w_i = 1 - c_i, and 1 for the last denoising step. Derived here; nothing in it is measured on a run.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from analysis.samplers import Coefficients, Integrator
from manifolds.denoisers import ConditionalDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["blind_drift_errors", "drift_weights", "path_price", "distance_price"]


def blind_drift_errors(blind: Callable, law: Law, levels: torch.Tensor, n: int, stream: Stream) -> torch.Tensor:
    """E |f*(X) - f_sigma(X)|^2 at X ~ p_sigma for each level (L,), from n points."""
    f, x = ConditionalDenoiser(law), law.sample(n, stream.child("data"))
    errors = []
    for i, sigma in enumerate(levels.tolist()):
        y = law.add_noise(x, sigma, stream.child("noise", i))
        errors.append(law.space.sqnorm(blind(y) - f(y, sigma)).mean())
    return torch.stack(errors)


def drift_weights(integrator: Integrator, coefficients: Coefficients) -> torch.Tensor:
    """Weights (N + 1,) with which f at each level enters the run; those of Heun's two evaluations are added up."""
    weights = torch.ones(coefficients.steps + 1, dtype=torch.float64)
    weights[:-1] = 1 - coefficients.contraction
    if integrator.evaluations == 2:
        first, last = coefficients.levels[:-1], coefficients.levels[1:]
        own = (first - last) / 2 * (1 / first - weights[:-1] / last).abs()
        ahead = (first - last) / (2 * last)
        weights[:-1] = own
        weights[1:] += ahead
    return weights


def distance_price(errors: torch.Tensor, integrator: Integrator, coefficients: Coefficients) -> float:
    """sum_i w_i sqrt(errors_i): root-mean-square distance between the outputs of a blind and a conditional run."""
    return float((drift_weights(integrator, coefficients) * errors.sqrt()).sum())


def path_price(errors: torch.Tensor, coefficients: Coefficients) -> float:
    """sum_i (1 - c_i)^2 errors_i / (2 eta_i^2), in nats: the divergence between the two runs' paths; inf without noise.

    Girsanov for the chain of Gaussian steps, with the ideal marginals for those of the run. Derived here.
    """
    if not bool((coefficients.noise_variance > 0).all()):
        return float("inf")
    return float(((1 - coefficients.contraction) ** 2 * errors[:-1] / (2 * coefficients.noise_variance)).sum())
