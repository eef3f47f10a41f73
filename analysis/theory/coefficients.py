"""Step coefficients Y+ = f + c (Y - f) + eta Z, and what they do to the true noise level: in the normal directions f
vanishes, so that the level follows v+ = c^2 v + eta^2, for scheduled injection, for adaptive injection, and for
published samplers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from .checks import Number, decreasing_levels, injection_ratio, noise_range, non_negative, positive

Coefficients = tuple[np.ndarray, np.ndarray]  # c, eta: (N,) each


def exponential_euler(levels: ArrayLike, a: float) -> Coefficients:
    """(c, eta) of exponential Euler on `levels` (N+1,) of a proportional schedule: c = e^{-h}, eta^2 = sigma_{i+1}^2 -
    c^2 sigma_i^2.

    [arXiv 2602.09639, the scheme of section 3; eta^2 = 2 int a_s e^{-2(t_{i+1}-s)} ds by Prop 3.2]. h =
    log(sigma_i/sigma_{i+1})/(1-a).

    >>> c, eta = exponential_euler([2.0, 1.0], a=0.5)
    >>> float(c[0]), round(float(eta[0] ** 2), 12)
    (0.25, 0.75)
    """
    levels = decreasing_levels(levels)
    ratio = levels[1:] / levels[:-1]
    c = ratio ** (1.0 / (1.0 - injection_ratio(a)))
    return c, levels[1:] * np.sqrt(-np.expm1(2.0 * np.log(c / ratio)))


def plain_euler(levels: ArrayLike, a: float) -> Coefficients:
    """(c, eta) of plain Euler on the same schedule: c = 1 - h, eta^2 = 2 int a_s ds = a (sigma_i^2 -
    sigma_{i+1}^2)/(1-a).

    Derived here: a_s = a sigma_s^2 and d sigma^2/ds = -2(1-a) sigma^2.

    >>> c, eta = plain_euler([2.0, 1.0], a=0.5)
    >>> round(float(c[0]), 4), round(float(eta[0] ** 2), 12)
    (-0.3863, 3.0)
    """
    levels = decreasing_levels(levels)
    a = injection_ratio(a)
    h = np.log(levels[:-1] / levels[1:]) / (1.0 - a)
    return 1.0 - h, np.sqrt(a / (1.0 - a) * (levels[:-1] ** 2 - levels[1:] ** 2))


def ddim(levels: ArrayLike) -> Coefficients:
    """c = sigma_{i+1}/sigma_i, eta = 0 (Song, Meng, Ermon 2021); exponential Euler at a = 0.

    >>> ddim([2.0, 1.0])
    (array([0.5]), array([0.]))
    """
    levels = decreasing_levels(levels)
    return levels[1:] / levels[:-1], np.zeros(levels.size - 1)


def ancestral(levels: ArrayLike) -> Coefficients:
    """c = sigma_{i+1}^2/sigma_i^2, eta^2 = sigma_{i+1}^2 (sigma_i^2 - sigma_{i+1}^2)/sigma_i^2 (VE-DDPM); exponential
    Euler at a = 1/2.

    >>> c, eta = ancestral([2.0, 1.0])
    >>> float(c[0]), round(float(eta[0] ** 2), 12)
    (0.25, 0.75)
    """
    levels = decreasing_levels(levels)
    ratio = levels[1:] / levels[:-1]
    return ratio**2, levels[1:] * np.sqrt(1.0 - ratio**2)


def noise_variance(c: ArrayLike, eta: ArrayLike, variance_0: float) -> np.ndarray:
    """True noise variance in the normal directions along a run, (N+1,): v+ = c^2 v + eta^2 from v = variance_0; c, eta
    (N,).

    Derived here: f vanishes there, and Z is independent of Y.

    Raises:
        ValueError: c and eta of different shapes, a negative eta or variance_0.

    >>> noise_variance([0.25], [0.75**0.5], variance_0=4.0)
    array([4., 1.])
    """
    c, eta = np.asarray(c, dtype=float), np.asarray(non_negative("eta", np.atleast_1d(eta)))
    if c.shape != eta.shape or c.ndim != 1:
        raise ValueError(f"c and eta must be 1-D of one length, got shapes {c.shape} and {eta.shape}")
    v = np.empty(c.size + 1)
    v[0] = non_negative("variance_0", variance_0)
    for i in range(c.size):
        v[i + 1] = c[i] ** 2 * v[i] + eta[i] ** 2
    return v


def schedule_mismatch(levels: ArrayLike, c: ArrayLike, eta: ArrayLike) -> np.ndarray:
    """log of true over scheduled noise sd along a run, (N+1,), for a run that starts at the scheduled level. Derived
    here.

    >>> schedule_mismatch([2.0, 1.0], *plain_euler([2.0, 1.0], a=0.2)).round(4)
    array([ 0.    , -0.0984])
    """
    levels = decreasing_levels(levels)
    return 0.5 * np.log(noise_variance(c, eta, levels[0] ** 2)) - np.log(levels)


def log_level_variance(d: float, a: float, t: Number, adaptive: bool) -> Number:
    """Var(log sigma_hat_t): 1/(2d) for scheduled injection, 1/(2d) + 2at/d for injection a sigma_hat^2. Large d, small
    steps.

    Derived here: per unit time log rho^2 then walks with variance 8a/d, and sigma_hat is rho/sqrt(d).

    >>> log_level_variance(d=1000, a=0.5, t=10.0, adaptive=True), log_level_variance(1000, 0.5, 10.0, adaptive=False)
    (0.0105, 0.0005)
    """
    walk = 2.0 * injection_ratio(a) * non_negative("t", t) * adaptive
    return (0.5 + walk) / positive("d", d)


def log_level_shift(d: float, a: float, t: Number) -> Number:
    """Mean of log(sigma_hat_t/sigma_t) less its value at t = 0, adaptive injection: -2at/d. Derived here: Ito
    correction of the walk.

    >>> log_level_shift(d=1000, a=0.5, t=10.0)
    -0.01
    """
    return -2.0 * injection_ratio(a) * non_negative("t", t) / positive("d", d)


def adaptive_step_moments(n: float, c: float, ratio: float) -> tuple[float, float]:
    """Mean and variance of log(sigma_hat_{i+1}/sigma_hat_i) over one adaptive step with eta = ratio * sigma_hat, to
    order 1/n.

    n: normal directions. Derived here: rho+^2/rho^2 = c^2 + 2 c ratio g/sqrt(n) + ratio^2 chi2_n/n; delta method with
    v = c^2 + ratio^2: variance (4 c^2 ratio^2 + 2 ratio^4)/(4 n v^2), mean log(v)/2 less the variance.

    >>> [round(moment, 6) for moment in adaptive_step_moments(n=100, c=0.6, ratio=0.8)]
    [-0.004352, 0.004352]
    """
    v = c**2 + ratio**2
    variance = (4.0 * c**2 * ratio**2 + 2.0 * ratio**4) / (4.0 * positive("n", n) * v**2)
    return 0.5 * math.log(v) - variance, variance


def steps_to_level(
    update: Callable[[float, int], float], sigma_0: float, sigma_T: float, most: int = 100_000
) -> int | None:
    """Steps of sigma <- update(sigma, i), i = 1, 2, ..., from sigma_0 until sigma <= sigma_T; None if `most` do not
    suffice.

    The image runs of the paper (h = .2, a = .2, from 4 to .05; section 4.2) take 27 of them, not about 100:

    >>> steps_to_level(lambda sigma, i: sigma * euler_factor(0.2, 0.2), sigma_0=4.0, sigma_T=0.05)
    27
    """
    sigma_T, sigma = noise_range(sigma_T, sigma_0)
    for i in range(1, most + 1):
        sigma = update(sigma, i)
        if sigma <= sigma_T:
            return i
    return None


def euler_factor(h: float, a: float) -> float:
    """sigma_{i+1}/sigma_i of plain Euler with injection a sigma_hat^2: sqrt((1-h)^2 + 2ah).

    Derived here: c = 1-h, eta^2 = 2ah sigma^2 and sigma_hat = sigma in the limit of many normal directions.

    >>> round(euler_factor(h=0.2, a=0.2), 6)
    0.848528
    """
    return math.sqrt((1.0 - positive("h", h)) ** 2 + 2.0 * injection_ratio(a) * h)


def exponential_factor(h: float, a: float) -> float:
    """sigma_{i+1}/sigma_i = e^{-(1-a)h} of exponential Euler with the same injection. Derived here: its coefficients
    are consistent.

    >>> round(exponential_factor(h=0.2, a=0.2), 6)
    0.852144
    """
    return math.exp(-(1.0 - injection_ratio(a)) * positive("h", h))


def sign_change_injection(h: float) -> float:
    """a*(h): the injection at which plain Euler of constant step h keeps the scheduled level, a_t = a sigma_t^2.

    Derived here: v/sigma^2 -> [a/(1-a)] (1-q)/(q - (1-h)^2), q = e^{-2(1-a)h}, large d; the limit is 1 where
    (1-a)(1-h)^2 = q - a. Below a* the run ends under its schedule and a blind denoiser, which reads the level that is
    there, has the advantage of one that is told the schedule; above a* it has the disadvantage, as long as either
    shrinks the samples.

    Raises:
        ValueError: h not in (0, 1.278): no such a.

    >>> [round(sign_change_injection(h), 3) for h in (0.15, 0.3, 0.5, 0.75, 1.0)]
    [0.473, 0.443, 0.394, 0.315, 0.203]
    """
    h = positive("h", h)

    def excess(a: float) -> float:
        return (1.0 - a) * (1.0 - h) ** 2 - math.exp(-2.0 * (1.0 - a) * h) + a

    if not (excess(0.0) < 0.0 < excess(0.75)):
        raise ValueError(f"h must lie in (0, 1.278), where plain Euler keeps the level at some a, got {h:g}")
    return float(brentq(excess, 0.0, 0.75, xtol=1e-14))


def unsquared_fixed_point(h: float, a: float) -> float:
    """The level sigma at which plain Euler stops falling when it injects a sigma_hat in place of a sigma_hat^2:
    2a/(2-h).

    Derived here: sigma^2 = (1-h)^2 sigma^2 + 2 a h sigma.

    >>> round(unsquared_fixed_point(h=0.2, a=0.2), 4)
    0.2222
    """
    return 2.0 * injection_ratio(a) / (2.0 - positive("h", h))


def kadkhodaie_simoncelli_factor(h: float, beta: float) -> float:
    """sigma_{i+1}/sigma_i = 1 - beta h [arXiv 2007.13640]. Derived here: c^2 + (1 - beta h)^2 - (1-h)^2 with c = 1-h.

    >>> kadkhodaie_simoncelli_factor(h=0.2, beta=0.2)
    0.96
    """
    if not 0 < beta <= 1:
        raise ValueError(f"beta must lie in (0, 1], got {beta}")
    return 1.0 - beta * positive("h", h)


def kadkhodaie_simoncelli_step(i: float, h0: float) -> float:
    """h_i = h0 i/(1 + h0 (i-1)), the growing step of arXiv 2007.13640, i = 1, 2, ...

    >>> kadkhodaie_simoncelli_step(1, h0=0.01), round(kadkhodaie_simoncelli_step(100, h0=0.01), 4)
    (0.01, 0.5025)
    """
    return positive("h0", h0) * i / (1.0 + h0 * (i - 1.0))
