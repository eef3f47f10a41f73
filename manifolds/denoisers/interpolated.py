"""A Gauss rule whose few nodes interpolate the logarithm of the core's density, in place of sampling the density.

A Gauss rule integrates the density of the core's coordinates, e^L, which a tilt of the noise posterior makes steep; L
itself is smooth on the scale on which the posterior lives. Its interpolant through q nodes is exponentiated on a finer
rule, for which the law is not asked again, and what remains are errors of degree q, in L and in the denoiser, times the
posterior's moments of that degree: with four nodes as accurate as five of the plain rule.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch

from manifolds.denoisers.refusal import largest_tail
from manifolds.denoisers.rules import gamma_rule

__all__ = ["MORE", "InterpolatedRule", "interpolated_rule"]

MORE = 2  # nodes of the finer rule beyond q
# times the estimate below; errors of all laws near the tolerance, at shapes >= 400, are within it or little more
_SAFETY = 0.6


class InterpolatedRule(NamedTuple):
    """A rule of q nodes for one shape A.

    Attributes:
        ratio: (q,) nodes, as levels sigma over a reference level.
        log_weight: (Q, 1) log weights of the finer rule.
        from_nodes: (Q + 2, q) map of L at the nodes to its interpolant at the finer rule's, and to its coefficients of
            degrees q - 1 and q - 2, relative to those of e^(2 log sigma).
        to_nodes: (q + 5, Q) map of weights of the finer rule to those of the nodes, to the moments of degrees q and
            q - 1 of the orthonormal polynomials, the second as it enters the error, to those of degrees Q - 1 and
            Q - 2, and to their sum.
        shape: A.
        unit: the coefficient of degree q of e^(2 log sigma): of a function that varies as fast as powers of sigma^2.
    """

    ratio: torch.Tensor
    log_weight: torch.Tensor
    from_nodes: torch.Tensor
    to_nodes: torch.Tensor
    shape: float
    unit: float

    def to(self, device: torch.device) -> InterpolatedRule:
        ratio, log_weight, from_nodes, to_nodes = (item.to(device) for item in self[:4])
        return InterpolatedRule(ratio, log_weight, from_nodes, to_nodes, self.shape, self.unit)

    def weigh(self, log_p: torch.Tensor, core_dim: int, tol: float) -> tuple[torch.Tensor, torch.Tensor]:
        """(weights (n, q) of the nodes, which rows (n,) this rule does not serve to relative error `tol`).

        L, and the denoiser with it, is taken to vary like (m/2) e^(2 log sigma), or more if its last coefficients say
        so. The finer rule must serve too: it does not where L is smooth but steep, far from the law's support.
        """
        q, finer = len(self.ratio), len(self.log_weight)
        known = self.from_nodes @ (log_p - log_p[:, q // 2, None]).T  # points in columns: faster
        found = self.to_nodes @ torch.exp(known[:finer] + self.log_weight)
        found = found / found[-1]
        size = known[finer:].abs().amax(dim=0).clamp_(min=0.5 * core_dim)
        error = size.mul_(found[q : q + 2].abs().sum(dim=0))
        steep = found[q + 2 : q + 4].abs()
        serves = (
            (error <= tol / (_SAFETY * self.unit)) & (steep[0] <= self._most(1, tol)) & (steep[1] <= self._most(2, tol))
        )
        # (an overflow of exp, of a density that varies by e^700 over the nodes, is refused too)
        return found[:q].T, ~serves

    def _most(self, below: int, tol: float) -> float:
        finer = len(self.log_weight)
        return largest_tail(finer, finer - below, self.shape, tol)


@lru_cache(maxsize=256)
def interpolated_rule(shape: float, q: int) -> InterpolatedRule:
    """The rule of the law of -log(G / A)/2, G ~ Gamma(A, 1): levels over that at G = A.

    >>> rule = interpolated_rule(500.0, 4)
    >>> weight, poor = rule.weigh(torch.zeros(1, 4, dtype=torch.float64), 1, 1e-9)  # of a density that is constant
    >>> round(float(weight @ rule.ratio**-2.0), 9), bool(poor)
    (1.0, False)
    """
    rule, finer = gamma_rule(shape, q), gamma_rule(shape, q + MORE)
    x = torch.log(rule.ratio)
    gap = x[:, None] - x + torch.eye(q, dtype=torch.float64)
    at = torch.log(finer.ratio) - x[:, None]  # (q, Q)
    lagrange = torch.stack([torch.cat([at[:i], at[i + 1 :]]).prod(dim=0) / gap[i].prod() for i in range(q)])
    beyond = at.prod(dim=0)
    beyond = beyond / torch.sqrt((torch.exp(finer.log_weight) * beyond**2).sum())
    tail = (rule.tails[0] @ lagrange) * math.sqrt(q / shape)
    to_nodes = torch.cat([lagrange, torch.stack([beyond, tail, *finer.tails, torch.ones_like(beyond)])])
    weight = torch.exp(rule.log_weight)
    smoothness = torch.stack([weight * tail / _power(shape, q - j) for j, tail in enumerate(rule.tails, start=1)])
    return InterpolatedRule(
        rule.ratio, finer.log_weight[:, None], torch.cat([lagrange.T, smoothness]), to_nodes, shape, _power(shape, q)
    )


def _power(shape: float, degree: int) -> float:
    """The coefficient of degree j of e^(2 log sigma), sigma^2 varying by a factor e^(z/sqrt(A)), z standard normal."""
    return shape ** (-0.5 * degree) / math.sqrt(math.factorial(degree))
