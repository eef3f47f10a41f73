"""The price of not being told the noise level: int E|f* - f_sigma|^2 dt/(4 a_t), in nats."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .checks import dimensions, injection_ratio, non_negative, positive
from .schedule import inverse_injection_integral


def injection_factor(a: float) -> float:
    """1/(4a(1-a)): every Girsanov integral over a proportional schedule a_t = a sigma_t^2, relative to a = 1/2.

    Derived here: dt/(4 a sigma^2) = sigma^-3 d sigma/(4a(1-a)).

    >>> injection_factor(0.5), round(injection_factor(0.2), 4)
    (1.0, 1.5625)
    """
    a = injection_ratio(a, zero_allowed=False)
    return 1.0 / (4.0 * a * (1.0 - a))


def gaussian_price(k: float, d: float, a: float = 0.5) -> float:
    """k/(2(d-k)) times 1/(4a(1-a)), in nats: the limit for a Gaussian on a k-subspace of R^d under the prior sigma^-3,
    for sigma_T << s << sigma_0 and d - k large; it depends on none of the three.

    Derived here: `price_from_sensitivity` with J = int 4k sigma^2 s^4/(s^2+sigma^2)^3 dlog sigma = k, d-k informative
    directions.

    >>> round(gaussian_price(k=2, d=20), 4)
    0.0556
    """
    k, d = dimensions(k, d)
    return k / (2.0 * (d - k)) * injection_factor(a)


def gaussian_price_uniform(k: float, d: float, a: float = 0.5) -> float:
    """sqrt(r) atan(sqrt r) - log(1+r)/2, r = k/(d-k), times 1/(4a(1-a)): the same price uniformly in k/d, for d-k
    large.

    Derived here: `price_from_information` with the information 2(d-k) + 2k (sigma^2/(s^2+sigma^2))^2; = (r/2)(1 - r/6 +
    ...). Against brute force the error is 1e-4 relative at (k, d) = (10, 90) and 1e-3 at (2, 20).

    >>> round(gaussian_price_uniform(k=2, d=20), 4)
    0.0546
    """
    k, d = dimensions(k, d)
    r = k / (d - k)
    if r < 1e-3:  # the difference cancels; the first term left out is r^5/66, 2e-17 relative here
        return r / 2.0 * (1.0 - r / 6.0 + r**2 / 15.0 - r**3 / 28.0 + r**4 / 45.0) * injection_factor(a)
    return (math.sqrt(r) * math.atan(math.sqrt(r)) - 0.5 * math.log1p(r)) * injection_factor(a)


def price_from_information(
    log_sigma: ArrayLike, sensitivity: ArrayLike, information: ArrayLike, a: float = 0.5
) -> float:
    """int sigma^-6 E|W|^2 / I dlog sigma times 1/(4a(1-a)), I the Fisher information of log sigma, by the trapezoid
    rule.

    Derived here: as `price_from_sensitivity`, with the variance 1/I of an efficient estimate of log sigma. Right to
    leading order in 1/d; the next order is in I alone for Gaussians only (two atoms: price/this = 1 - 1.15/d by
    quadrature).

    Args:
        log_sigma: (q,), increasing.
        sensitivity: (q,), sigma^-6 E|W|^2 with W = Cov(X, |X-y|^2|y); it should vanish at both ends.
        information: (q,), 2d - E Var(|X-Y|^2|Y)/sigma^4.

    >>> t = np.linspace(-9, 9, 2001)  # a Gaussian plane of unit scale in R^20
    >>> g = 1 / (1 + np.exp(2 * t))
    >>> round(price_from_information(t, 8 * (1 - g) * g**2, 36 + 4 * (1 - g) ** 2), 4)
    0.0546
    """
    ratio = non_negative("sensitivity", sensitivity) / positive("information", information)
    return float(np.trapezoid(ratio, np.asarray(log_sigma, dtype=float))) * injection_factor(a)


def price_from_sensitivity(J: float, n: float, a: float = 0.5) -> float:
    """J/(2n) times 1/(4a(1-a)), J = int sigma^-6 E|W|^2 dlog sigma, W = Cov(X, |X-y|^2|y), n = d (or d - core
    dimension).

    Derived here: f* - f_sigma = (df/dsigma)(sigma_hat - sigma) to first order, df/dsigma = sigma^-3 W, and
    Var(log sigma_hat) = 1/(2n). Two atoms at distance 2 have J = .5173.

    >>> round(price_from_sensitivity(J=0.5173, n=1000), 7)
    0.0002586
    """
    return non_negative("J", J) / (2.0 * positive("n", n)) * injection_factor(a)


def blindness_bound_form(k: float, d: float, radius: float, sigma_0: float, sigma_T: float, a: float = 0.5) -> float:
    """(R^2 + k) (k^2/d) A_T, the blind term's bound up to a universal constant [arXiv 2602.09639, Thm 3.6].

    It grows as sigma_T^-2; `gaussian_price` does not.

    >>> round(blindness_bound_form(k=2, d=20, radius=2**0.5, sigma_0=20, sigma_T=0.02), 4)
    3999.996
    """
    k, d = dimensions(k, d)
    return (positive("radius", radius) ** 2 + k) * k**2 / d * inverse_injection_integral(sigma_0, sigma_T, a)
