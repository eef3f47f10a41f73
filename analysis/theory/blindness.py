"""The price of not being told the noise level: int E|f* - f_sigma|^2 dt/(4 a_t), in nats."""

import math

import numpy as np

from .checks import dimensions, injection_ratio, non_negative, positive
from .schedule import inverse_injection_integral


def injection_factor(a):
    """1/(4a(1-a)): every Girsanov integral over a proportional schedule relative to a = 1/2.

    Derived here: dt/(4 a sigma^2) = sigma^-3 d sigma/(4a(1-a)).
    """
    a = injection_ratio(a, zero_allowed=False)
    return 1.0 / (4.0 * a * (1.0 - a))


def gaussian_price(k, d, a=0.5):
    """k/(2(d-k)) times 1/(4a(1-a)): limit for a Gaussian on a k-subspace, sigma_T << s << sigma_0, prior sigma^-3, d-k large.

    Derived here: `price_from_sensitivity` with J = int 4k sigma^2 s^4/(s^2+sigma^2)^3 dlog sigma = k and d-k informative directions.
    """
    k, d = dimensions(k, d)
    return k / (2.0 * (d - k)) * injection_factor(a)


def gaussian_price_uniform(k, d, a=0.5):
    """sqrt(r) atan(sqrt r) - log(1+r)/2, r = k/(d-k), times 1/(4a(1-a)): the same price uniformly in k/d, for d-k large.

    Derived here: `price_from_information` with the information 2(d-k) + 2k (sigma^2/(s^2+sigma^2))^2; = (r/2)(1 - r/6 + ...).
    Against brute force the error is 1e-4 relative at (k, d) = (10, 90) and 1e-3 at (2, 20).
    """
    k, d = dimensions(k, d)
    r = k / (d - k)
    if r < 1e-3:  # the difference cancels; the series is exact to 1e-16 here
        return r / 2.0 * (1.0 - r / 6.0 + r**2 / 15.0 - r**3 / 28.0 + r**4 / 45.0) * injection_factor(a)
    return (math.sqrt(r) * math.atan(math.sqrt(r)) - 0.5 * math.log1p(r)) * injection_factor(a)


def price_from_information(log_sigma, sensitivity, information, a=0.5):
    """int sigma^-6 E|W|^2 / I dlog sigma times 1/(4a(1-a)), I the Fisher information of log sigma, by the trapezoid rule.

    log_sigma (q,) increasing; sensitivity (q,): sigma^-6 E|W|^2; information (q,): 2d - E Var(|X-Y|^2|Y)/sigma^4. Derived here: as
    `price_from_sensitivity`, with the variance 1/I of an efficient estimate of log sigma; curves should vanish at both ends. Both are
    right to leading order in 1/d; the next order is in I alone for Gaussians only (two atoms: price/this = 1 - 1.15/d by quadrature).
    """
    ratio = non_negative("sensitivity", sensitivity) / positive("information", information)
    return float(np.trapezoid(ratio, log_sigma)) * injection_factor(a)


def price_from_sensitivity(J, n, a=0.5):
    """J/(2n) times 1/(4a(1-a)), J = int sigma^-6 E|W|^2 dlog sigma, W = Cov(X, |X-y|^2|y), n = d (or d - core dimension).

    Derived here: f* - f_sigma = (df/dsigma)(sigma_hat - sigma) to first order, df/dsigma = sigma^-3 W, Var(log sigma_hat) = 1/(2n).
    """
    return non_negative("J", J) / (2.0 * positive("n", n)) * injection_factor(a)


def blindness_bound_form(k, d, radius, sigma_0, sigma_T, a=0.5):
    """(R^2 + k) (k^2/d) A_T, the blind term's bound up to a universal constant [arXiv 2602.09639, Thm 3.6]."""
    k, d = dimensions(k, d)
    return (positive("radius", radius) ** 2 + k) * k**2 / d * inverse_injection_integral(sigma_0, sigma_T, a)
