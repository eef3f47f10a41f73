"""The price of a denoiser that is only an estimate: learn = int E|f^ - f*|^2 dt/a_t (divide by 4 for nats)."""

import numpy as np

from .checks import injection_ratio, non_negative, positive
from .schedule import inverse_injection_integral


def learning_bound(excess_risk, sigma, prior_density, a):
    """excess_risk / min_sigma a(1-a) sigma^3 Theta(sigma), a bound on int E|f^ - f*|^2 dt/a_t [arXiv 2602.09639, Thm 3.12].

    sigma, prior_density: arrays, Theta (normalised, w.r.t. d sigma) on a grid that covers [sigma_T, sigma_0] with its ends.
    """
    a = injection_ratio(a, zero_allowed=False)
    density = np.atleast_1d(positive("prior_density", prior_density))
    return non_negative("excess_risk", excess_risk) / float(
        np.min(a * (1.0 - a) * positive("sigma", sigma) ** 3 * density)
    )


def learning_equality(excess_risk, sigma_0, sigma_T, a):
    """A_T * excess_risk = int E|f^ - f*|^2 dt/a_t exactly, for every f^, when Theta is proportional to sigma^-3.

    Derived here: a(1-a) sigma^3 Theta is then the constant 1/A_T, so that the bound of Thm 3.12 is an equality.
    """
    return inverse_injection_integral(sigma_0, sigma_T, a) * non_negative("excess_risk", excess_risk)


def nats(weighted_by_inverse_injection):
    """int E|.|^2 dt/a_t to its share of the path divergence: a quarter. Derived here: Girsanov, drift over sqrt(2 a_t)."""
    return 0.25 * non_negative("weighted_by_inverse_injection", weighted_by_inverse_injection)
