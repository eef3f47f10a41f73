"""Noise-level recursions of published samplers, in the limit of many normal directions: how many steps do they take?"""

import math

from .checks import injection_ratio, noise_range, positive


def steps_to_level(update, sigma_0, sigma_T, most=100_000):
    """Steps of sigma <- update(sigma, i), i = 1, 2, ..., from sigma_0 until sigma <= sigma_T; None if `most` do not suffice."""
    sigma_T, sigma = noise_range(sigma_T, sigma_0)
    for i in range(1, most + 1):
        sigma = update(sigma, i)
        if sigma <= sigma_T:
            return i
    return None


def euler_factor(h, a):
    """sigma_{i+1}/sigma_i of plain Euler with injection a sigma_hat^2: sqrt((1-h)^2 + 2ah).

    Derived here: c = 1-h, eta^2 = 2ah sigma^2 and sigma_hat = sigma in the limit.
    """
    return math.sqrt((1.0 - positive("h", h)) ** 2 + 2.0 * injection_ratio(a) * h)


def exponential_factor(h, a):
    """sigma_{i+1}/sigma_i = e^{-(1-a)h} of exponential Euler with the same injection. Derived here: its coefficients are consistent."""
    return math.exp(-(1.0 - injection_ratio(a)) * positive("h", h))


def unsquared_fixed_point(h, a):
    """The level sigma at which plain Euler stops falling when it injects a sigma_hat in place of a sigma_hat^2: 2a/(2-h).

    Derived here: sigma^2 = (1-h)^2 sigma^2 + 2 a h sigma.
    """
    return 2.0 * injection_ratio(a) / (2.0 - positive("h", h))


def kadkhodaie_simoncelli_factor(h, beta):
    """sigma_{i+1}/sigma_i = 1 - beta h [arXiv 2007.13640]. Derived here: c^2 + (1 - beta h)^2 - (1-h)^2 with c = 1-h."""
    if not 0 < beta <= 1:
        raise ValueError(f"beta must lie in (0, 1], got {beta}")
    return 1.0 - beta * positive("h", h)


def kadkhodaie_simoncelli_step(i, h0):
    """h_i = h0 i/(1 + h0 (i-1)), the growing step of arXiv 2007.13640."""
    return positive("h0", h0) * i / (1.0 + h0 * (i - 1.0))
