"""Which points a Gauss rule does not serve, going by the coefficients that it can see."""

from __future__ import annotations

import math

import torch

from manifolds.denoisers.rules import row_sums

__all__ = ["NEARLY_NORMAL", "largest_tail", "log_exponential_error", "refused"]

# shapes from which on the Gamma law is close to normal in log sigma, and the core's density to an exponential of the score
NEARLY_NORMAL = 100.0


def refused(weight: torch.Tensor, tails: tuple[torch.Tensor, torch.Tensor], shape: float, tol: float) -> torch.Tensor:
    """Which points (n,) a q-point rule does not serve to relative error `tol`, given the posterior weights (n, q) of its nodes
    and the polynomials of the last two degrees there (`GaussRule.tails`).
    (Weights that overflowed, of a density that varies by e^700 over the nodes, are not a number and not served.)"""
    q, served = weight.shape[1], None
    for degree, tail in zip((q - 1, q - 2), tails):
        if degree == 0:  # that of two nodes is the whole
            break
        size = weight @ tail if tail.ndim == 1 else row_sums(weight * tail)
        small = size.abs() <= largest_tail(q, degree, shape, tol)
        served = small if served is None else served & small
    return ~served


def largest_tail(q: int, degree: int, shape: float, tol: float) -> float:
    """The largest coefficient of a degree, in the orthonormal polynomials, at which a q-point rule serves.

    The last coefficients that a rule can see, those of degrees q - 1 and q - 2, are continued to degree 2 q, the first in
    which it errs: geometrically, and for larger shapes half-way to the decay of an exponential; for smaller ones a tenth of
    the error is asked for (chosen by measured errors of all laws).
    """
    nearly_normal = shape >= NEARLY_NORMAL
    decay = q / degree * math.lgamma(degree + 1) + log_exponential_error(q) if nearly_normal else 0.0
    return math.exp((math.log(tol if nearly_normal else 0.1 * tol) - 0.5 * decay) * degree / (2.0 * q))


def log_exponential_error(q: int) -> float:
    """log of q!/(2 q)!: times t^(2 q), the error of the q-point Gauss-Hermite rule for exp(t x), relative, at leading order."""
    return math.lgamma(q + 1) - math.lgamma(2 * q + 1)
