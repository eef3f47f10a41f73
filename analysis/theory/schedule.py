"""The implicit noise schedule of the dynamics dY = (f(Y) - Y) dt + sqrt(2 a_t) dB."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from .checks import Number, decreasing_levels, injection_ratio, noise_range, non_negative, positive
from .quadrature import legendre

Injection = Callable[[np.ndarray], np.ndarray]  # a_t as a vectorised function of time

_NODES, _WEIGHTS = legendre(16)


@overload
def implicit_variance(t: float, sigma_0: float, a_t: Injection, panel: float = ...) -> float: ...
@overload
def implicit_variance(t: ArrayLike, sigma_0: float, a_t: Injection, panel: float = ...) -> np.ndarray: ...
def implicit_variance(t, sigma_0, a_t, panel=0.125):
    """sigma_t^2 = sigma_0^2 e^{-2t} + 2 int_0^t a_s e^{-2(t-s)} ds  [arXiv 2602.09639, Prop 3.2].

    16-point Gauss-Legendre on panels of width <= `panel`: error near 1e-15 relative for smooth a_t.

    Args:
        t: a time or an array of times >= 0, in any order.
        sigma_0: noise sd at the start.
        a_t: vectorised function, the injection at a time.
        panel: widest panel of the rule.

    >>> round(implicit_variance(1.0, sigma_0=2.0, a_t=lambda t: 0.3 + 0 * t), 4)  # .3 + 3.7 e^-2
    0.8007
    """
    times = np.atleast_1d(non_negative("t", t))
    positive("sigma_0", sigma_0)
    positive("panel", panel)
    ordered = np.unique(np.concatenate([[0.0], times.ravel()]))
    variance = np.empty_like(ordered)
    variance[0] = sigma_0**2
    for i, (start, stop) in enumerate(zip(ordered[:-1], ordered[1:])):
        edges = np.linspace(start, stop, max(1, math.ceil((stop - start) / panel)) + 1)
        half = np.diff(edges)[:, None] / 2
        s = (edges[:-1, None] + half) + half * _NODES
        injected = 2.0 * np.sum(half * _WEIGHTS * np.broadcast_to(a_t(s), s.shape) * np.exp(-2.0 * (stop - s)))
        variance[i + 1] = variance[i] * math.exp(-2.0 * (stop - start)) + injected
    result = variance[np.searchsorted(ordered, times)]
    return float(result[0]) if np.ndim(t) == 0 else result


def proportional_sd(t: Number, sigma_0: float, a: float) -> Number:
    """sigma_t = sigma_0 e^{-(1-a)t} for a_t = a sigma_t^2. Derived here: d(sigma^2)/dt = 2(a_t - sigma^2) = -2(1-a)
    sigma^2.

    >>> round(float(proportional_sd(2.0, sigma_0=10.0, a=0.5)), 4)  # 10/e
    3.6788
    """
    return positive("sigma_0", sigma_0) * np.exp(-(1.0 - injection_ratio(a)) * non_negative("t", t))


def proportional_horizon(sigma_0: float, sigma_T: float, a: float) -> float:
    """T = log(sigma_0/sigma_T)/(1-a): the time the proportional schedule takes from sigma_0 to sigma_T. Derived here.

    >>> round(proportional_horizon(sigma_0=10.0, sigma_T=0.01, a=0.5), 4)
    13.8155
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    return math.log(sigma_0 / sigma_T) / (1.0 - injection_ratio(a))


def proportional_steps(sigma_0: float, sigma_T: float, a: float, h: float) -> float:
    """Number of steps T/h (a real number; round up to run it) of size h over the horizon. Derived here.

    Figure 3 of the paper states h = .5, a = .5 from 10 to .01; its plotted line takes half of this:

    >>> round(proportional_steps(sigma_0=10.0, sigma_T=0.01, a=0.5, h=0.5), 2)
    27.63
    """
    return proportional_horizon(sigma_0, sigma_T, a) / positive("h", h)


def inverse_injection_integral(sigma_0: float, sigma_T: float, a: float) -> float:
    """A_T = int_0^T dt/a_t = (sigma_T^-2 - sigma_0^-2)/(2a(1-a)) for a_t = a sigma_t^2, 0 < a < 1.

    Derived here: dt = -d sigma/((1-a) sigma), so A_T = int sigma^-3 d sigma/(a(1-a)) over [sigma_T, sigma_0].

    >>> inverse_injection_integral(sigma_0=1.0, sigma_T=0.5, a=0.5)
    6.0
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    a = injection_ratio(a, zero_allowed=False)
    return (sigma_T**-2 - sigma_0**-2) / (2.0 * a * (1.0 - a))


def girsanov_weights(levels: ArrayLike, a: float) -> np.ndarray:
    """int dt/(4 a_t) over each step of a proportional schedule read on `levels` (N+1,): (N,) array.

    Derived here: (sigma_{i+1}^-2 - sigma_i^-2)/(8a(1-a)); normalised, they are the discrete prior aligned with the run.

    >>> girsanov_weights([2.0, 1.0, 0.5], a=0.5)
    array([0.375, 1.5  ])
    """
    levels = decreasing_levels(levels)
    a = injection_ratio(a, zero_allowed=False)
    return np.diff(levels**-2.0) / (8.0 * a * (1.0 - a))


def decreases(a_values: ArrayLike, sigma_0: float) -> bool:
    """Whether a_t on a time grid meets the sufficient condition for a decreasing sigma_t: a_t non-increasing, a_0 <=
    sigma_0^2.

    [arXiv 2602.09639, Lemma 3.3]

    >>> decreases([1.0, 0.5, 0.1], sigma_0=1.0), decreases([1.0, 0.5, 0.1], sigma_0=0.5)
    (True, False)
    """
    values = np.atleast_1d(non_negative("a_values", a_values))
    return bool((np.diff(values) <= 0).all() and values[0] <= positive("sigma_0", sigma_0) ** 2)


def vanishing_bound(t: Number, sigma_0: float, a_0: float, a_half: Number) -> Number:
    """Upper bound on sigma_t^2 for non-increasing a_t, with a_0 = a at time 0, a_half = a at time t/2; -> 0 when a_t ->
    0.

    [arXiv 2602.09639, Lemma 3.4; the explicit form derived here: split the integral of Prop 3.2 at t/2, a <= a_0 before
    it and a <= a_{t/2} after it]

    >>> round(float(vanishing_bound(20.0, sigma_0=1.0, a_0=1.0, a_half=0.01)), 6)
    0.01
    """
    t = non_negative("t", t)
    early, late = np.exp(-t) - np.exp(-2.0 * t), -np.expm1(-t)
    return (
        positive("sigma_0", sigma_0) ** 2 * np.exp(-2.0 * t)
        + non_negative("a_0", a_0) * early
        + non_negative("a_half", a_half) * late
    )
