"""Which points a Gauss rule does not serve, going by the coefficients that it can see."""

from __future__ import annotations

import math

import torch

from manifolds.denoisers.rules import row_sums

__all__ = ["NEARLY_NORMAL", "largest_tail", "largest_tilt", "log_exponential_error", "refused"]

# shapes from which on the Gamma law is close to normal in log sigma, and the core's density to an exponential of the
# score
NEARLY_NORMAL = 100.0


def refused(weight: torch.Tensor, tails: tuple[torch.Tensor, torch.Tensor], shape: float, tol: float) -> torch.Tensor:
    """Which points (n,) a q-point rule does not serve to relative error `tol`.

    Weights that overflowed, of a density that varies by e^700 over the nodes, are not a number and not served.

    Args:
        weight: (n, q) posterior weights of the nodes.
        tails: the polynomials of the last two degrees there (`GaussRule.tails`).
        shape: A.

    >>> from manifolds.denoisers.rules import gamma_rule
    >>> rule, own = gamma_rule(500.0, 8), torch.full((1, 8), 0.125, dtype=torch.float64)
    >>> refused(rule.log_weight.exp()[None], rule.tails, 500.0, 1e-9), refused(own, rule.tails, 500.0, 1e-9)
    (tensor([False]), tensor([True]))
    """
    q = weight.shape[1]
    served = torch.ones(len(weight), dtype=torch.bool, device=weight.device)
    for degree, tail in zip((q - 1, q - 2), tails):
        if degree == 0:  # that of two nodes is the whole
            break
        size = weight @ tail if tail.ndim == 1 else row_sums(weight * tail)
        served &= size.abs() <= largest_tail(q, degree, shape, tol)
    return ~served


def largest_tail(q: int, degree: int, shape: float, tol: float) -> float:
    """The largest coefficient of a degree, in the orthonormal polynomials, at which a q-point rule serves.

    The last coefficients that a rule can see, those of degrees q - 1 and q - 2, are continued to degree 2 q, the first
    in which it errs: geometrically, and for larger shapes half-way to the decay of an exponential. That is an estimate,
    too small by up to 4 for 22 of 12 000 points (A < 400, wide priors): a tenth of the tolerance is asked for, and for
    smaller shapes a hundredth.

    >>> round(largest_tail(4, 3, 50.0, 1e-9), 12) == round(1e-11 ** (3 / 8), 12)  # geometrically
    True
    """
    nearly_normal = shape >= NEARLY_NORMAL
    decay = q / degree * math.lgamma(degree + 1) + log_exponential_error(q) if nearly_normal else 0.0
    return math.exp((math.log((0.1 if nearly_normal else 0.01) * tol) - 0.5 * decay) * degree / (2.0 * q))


def log_exponential_error(q: int) -> float:
    """log of q!/(2 q)!.

    Times t^(2 q), the error of the q-point Gauss-Hermite rule for exp(t x), relative, at leading order.

    >>> round(math.exp(-log_exponential_error(3)))  # 6!/3!
    120
    """
    return math.lgamma(q + 1) - math.lgamma(2 * q + 1)


def largest_tilt(q: int, tol: float) -> float:
    """t at which the q-point Gauss-Hermite rule for exp(t x) errs by tol, relative, at leading order.

    >>> [round(largest_tilt(q, 1e-9), 2) for q in (4, 8, 20)]
    [0.19, 0.96, 3.26]
    """
    return math.exp((math.log(tol) - log_exponential_error(q)) / (2.0 * q))
