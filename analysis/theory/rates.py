"""From divergences to statements: total variation, the recipe of Cor 3.10, and step counts, each up to a universal
constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from .checks import non_negative, positive
from .schedule import proportional_horizon


class Recipe(NamedTuple):
    """sigma_0, sigma_T: noise sds; h: step; steps: N = T/h (real); ambient_dim: the smallest d asked for (up to a
    constant).
    """

    sigma_0: float
    sigma_T: float  # noqa: N815  the paper's letter
    h: float
    steps: float
    ambient_dim: float


def recipe(
    k: float, epsilon: float, radius: float, reading: str = "proof", a: float = 0.5, factor: float = 1.0
) -> Recipe:
    """The parameters of arXiv 2602.09639, Cor 3.10: sigma_T = epsilon/sqrt k, h = factor epsilon^2/k^2, d >> (R^2+k)
    k^3/epsilon^4.

    reading: "proof" takes sigma_0 = R/epsilon, which the proof needs; "printed" takes sigma_0 = epsilon/R, as the
    statement prints. steps is 0 where the printed sigma_0 does not exceed sigma_T (R >= sqrt k): there is nothing to
    run.

    >>> run = recipe(k=4, epsilon=0.1, radius=3.0)
    >>> [float(f"{value:.6g}") for value in run]
    [30.0, 0.05, 0.000625, 20470.2, 8320000.0]
    """
    k, epsilon, radius = positive("k", k), positive("epsilon", epsilon), positive("radius", radius)
    if reading not in ("proof", "printed"):
        raise ValueError(f"reading must be 'proof' or 'printed', got {reading!r}")
    sigma_0 = radius / epsilon if reading == "proof" else epsilon / radius
    sigma_T, h = epsilon / math.sqrt(k), positive("factor", factor) * epsilon**2 / k**2
    steps = proportional_horizon(sigma_0, sigma_T, a) / h if sigma_0 > sigma_T else 0.0
    return Recipe(sigma_0, sigma_T, h, steps, (radius**2 + k) * k**3 / epsilon**4)


def blind_steps_form(k: float, epsilon: float) -> float:
    """k^2/epsilon^2 steps for D_X <= epsilon [arXiv 2602.09639, Cor 3.10], logarithms left out.

    >>> round(blind_steps_form(k=3, epsilon=0.1), 6)
    900.0
    """
    return non_negative("k", k) ** 2 / positive("epsilon", epsilon) ** 2


def linear_kl_steps_form(k: float, epsilon: float) -> float:
    """k/epsilon^2 steps for KL <= epsilon^2, conditional denoiser, logarithms left out [arXiv 2410.09046, main
    theorem].

    >>> round(linear_kl_steps_form(k=3, epsilon=0.1), 6)
    300.0
    """
    return non_negative("k", k) / positive("epsilon", epsilon) ** 2


def ddpm_kl_steps_form(k: float, epsilon: float) -> float:
    """k/epsilon^2 steps for KL <= epsilon^2, DDPM with the ancestral coefficients, logarithms left out.

    [arXiv 2410.18784, main theorem]

    >>> round(ddpm_kl_steps_form(k=3, epsilon=0.1), 6)
    300.0
    """
    return non_negative("k", k) / positive("epsilon", epsilon) ** 2


def tv_steps_form(k: float, epsilon: float) -> float:
    """k/epsilon steps for TV <= epsilon, conditional denoiser, logarithms left out [arXiv 2501.12982, main theorem].

    >>> round(tv_steps_form(k=3, epsilon=0.1), 6)
    30.0
    """
    return non_negative("k", k) / positive("epsilon", epsilon)


def total_variation_bound(divergence: float) -> float:
    """TV <= sqrt(KL/2) (Pinsker), capped at 1; divergence in nats.

    >>> total_variation_bound(0.5)
    0.5
    """
    return min(1.0, math.sqrt(non_negative("divergence", divergence) / 2.0))


def total_variation_bound_large(divergence: float) -> float:
    """TV <= sqrt(1 - e^{-KL}) (Bretagnolle-Huber); the tighter one for KL above about 1.6 nats.

    >>> round(total_variation_bound_large(2.0), 4)
    0.9299
    """
    return math.sqrt(-math.expm1(-non_negative("divergence", divergence)))


def steps_for_certificate(epsilon: float, divergence_of_steps: Callable[[int], float], most: int = 2**24) -> int | None:
    """Smallest N with divergence_of_steps(N) <= epsilon, for a non-increasing function of an integer N >= 1; None above
    `most`.

    Doubling, then bisection: about 2 log2(N) calls.

    >>> steps_for_certificate(0.05, lambda N: 2.0 / N)
    40
    """
    positive("epsilon", epsilon)
    high = 1
    while divergence_of_steps(high) > epsilon:
        high *= 2
        if high > most:
            return None
    low = high // 2  # fails, or 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if divergence_of_steps(middle) <= epsilon else (middle, high)
    return high


def certificate_steps_form(k: float, epsilon: float, sigma_0: float, sigma_T: float) -> float:
    """k log^2(sigma_0/sigma_T)/epsilon, the order of N for KL <= epsilon at a = 1/2.

    Derived here: disc ~ k h log(sigma_0/sigma_T) and h = 2 log(sigma_0/sigma_T)/N.

    >>> round(certificate_steps_form(k=2, epsilon=0.1, sigma_0=20.0, sigma_T=0.02), 2)
    954.34
    """
    return (
        non_negative("k", k)
        * math.log(positive("sigma_0", sigma_0) / positive("sigma_T", sigma_T)) ** 2
        / positive("epsilon", epsilon)
    )
