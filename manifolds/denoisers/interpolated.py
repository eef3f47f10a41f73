"""A Gauss rule whose few nodes interpolate the logarithm of the core's density, in place of sampling the density itself.

A Gauss rule integrates the density of the core's coordinates, e^L, which a tilt of the noise posterior makes steep; L itself
is smooth on the scale on which the posterior lives. Its interpolant through q nodes is exponentiated on a finer rule, for
which the law is not asked again, and what remains are errors of degree q, in L and in the denoiser, times the posterior's
moments of that degree: with four nodes as accurate as five of the plain rule.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch

from manifolds.denoisers.rules import gamma_rule, normalised

__all__ = ["InterpolatedRule", "interpolated_rule"]

_MORE = 3  # nodes of the finer rule beyond q
_SAFETY = 0.6  # times the estimate below; errors of all laws near the tolerance, at shapes >= 400, are within it or little more


class InterpolatedRule(NamedTuple):
    """A rule of q nodes for one shape A.

    Attributes:
        x: (q,) nodes, as offsets in log sigma.
        lagrange: (q, Q) values of the nodes' Lagrange polynomials at the nodes of the finer rule.
        log_weight: (Q,) log weights of the finer rule.
        moments: (Q, 2) the orthonormal polynomials of degrees q and q - 1 there, the second as it enters the error.
        smoothness: (q, 2) map of L to its coefficients of degrees q - 1 and q - 2, relative to those of e^(2 log sigma).
        unit: the coefficient of degree q of e^(2 log sigma): of a function that varies as fast as powers of sigma^2.
    """

    x: torch.Tensor
    lagrange: torch.Tensor
    log_weight: torch.Tensor
    moments: torch.Tensor
    smoothness: torch.Tensor
    unit: float

    def to(self, device: torch.device) -> InterpolatedRule:
        return InterpolatedRule(*(item.to(device) if isinstance(item, torch.Tensor) else item for item in self))

    def weigh(self, log_p: torch.Tensor, core_dim: int, tol: float) -> tuple[torch.Tensor, torch.Tensor]:
        """(weights (n, q) of the nodes, which rows (n,) this rule does not serve to relative error `tol`).

        L, and the denoiser with it, is taken to vary like (m/2) e^(2 log sigma), or more if its last coefficients say so.
        """
        log_p = log_p - log_p[:, self.x.shape[0] // 2, None]
        fine = normalised(torch.addmm(self.log_weight, log_p, self.lagrange))
        size = (log_p @ self.smoothness).abs_().amax(dim=1).clamp_(min=0.5 * core_dim)
        missed = (fine @ self.moments).abs_().sum(dim=1)
        return fine @ self.lagrange.T, size * missed > tol / (_SAFETY * self.unit)


@lru_cache(maxsize=256)
def interpolated_rule(shape: float, q: int) -> InterpolatedRule:
    """The rule of the law of -log(G / A)/2, G ~ Gamma(A, 1)."""
    rule, finer = gamma_rule(shape, q), gamma_rule(shape, q + _MORE)
    weight = torch.exp(rule.log_weight)
    gap = rule.x[:, None] - rule.x + torch.eye(q, dtype=torch.float64)
    at = finer.x - rule.x[:, None]  # (q, Q)
    lagrange = torch.stack([torch.cat([at[:i], at[i + 1 :]]).prod(dim=0) / gap[i].prod() for i in range(q)])
    beyond = at.prod(dim=0)
    beyond = beyond / torch.sqrt((torch.exp(finer.log_weight) * beyond**2).sum())
    moments = torch.stack([beyond, (rule.tails[0] @ lagrange) * math.sqrt(q / shape)], dim=1)
    smoothness = torch.stack([weight * tail / _power(shape, q - j) for j, tail in enumerate(rule.tails, start=1)], dim=1)
    return InterpolatedRule(rule.x, lagrange, finer.log_weight, moments, smoothness, _power(shape, q))


def _power(shape: float, degree: int) -> float:
    """The coefficient of degree j of e^(2 log sigma), sigma^2 varying by a factor e^(z/sqrt(A)), z standard normal."""
    return shape ** (-0.5 * degree) / math.sqrt(math.factorial(degree))
