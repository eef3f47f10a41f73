"""Slow independent references. Nothing here imports the code under test.

Chain of trust: closed form <- quadrature (scipy) <- mpmath at 40 digits <- Monte Carlo with an interval.
"""

from __future__ import annotations

import mpmath

__all__ = ["gaussian_blind_gain", "mixture_blind_mean"]


def _cuts(low, high, peak):
    """Where to cut [log low, log high] for a quadrature around a peak (centre, width) in s = log sigma."""
    a, b = mpmath.log(low), mpmath.log(high)
    centre, width = peak
    return sorted({a, b, *(min(max(centre + j * width, a), b) for j in (-40, -20, -10, -5, -2, 0, 2, 5, 10, 20, 40))})


def gaussian_blind_gain(k, d, scale, exponent, low, high, norm2, rho2):
    """c such that f*(y) = c u for N(0, scale^2 I_k) on a k-subspace of R^d: the noise posterior by mpmath
    quadrature."""
    mpmath.mp.dps = 40
    n = d - k
    norm2, rho2 = mpmath.mpf(norm2), mpmath.mpf(rho2)

    def log_mu(s):
        sigma2 = mpmath.exp(2 * s)
        total = scale**2 + sigma2
        return (exponent + 1 - n) * s - rho2 / (2 * sigma2) - k * mpmath.log(total) / 2 - norm2 / (2 * total)

    centre = min(max(mpmath.log(rho2 / n) / 2, mpmath.log(low)), mpmath.log(high))
    cuts = _cuts(low, high, (centre, 1 / mpmath.sqrt(2 * n)))
    top = log_mu(centre)
    mass = mpmath.quad(lambda s: mpmath.exp(log_mu(s) - top), cuts)
    gain = mpmath.quad(lambda s: mpmath.exp(log_mu(s) - top) * scale**2 / (scale**2 + mpmath.exp(2 * s)), cuts)
    return gain / mass


def mixture_blind_mean(parts, codim, exponent, low, high, rho2):
    """f*(y) for a mixture in R^m with `codim` more normal coordinates, by mpmath quadrature over s = log sigma.

    parts: (weight, rank k, scale, |u_j|^2 in the component's subspace, squared distance to its affine subspace, mean
    direction vectors: shift (m,) and lifted own coordinates (m,)) per component.
    """
    mpmath.mp.dps = 40
    rho2 = mpmath.mpf(rho2)
    m = len(parts[0][5])

    def logs(s):
        sigma2 = mpmath.exp(2 * s)
        values = []
        for weight, k, scale, norm2, normal2, shift, _ in parts:
            total = scale**2 + sigma2
            values.append(
                mpmath.log(weight)
                - k * mpmath.log(total) / 2
                - mpmath.mpf(norm2) / (2 * total)
                - (len(shift) - k) * s
                - mpmath.mpf(normal2) / (2 * sigma2)
            )
        return values, (exponent + 1 - codim) * s - rho2 / (2 * sigma2)

    def top(s):
        values, common = logs(s)
        return max(values) + common

    centre = min(max(mpmath.log(rho2 / codim) / 2, mpmath.log(low)), mpmath.log(high))
    cuts = _cuts(low, high, (centre, 1 / mpmath.sqrt(2 * codim)))
    height = top(centre)

    seen = {}

    def integrand(s, coordinate):
        """The mass (coordinate None) or one coordinate; every node is visited once for each and evaluated once for
        all."""
        if s not in seen:
            values, common = logs(s)
            masses = [mpmath.exp(value + common - height) for value in values]
            gains = [part[2] ** 2 / (part[2] ** 2 + mpmath.exp(2 * s)) for part in parts]
            seen[s] = (masses, [mass * gain for mass, gain in zip(masses, gains)])
        masses, gained = seen[s]
        if coordinate is None:
            return mpmath.fsum(masses)
        return mpmath.fsum(
            a * part[5][coordinate] + b * part[6][coordinate] for a, b, part in zip(masses, gained, parts)
        )

    mass = mpmath.quad(lambda s: integrand(s, None), cuts)
    return [mpmath.quad(lambda s, i=i: integrand(s, i), cuts) / mass for i in range(m)]
