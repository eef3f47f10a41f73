"""Step coefficients Y+ = f + c (Y - f) + eta Z, and what they do to the true noise level in the normal directions."""

import math

import numpy as np

from .checks import decreasing_levels, injection_ratio, noise_range, non_negative, positive


def exponential_euler(levels, a):
    """(c, eta) of exponential Euler on `levels` (N+1,) of a proportional schedule: c = e^{-h}, eta^2 = sigma_{i+1}^2 - c^2 sigma_i^2.

    [arXiv 2602.09639, the scheme of section 3; eta^2 = 2 int a_s e^{-2(t_{i+1}-s)} ds by Prop 3.2]. h = log(sigma_i/sigma_{i+1})/(1-a).
    """
    levels = decreasing_levels(levels)
    ratio = levels[1:] / levels[:-1]
    c = ratio ** (1.0 / (1.0 - injection_ratio(a)))
    return c, levels[1:] * np.sqrt(-np.expm1(2.0 * np.log(c / ratio)))


def plain_euler(levels, a):
    """(c, eta) of plain Euler on the same schedule: c = 1 - h, eta^2 = 2 int a_s ds = a (sigma_i^2 - sigma_{i+1}^2)/(1-a).

    Derived here: a_s = a sigma_s^2 and d sigma^2/ds = -2(1-a) sigma^2.
    """
    levels = decreasing_levels(levels)
    a = injection_ratio(a)
    h = np.log(levels[:-1] / levels[1:]) / (1.0 - a)
    return 1.0 - h, np.sqrt(a / (1.0 - a) * (levels[:-1] ** 2 - levels[1:] ** 2))


def ddim(levels):
    """c = sigma_{i+1}/sigma_i, eta = 0 (Song, Meng, Ermon 2021); exponential Euler at a = 0."""
    levels = decreasing_levels(levels)
    return levels[1:] / levels[:-1], np.zeros(levels.size - 1)


def ancestral(levels):
    """c = sigma_{i+1}^2/sigma_i^2, eta^2 = sigma_{i+1}^2 (sigma_i^2 - sigma_{i+1}^2)/sigma_i^2 (VE-DDPM); exponential Euler at a = 1/2."""
    levels = decreasing_levels(levels)
    ratio = levels[1:] / levels[:-1]
    return ratio**2, levels[1:] * np.sqrt(1.0 - ratio**2)


def noise_variance(c, eta, variance_0):
    """True noise variance in the normal directions along a run, (N+1,): v+ = c^2 v + eta^2 from v = variance_0.

    c, eta: (N,). Derived here: f vanishes there, and Z is independent of Y.
    """
    c, eta = np.asarray(c, dtype=float), non_negative("eta", np.atleast_1d(eta))
    if c.shape != eta.shape or c.ndim != 1:
        raise ValueError(f"c and eta must be 1-D of one length, got shapes {c.shape} and {eta.shape}")
    v = np.empty(c.size + 1)
    v[0] = non_negative("variance_0", variance_0)
    for i in range(c.size):
        v[i + 1] = c[i] ** 2 * v[i] + eta[i] ** 2
    return v


def schedule_mismatch(levels, c, eta):
    """log of true over scheduled noise sd along a run, (N+1,), for a run that starts at the scheduled level. Derived here."""
    levels = decreasing_levels(levels)
    return 0.5 * np.log(noise_variance(c, eta, levels[0] ** 2)) - np.log(levels)


def log_level_variance(d, a, t, adaptive):
    """Var(log sigma_hat_t): 1/(2d) for scheduled injection, 1/(2d) + 2at/d for injection a sigma_hat^2. Large d, small steps.

    Derived here: per unit time log rho^2 then walks with variance 8a/d, and sigma_hat is rho/sqrt(d).
    """
    walk = 2.0 * injection_ratio(a) * non_negative("t", t) if adaptive else 0.0
    return (0.5 + walk) / positive("d", d)


def log_level_shift(d, a, t):
    """Mean of log(sigma_hat_t/sigma_t) less its value at t = 0, adaptive injection: -2at/d. Derived here: Ito correction of the walk."""
    return -2.0 * injection_ratio(a) * non_negative("t", t) / positive("d", d)


def adaptive_step_moments(n, c, ratio):
    """Mean and variance of log(sigma_hat_{i+1}/sigma_hat_i) over one adaptive step with eta = ratio * sigma_hat, to order 1/n.

    n: normal directions. Derived here: rho+^2/rho^2 = c^2 + 2 c ratio g/sqrt(n) + ratio^2 chi2_n/n; delta method with
    v = c^2 + ratio^2: variance (4 c^2 ratio^2 + 2 ratio^4)/(4 n v^2), mean log(v)/2 less the variance.
    """
    v = c**2 + ratio**2
    variance = (4.0 * c**2 * ratio**2 + 2.0 * ratio**4) / (4.0 * positive("n", n) * v**2)
    return 0.5 * math.log(v) - variance, variance


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
