"""The runs that the scaling experiment makes: one range of noise levels, one prior, a = 1/2."""

from __future__ import annotations

import math

import manifolds
from analysis.ledgers.catalogue import scale
from analysis.samplers import Schedule
from manifolds.denoisers import BlindDenoiser, NoisePrior

__all__ = ["A", "SIGMA_END", "SIGMA_START", "blind_denoiser", "coordinate_scale", "level_range", "make_law", "schedule"]

# the laws have scale 1, so that sigma_T << s << sigma_0, as the closed forms ask
SIGMA_START, SIGMA_END, A = 20.0, 0.02, 0.5


def make_law(name: str, dim: int, ambient: int) -> manifolds.Law:
    """A registered law at its default options, in quotient coordinates."""
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=True)


def schedule(steps: int) -> Schedule:
    """Constant steps from SIGMA_START to SIGMA_END."""
    return Schedule.proportional(SIGMA_START, SIGMA_END, a=A, steps=steps)


def blind_denoiser(law: manifolds.Law) -> BlindDenoiser:
    """f* for the prior of the theory, flat in sigma^-2, on the range of the schedule."""
    return BlindDenoiser(law, NoisePrior.power(-3.0, SIGMA_END, SIGMA_START))


def coordinate_scale(law: manifolds.Law) -> float:
    """s, s^2 = E|X - E X|^2 / m: the standard deviation of one core coordinate."""
    return scale(law) / math.sqrt(law.core_dim)


def level_range(law: manifolds.Law) -> float:
    """1 + log(s/sigma_T), the logarithm of the discretisation term's bound.

    Above s the MMSE no longer grows, so a law of fixed radius has a range that shrinks as its dimension grows.
    """
    return 1.0 + max(0.0, math.log(coordinate_scale(law) / SIGMA_END))
