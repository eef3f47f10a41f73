"""Special functions in float64 torch, vectorised and without branches per element.

bessel            modified Bessel functions I_nu: ratio, its derivative, logarithm
circle            those of a circle, I_0 and I_1, from a table
truncated_normal  normaliser and central moments of a standard normal cut to an interval
"""

from manifolds.special.bessel import bessel_moments, bessel_ratio, log_bessel_i, log_sphere_mgf
from manifolds.special.truncated_normal import TruncatedNormal, truncated_normal

__all__ = [
    "TruncatedNormal",
    "bessel_moments",
    "bessel_ratio",
    "log_bessel_i",
    "log_sphere_mgf",
    "truncated_normal",
]
