"""The price of finitely many steps, in nats: sum_i int E|f_{sigma_t}(X_t) - f_{sigma_i}(X_i)|^2 dt/(4 a_t) for the ideal process X.

At a = 1/2 it is the left Riemann sum of the MMSE curve in lambda = sigma^-2 less the integral (half of each).
"""

import numpy as np

from .checks import decreasing_levels, injection_ratio, noise_range, non_negative, positive
from .quadrature import legendre


def discretisation_from_mmse(levels, mmse):
    """sum_i int_{sigma_{i+1}}^{sigma_i} (mmse(sigma_i) - mmse(sigma)) sigma^-3 d sigma, a = 1/2, for any law and any levels (N+1,).

    mmse: vectorised callable of sigma, E tr Cov(X|Y). Derived here: f_{sigma_t}(X_t) is a martingale, so its mean-square increment is
    the fall of the MMSE, and dt/(2 sigma^2) = sigma^-3 d sigma. Gauss-Legendre in log lambda per step.
    """
    return float(np.sum(discretisation_per_step(levels, mmse)))


def discretisation_per_step(levels, mmse):
    """The terms of `discretisation_from_mmse`, (N,)."""
    levels = decreasing_levels(levels)
    low, high = levels[:-1, None] ** -2.0, levels[1:, None] ** -2.0
    # log lambda: a step may span decades, over which the MMSE is smooth in the logarithm only, with poles at a distance of pi
    half = np.log(high / low) / 2
    widest = half.max()
    nodes, weights = legendre(6 if widest < 0.2 else 12 if widest < 1.0 else 24)
    lam = low * np.exp(half * (nodes + 1.0))
    start = np.asarray(mmse(levels[:-1]), dtype=float)[:, None]
    fall = start - np.asarray(mmse(lam.ravel() ** -0.5), dtype=float).reshape(lam.shape)
    return 0.5 * np.sum(half * weights * lam * fall, axis=1)


def discretisation_from_information(levels, mmse_at_levels, information_gain):
    """(1/2) sum_i mmse(sigma_i)(lambda_{i+1} - lambda_i) - [I(X; X + sigma_T Z) - I(X; X + sigma_0 Z)], a = 1/2, in nats.

    mmse_at_levels (N,) or (N+1,) (the last is not used). Derived here: the same sum, its integral done by I-MMSE.
    """
    levels = decreasing_levels(levels)
    values = non_negative("mmse_at_levels", mmse_at_levels)[: levels.size - 1]
    return float(0.5 * np.sum(values * np.diff(levels**-2.0)) - information_gain)


def gaussian_mmse(sigma, k, s):
    """mmse(sigma) = k s^2 sigma^2/(s^2 + sigma^2) for N(0, s^2 I_k) on a subspace. Derived here: k scalar Gaussian channels."""
    s2, sigma2 = positive("s", s) ** 2, positive("sigma", sigma) ** 2
    return non_negative("k", k) * s2 * sigma2 / (s2 + sigma2)


def gaussian_discretisation(levels, k, s):
    """(k/2) sum_i (x_i - log(1 + x_i)), x_i = s^2 (lambda_{i+1} - lambda_i)/(1 + s^2 lambda_i): exact, a = 1/2, Gaussian k-subspace.

    Derived here: closed form of `discretisation_from_mmse`; a step has the form of `gaussian_initial`, which is the step from lambda = 0.
    """
    lam = decreasing_levels(levels) ** -2.0
    s2 = positive("s", s) ** 2
    x = s2 * np.diff(lam) / (1.0 + s2 * lam[:-1])
    return float(0.5 * non_negative("k", k) * np.sum(x - np.log1p(x)))


def gaussian_discretisation_any_a(levels, k, s, a, order=48):
    """The same for any proportional schedule a_t = a sigma_t^2, 0 < a < 1, by quadrature over each step.

    Derived here: tangentially the ideal process is linear, Cov(X_t, X_i) = V_i (V_t/V_i)^{1/(2(1-a))}, V = s^2 + sigma^2, so with
    g = s^2/V the error is g_t^2 V_t + g_i^2 V_i - 2 g_t g_i Cov (written below without cancellation); dt/(4a_t) = sigma^-3 dsigma/(4a(1-a)).
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


def gaussian_discretisation_slope(k, s, sigma_0, sigma_T, a=0.5):
    """lim disc/h at constant h: (k/(8(1-a)))[log(1+x) + 1/(1+x)] from x = s^2/sigma_0^2 to s^2/sigma_T^2, any a in (0, 1).

    Derived here: to leading order a step of length D = 2(1-a)h in log lambda costs (k/(16(1-a)^2)) (s^2/(s^2+sigma^2))^2 D^2. First order in
    h for every a; at a given number of steps it grows like (1-a)^-2. About (k/2)(log(s/sigma_T) - 1/2) at the extremes for a = 1/2.
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    a = injection_ratio(a, zero_allowed=False)
    x_0, x_T = (positive("s", s) / sigma_0) ** 2, (s / sigma_T) ** 2
    return (
        non_negative("k", k)
        / (8.0 * (1.0 - a))
        * (np.log1p(x_T) - np.log1p(x_0) + 1.0 / (1.0 + x_T) - 1.0 / (1.0 + x_0))
    )


def discretisation_bound_form(k, h, radius, sigma_T, a):
    """R^2 sigma_T^-2 k^3 h^2 1{a != 1/2} + k^2 h, the bound up to a universal constant [arXiv 2602.09639, Thm 3.9]."""
    k, h = non_negative("k", k), positive("h", h)
    extra = 0.0 if a == 0.5 else positive("radius", radius) ** 2 / positive("sigma_T", sigma_T) ** 2 * k**3 * h**2
    return extra + k**2 * h


def discretisation_sharper_form(k, h, sigma_0, sigma_T):
    """k h (1 + log(sigma_0/sigma_T)), the order of disc at a = 1/2.

    Derived here: mmse <= C k sigma^2 in the telescoping sum; each e-fold of sigma then costs order k h.
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    return non_negative("k", k) * positive("h", h) * (1.0 + np.log(sigma_0 / sigma_T))
