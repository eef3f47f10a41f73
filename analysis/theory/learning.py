"""The price of a denoiser that is only an estimate: learn = int E|f^ - f*|^2 dt/a_t (divide by 4 for nats)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .checks import injection_ratio, non_negative, positive
from .schedule import inverse_injection_integral


def learning_bound(excess_risk: float, sigma: ArrayLike, prior_density: ArrayLike, a: float) -> float:
    """excess_risk / min_sigma a(1-a) sigma^3 Theta(sigma) >= int E|f^ - f*|^2 dt/a_t [arXiv 2602.09639, Thm 3.12].

    Args:
        excess_risk: int E|f^ - f*|^2 Theta d sigma, in squared data units.
        sigma: (q,), a grid that covers [sigma_T, sigma_0] with its ends.
        prior_density: (q,), Theta there, normalised with respect to d sigma.
        a: proportion of injected noise, in (0, 1).

    >>> sigma = np.array([0.5, 1.0])
    >>> round(learning_bound(0.01, sigma, sigma**-3 / 1.5, a=0.5), 4)  # 1.5 = int sigma^-3 over [.5, 1]
    0.06
    """
    a = injection_ratio(a, zero_allowed=False)
    density = np.atleast_1d(positive("prior_density", prior_density))
    return non_negative("excess_risk", excess_risk) / float(
        np.min(a * (1.0 - a) * positive("sigma", sigma) ** 3 * density)
    )


def learning_equality(excess_risk: float, sigma_0: float, sigma_T: float, a: float) -> float:
    """A_T * excess_risk = int E|f^ - f*|^2 dt/a_t exactly, for every f^, when Theta is proportional to sigma^-3.

    Derived here: a(1-a) sigma^3 Theta is then the constant 1/A_T, so that the bound of Thm 3.12 is an equality.

    >>> round(learning_equality(0.01, sigma_0=1.0, sigma_T=0.5, a=0.5), 4)
    0.06
    """
    return inverse_injection_integral(sigma_0, sigma_T, a) * non_negative("excess_risk", excess_risk)


def nats(weighted_by_inverse_injection: float) -> float:
    """int E|.|^2 dt/a_t to its share of the path divergence: a quarter. Derived here: Girsanov, drift over sqrt(2 a_t).

    >>> nats(0.06)
    0.015
    """
    return 0.25 * non_negative("weighted_by_inverse_injection", weighted_by_inverse_injection)
