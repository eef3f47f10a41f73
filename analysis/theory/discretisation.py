"""The price of finitely many steps, in nats: sum_i int E|f_{sigma_t}(X_t) - f_{sigma_i}(X_i)|^2 dt/(4 a_t), X the ideal
process.

At a = 1/2 it is the left Riemann sum of the MMSE curve in lambda = sigma^-2 less the integral (half of each). That form
is not ours first: arXiv 2601.21943 (Aghapour, Bayraktar, Zhang 2026) writes the same term by the MMSE curve and chooses
schedules by it, after the I-MMSE relation (Guo, Shamai, Verdu 2005; arXiv 2302.03792 for diffusion).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .checks import Number, decreasing_levels, injection_ratio, noise_range, non_negative, positive
from .quadrature import legendre


def discretisation_from_mmse(levels: ArrayLike, mmse: Callable[[np.ndarray], np.ndarray]) -> float:
    """sum_i int_{sigma_{i+1}}^{sigma_i} (mmse(sigma_i) - mmse(sigma)) sigma^-3 d sigma, a = 1/2, for any law and any
    levels.

    [arXiv 2601.21943 in its own notation; here: f_{sigma_t}(X_t) is a martingale, so its mean-square increment is the
    fall of the MMSE, and dt/(2 sigma^2) = sigma^-3 d sigma]. Gauss-Legendre in log lambda per step.

    Args:
        levels: (N+1,), decreasing noise sds.
        mmse: vectorised function of sigma, E tr Cov(X|Y).

    >>> round(discretisation_from_mmse([2.0, 1.0], lambda sigma: sigma**2 / (1 + sigma**2)), 4)
    0.065
    """
    return float(np.sum(discretisation_per_step(levels, mmse)))


def discretisation_per_step(levels: ArrayLike, mmse: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The terms of `discretisation_from_mmse`, (N,), in nats. Source and arguments as there.

    >>> discretisation_per_step([2.0, 1.0, 0.5], lambda sigma: sigma**2 / (1 + sigma**2)).round(4)
    array([0.065 , 0.2919])
    """
    levels = decreasing_levels(levels)
    low, high = levels[:-1, None] ** -2.0, levels[1:, None] ** -2.0
    # log lambda: over decades the MMSE is smooth in the logarithm only, with poles at a distance of pi
    # orders: error below 2e-12 relative for Gaussians, for steps of up to e^12 in lambda
    half = np.log(high / low) / 2
    widest = half.max()
    nodes, weights = legendre(6 if widest < 0.2 else 12 if widest < 1.0 else 24)
    lam = low * np.exp(half * (nodes + 1.0))
    start = np.asarray(mmse(levels[:-1]), dtype=float)[:, None]
    fall = start - np.asarray(mmse(lam.ravel() ** -0.5), dtype=float).reshape(lam.shape)
    return 0.5 * np.sum(half * weights * lam * fall, axis=1)


def discretisation_from_information(levels: ArrayLike, mmse_at_levels: ArrayLike, information_gain: float) -> float:
    """(1/2) sum_i mmse(sigma_i)(lambda_{i+1} - lambda_i) - [I(X; X + sigma_T Z) - I(X; X + sigma_0 Z)], a = 1/2, in
    nats.

    [The same sum, its integral done by I-MMSE, as in arXiv 2601.21943].

    Args:
        levels: (N+1,), decreasing noise sds.
        mmse_at_levels: (N,) or (N+1,); the last of N+1 is not used.
        information_gain: the difference in brackets, in nats.

    >>> round(discretisation_from_information([2.0, 1.0], [0.8], 0.5 * np.log(2 / 1.25)), 4)
    0.065
    """
    levels = decreasing_levels(levels)
    values = np.atleast_1d(non_negative("mmse_at_levels", mmse_at_levels))[: levels.size - 1]
    return float(0.5 * np.sum(values * np.diff(levels**-2.0)) - information_gain)


def gaussian_mmse(sigma: Number, k: float, s: float) -> Number:
    """mmse(sigma) = k s^2 sigma^2/(s^2 + sigma^2) for N(0, s^2 I_k) on a subspace. Derived here: k scalar Gaussian
    channels.

    >>> gaussian_mmse(2.0, k=1, s=1.0)
    0.8
    """
    s2, sigma2 = positive("s", s) ** 2, positive("sigma", sigma) ** 2
    return non_negative("k", k) * s2 * sigma2 / (s2 + sigma2)


def gaussian_discretisation(levels: ArrayLike, k: float, s: float) -> float:
    """(k/2) sum_i (x_i - log(1 + x_i)), x_i = s^2 (lambda_{i+1} - lambda_i)/(1 + s^2 lambda_i): exact, a = 1/2,
    Gaussian subspace.

    Derived here: `discretisation_from_mmse` in closed form; a step has the form of `gaussian_initial`, the step from
    lambda = 0.

    >>> round(gaussian_discretisation([2.0, 1.0], k=1, s=1.0), 4)
    0.065
    """
    lam = decreasing_levels(levels) ** -2.0
    s2 = positive("s", s) ** 2
    x = s2 * np.diff(lam) / (1.0 + s2 * lam[:-1])
    return float(0.5 * non_negative("k", k) * np.sum(x - np.log1p(x)))


def gaussian_discretisation_any_a(levels: ArrayLike, k: float, s: float, a: float, order: int = 48) -> float:
    """The same for any proportional schedule a_t = a sigma_t^2, 0 < a < 1, by quadrature over each step.

    Derived here: tangentially the ideal process is linear, Cov(X_t, X_i) = V_i (V_t/V_i)^{1/(2(1-a))}, V = s^2 +
    sigma^2. With g = s^2/V the error is g_t^2 V_t + g_i^2 V_i - 2 g_t g_i Cov (written below without cancellation), and
    dt/(4a_t) is sigma^-3 dsigma/(4a(1-a)).

    >>> [round(gaussian_discretisation_any_a([2.0, 1.0], 1, 1.0, a), 4) for a in (0.2, 0.5, 0.8)]
    [0.0417, 0.065, 0.2325]
    """
    levels = decreasing_levels(levels)
    a = injection_ratio(a, zero_allowed=False)
    s2 = positive("s", s) ** 2
    nodes, weights = legendre(order)
    low, high = levels[:-1, None] ** -2.0, levels[1:, None] ** -2.0
    half = np.log(high / low) / 2
    lam = low * np.exp(half * (nodes + 1.0))
    start, now = s2 + 1.0 / low, s2 + 1.0 / lam
    # g^2 V = s^4/V and g_t g_i Cov = (s^4/V_t)(V_t/V_i)^p; with L = log(V_i/V_t): 1 + e^-L - 2 e^-pL
    p, fall = 0.5 / (1.0 - a), np.log(start / now)
    error = s2**2 / now * (np.expm1(-fall) - 2.0 * np.expm1(-p * fall))
    return float(non_negative("k", k) / (8.0 * a * (1.0 - a)) * np.sum(half * weights * lam * error))


def gaussian_discretisation_slope(k: float, s: float, sigma_0: float, sigma_T: float, a: float = 0.5) -> float:
    """lim disc/h at constant h: (k/(8(1-a)))[log(1+x) + 1/(1+x)] from x = s^2/sigma_0^2 to s^2/sigma_T^2, any a in (0,
    1).

    Derived here: to leading order a step of length D = 2(1-a)h in log lambda costs (k/(16(1-a)^2))
    (s^2/(s^2+sigma^2))^2 D^2. First order in h for every a; at a given number of steps it grows like (1-a)^-2. About
    (k/2)(log(s/sigma_T) - 1/2) at the extremes for a = 1/2.

    >>> round(float(gaussian_discretisation_slope(k=2, s=1.0, sigma_0=20.0, sigma_T=0.02)), 4)
    3.4124
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    a = injection_ratio(a, zero_allowed=False)
    x_0, x_T = (positive("s", s) / sigma_0) ** 2, (s / sigma_T) ** 2
    return (
        non_negative("k", k)
        / (8.0 * (1.0 - a))
        * (np.log1p(x_T) - np.log1p(x_0) + 1.0 / (1.0 + x_T) - 1.0 / (1.0 + x_0))
    )


def discretisation_bound_form(k: float, h: float, radius: float, sigma_T: float, a: float) -> float:
    """R^2 sigma_T^-2 k^3 h^2 1{a != 1/2} + k^2 h, the bound up to a universal constant [arXiv 2602.09639, Thm 3.9].

    >>> [round(discretisation_bound_form(3, 0.1, radius=2.0, sigma_T=0.5, a=a), 4) for a in (0.5, 0.4)]
    [0.9, 5.22]
    """
    k, h = non_negative("k", k), positive("h", h)
    extra = 0.0 if a == 0.5 else positive("radius", radius) ** 2 / positive("sigma_T", sigma_T) ** 2 * k**3 * h**2
    return extra + k**2 * h


def discretisation_sharper_form(k: float, h: float, sigma_0: float, sigma_T: float) -> float:
    """k h (1 + log(sigma_0/sigma_T)), the order of disc at a = 1/2.

    Derived here: mmse <= C k sigma^2 in the telescoping sum; each e-fold of sigma then costs order k h.

    >>> round(float(discretisation_sharper_form(k=3, h=0.1, sigma_0=np.e, sigma_T=1.0)), 4)
    0.6
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    return non_negative("k", k) * positive("h", h) * (1.0 + np.log(sigma_0 / sigma_T))
