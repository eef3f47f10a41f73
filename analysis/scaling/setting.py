"""The runs that the scaling experiment makes: one range of noise levels, one prior, a = 1/2."""

from __future__ import annotations

import functools
import math

import manifolds
from analysis.samplers import Schedule
from analysis.theorems.catalogue import IMAGE_SIDE, scale
from manifolds.denoisers import BlindDenoiser, NoisePrior

__all__ = [
    "A",
    "EPS",
    "SIGMA_END",
    "SIGMA_START",
    "blind_denoiser",
    "coordinate_scale",
    "ends",
    "level_range",
    "make_law",
    "schedule",
]

# the laws have scale 1 or so, so that sigma_T << s << sigma_0, as the closed forms ask
SIGMA_START, SIGMA_END, A = 20.0, 0.02, 0.5
# nats at which R2 is decided and sigma_T varies: small enough for disc ~ h, and ten times the price of blindness at d = 10^3 or more
EPS = 0.2
_IMAGES = ("bars", "blobs", "discs")


def make_law(name: str, dim: int, ambient: int) -> manifolds.Law:
    """A registered law at its default options, in quotient coordinates; images keep their pixels, whatever d."""
    if name in _IMAGES:
        return _images(name, dim).with_ambient(ambient)
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=True)


@functools.lru_cache(maxsize=8)
def _images(name: str, dim: int) -> manifolds.Law:
    """Kept, since image manifolds tabulate their nodes."""
    return manifolds.make(name, dim=dim, ambient=IMAGE_SIDE**2, reduced=True)


def ends(law: manifolds.Law) -> tuple[float, float]:
    """(sigma_0, sigma_T): those of the experiment; a law of tabulated nodes ends where they resolve it, with 30 % to spare."""
    return SIGMA_START, max(SIGMA_END, 1.3 * getattr(law.core, "finest_sigma", 0.0))


def schedule(law: manifolds.Law, steps: int) -> Schedule:
    """Constant steps between the ends of a law."""
    start, end = ends(law)
    return Schedule.proportional(start, end, a=A, steps=steps)


def blind_denoiser(law: manifolds.Law) -> BlindDenoiser:
    """f* for the prior of the theory, flat in sigma^-2, on the range of the schedule."""
    start, end = ends(law)
    return BlindDenoiser(law, NoisePrior.power(-3.0, end, start))


def coordinate_scale(law: manifolds.Law) -> float:
    """s, s^2 = E|X - E X|^2 / m: the standard deviation of one core coordinate."""
    return scale(law) / math.sqrt(law.core_dim)


def level_range(law: manifolds.Law) -> float:
    """1 + log(s/sigma_T), the logarithm of the discretisation term's bound.

    Above s the MMSE no longer grows, so a law of fixed radius has a range that shrinks as its dimension grows.
    """
    return 1.0 + max(0.0, math.log(coordinate_scale(law) / ends(law)[1]))
