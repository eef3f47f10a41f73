"""From the ledger to statements: total variation, and how many steps a divergence needs."""

import math

from .checks import non_negative, positive


def total_variation_bound(divergence):
    """TV <= sqrt(KL/2) (Pinsker), capped at 1; divergence in nats."""
    return min(1.0, math.sqrt(non_negative("divergence", divergence) / 2.0))


def total_variation_bound_large(divergence):
    """TV <= sqrt(1 - e^{-KL}) (Bretagnolle-Huber); the tighter one for KL above about 1.6 nats."""
    return math.sqrt(-math.expm1(-non_negative("divergence", divergence)))


def steps_for_certificate(epsilon, divergence_of_steps, most=2**24):
    """Smallest N with divergence_of_steps(N) <= epsilon, for a non-increasing callable of an integer N >= 1; None above `most`.

    Doubling, then bisection: about 2 log2(N) calls.
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


def certificate_steps_form(k, epsilon, sigma_0, sigma_T):
    """k log^2(sigma_0/sigma_T)/epsilon, the order of N for KL <= epsilon at a = 1/2.

    Derived here: disc ~ k h log(sigma_0/sigma_T) and h = 2 log(sigma_0/sigma_T)/N.
    """
    return (
        non_negative("k", k)
        * math.log(positive("sigma_0", sigma_0) / positive("sigma_T", sigma_T)) ** 2
        / positive("epsilon", epsilon)
    )
