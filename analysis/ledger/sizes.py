"""How large a law is: the lengths in which noise levels, bounds and logarithms of a ledger are stated."""

from __future__ import annotations

import math

from manifolds.law import Law

__all__ = ["coordinate_scale", "level_range", "radius", "resolved_level", "scale"]

# a law of tabulated nodes is measured this far above the finest level that they resolve: denoisers may read it too low
_ROOM = 1.3


def scale(law: Law) -> float:
    """sqrt(E|X - E X|^2), the size of the data.

    >>> import manifolds
    >>> scale(manifolds.make("gaussian", dim=4, ambient=9, reduced=True))
    2.0
    """
    return math.sqrt(law.second_moment - float(law.core.mean.square().sum()))


def coordinate_scale(law: Law) -> float:
    """s, s^2 = E|X - E X|^2 / m: the standard deviation of one core coordinate.

    >>> import manifolds
    >>> coordinate_scale(manifolds.make("sphere", dim=3, ambient=9, reduced=True))
    0.5
    """
    return scale(law) / math.sqrt(law.core_dim)


def radius(law: Law) -> float:
    """R where the support is bounded (assumption A1 of arXiv 2602.09639), sqrt(E|X|^2) where it is not.

    >>> import manifolds
    >>> [radius(manifolds.make(name, dim=4, ambient=9, reduced=True)) for name in ("sphere", "gaussian")]
    [1.0, 2.0]
    """
    return law.radius if law.bounded else math.sqrt(law.second_moment)


def resolved_level(law: Law, sigma: float) -> float:
    """sigma, or 1.3 times the finest noise level that a law of tabulated nodes resolves, if that is larger.

    >>> import manifolds
    >>> resolved_level(manifolds.make("sphere", dim=1, ambient=9), 0.02)
    0.02
    """
    return max(sigma, _ROOM * getattr(law.core, "finest_sigma", 0.0))


def level_range(law: Law, sigma_end: float) -> float:
    """1 + log(s/sigma_T), the logarithm of the discretisation term's bound.

    Above s the MMSE no longer grows, so a law of fixed radius has a range that shrinks as its dimension grows.

    >>> import manifolds
    >>> level_range(manifolds.make("gaussian", dim=4, ambient=9, reduced=True), 1.0)
    1.0
    """
    return 1.0 + max(0.0, math.log(coordinate_scale(law) / sigma_end))
