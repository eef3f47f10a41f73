"""Volumes of Euclidean balls and of spherical caps, in logs: what covering numbers are bounded with."""

from __future__ import annotations

import math

__all__ = ["ball_covering", "log_ball_volume", "sphere_covering"]


def log_ball_volume(dim: int) -> float:
    """log volume of the unit ball of R^dim.

    >>> math.exp(log_ball_volume(2)) / math.pi
    1.0
    """
    return 0.5 * dim * math.log(math.pi) - math.lgamma(0.5 * dim + 1.0)


def ball_covering(dim: int, radius: float, eps: float) -> tuple[float, float]:
    """Bounds on the log eps-covering number of a ball: dim log(R/eps) <= log N <= dim log(1 + 2 R/eps) (volume,
    packing).

    >>> ball_covering(3, 1.0, 1.0)
    (0.0, 0.0)
    """
    if eps >= radius:
        return 0.0, 0.0
    return dim * math.log(radius / eps), dim * math.log1p(2.0 * radius / eps)


def sphere_covering(dim: int, radius: float, eps: float) -> tuple[float, float]:
    """Bounds on the log eps-covering number of the sphere S^k, k = dim, of radius R.

    A ball of radius eps meets the sphere in a cap of angle at most arcsin(eps/R), whose share of the area is
    I_x(k/2, 1/2)/2 <= x^(k/2)/2 with x = (eps/R)^2: the lower bound log 2 + k log(R/eps). Caps of half the angle of
    a maximal eps-separated set are disjoint, and I_x(k/2, 1/2) >= 2 x^(k/2)/(k B(k/2, 1/2)): the upper bound.

    >>> low, high = sphere_covering(2, 1.0, 0.1)
    >>> round(low, 3), round(high, 3)
    (5.298, 7.378)
    """
    if eps >= radius:
        return 0.0, 0.0
    k = dim
    log_beta = math.lgamma(0.5 * k) + math.lgamma(0.5) - math.lgamma(0.5 * (k + 1))
    upper = math.log(2.0) + k * math.log(2.0 * radius / eps) + math.log(0.5 * k) + log_beta
    return math.log(2.0) + k * math.log(radius / eps), upper
