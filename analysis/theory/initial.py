"""The first line of the ledger: KL(p_{sigma_0} || N(mean, sigma_0^2 I)), in nats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .checks import non_negative, positive
from .quadrature import legendre


def initial_bound(second_moment: float, sigma_0: float) -> float:
    """E|X|^2/(2 sigma_0^2), which bounds KL(p_{sigma_0} || N(0, sigma_0^2 I)) [arXiv 2602.09639, B.4].

    >>> initial_bound(second_moment=2.0, sigma_0=10.0)
    0.01
    """
    return non_negative("second_moment", second_moment) / (2.0 * positive("sigma_0", sigma_0) ** 2)


def gaussian_initial(k: float, s: float, sigma_0: float) -> float:
    """(k/2)(r - log(1+r)), r = s^2/sigma_0^2: exact for N(0, s^2 I_k) on a subspace.

    Derived here: k one-dimensional divergences KL(N(0, s^2 + sigma_0^2) || N(0, sigma_0^2)); normal directions agree.

    >>> round(float(gaussian_initial(k=2, s=1.0, sigma_0=1.0)), 4)  # 1 - log 2
    0.3069
    """
    r = (positive("s", s) / positive("sigma_0", sigma_0)) ** 2
    return 0.5 * non_negative("k", k) * (r - np.log1p(r))


def initial_from_information(second_moment: float, information: float, sigma_0: float) -> float:
    """E|X|^2/(2 sigma_0^2) - I(X; X + sigma_0 Z), exact for any law (second moment about the start's mean; I in nats).

    Derived here: KL = -h(Y) + (d/2) log(2 pi sigma_0^2) + E|Y|^2/(2 sigma_0^2), with h(Y) = I + (d/2) log(2 pi e
    sigma_0^2).

    >>> round(initial_from_information(second_moment=2.0, information=np.log(2), sigma_0=1.0), 4)
    0.3069
    """
    return initial_bound(second_moment, sigma_0) - non_negative("information", information)


def initial_from_mmse(
    variance: float, mmse: Callable[[np.ndarray], np.ndarray], sigma_0: float, order: int = 64
) -> float:
    """int_{sigma_0}^inf (tr Cov X - mmse(sigma)) sigma^-3 d sigma: exact for any law when the start has the law's mean.

    Derived here from I-MMSE (Guo, Shamai, Verdu 2005): I = (1/2) int_0^lambda mmse. Gauss-Legendre in lambda on
    [0, sigma_0^-2], where the integrand is smooth.

    Args:
        variance: tr Cov X.
        mmse: vectorised function of sigma, E tr Cov(X|Y).
        sigma_0: noise sd at the start.
        order: nodes of the rule.

    >>> round(initial_from_mmse(2.0, lambda sigma: 2 * sigma**2 / (1 + sigma**2), sigma_0=1.0), 4)
    0.3069
    """
    nodes, weights = legendre(order)
    lam = (nodes + 1.0) / (2.0 * positive("sigma_0", sigma_0) ** 2)
    gap = non_negative("variance", variance) - np.asarray(mmse(lam**-0.5), dtype=float)
    return float(np.sum(weights * gap) / (4.0 * sigma_0**2))
