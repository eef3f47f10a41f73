"""One panel of levels: the law at few nodes, its log density interpolated between them, the rest integrated in closed form.

What is of size n in log mu, and what a prior's end cuts, is known in closed form; the core's log density varies on its own,
wider scale. So the law is asked at q nodes, the polynomials through its log density and its mean are evaluated at 32
Gauss-Legendre nodes, and the narrow peak is integrated there. A second rule, of polynomials two degrees lower and 26
nodes, must agree with the first: that tests the interpolation and the integration at once.

`ceiling` bounds the posterior between the nodes from above, whatever the law: L lies below its chords
(`manifolds.denoisers.likelihood`), and -a t - r expm1(-2 t) is concave. A panel's part of no weight is told from one whose
peak falls between the nodes by this bound, never by the values at the nodes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial import chebyshev, legendre

from manifolds.denoisers.likelihood import NoiseLikelihood

__all__ = ["Panels", "Rule", "ceiling", "evaluate", "log_density", "row_sums", "rule"]

_FINE, _SECOND = 32, 26
_DROPPED = 2  # degrees that the second rule lacks: one of each parity


class Rule(NamedTuple):
    """Nodes z (q,) in [-1, 1]; for either rule x (F,), weights (F,) and the interpolation (q, F) from the nodes to x."""

    z: torch.Tensor
    first: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    second: tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@lru_cache(maxsize=256)
def rule(q: int, low: float = -1.0, high: float = 1.0) -> Rule:
    """Chebyshev's nodes of [low, high] with its ends, which is [-1, 1] or a part of it that holds the weight."""
    local = -np.cos(np.pi * np.arange(q) / (q - 1))
    coefficients = np.linalg.inv(chebyshev.chebvander(local, q - 1))
    rules = []
    for count, degrees in ((_FINE, q), (_SECOND, max(q - _DROPPED, 1))):
        x, w = legendre.leggauss(count)
        values = chebyshev.chebvander((x - low) * (2.0 / (high - low)) - 1.0, degrees - 1) @ coefficients[:degrees]
        rules.append(tuple(torch.from_numpy(np.ascontiguousarray(v)) for v in (x, w, values.T)))
    return Rule(torch.from_numpy(low + 0.5 * (high - low) * (local + 1.0)), rules[0], rules[1])


class Panels(NamedTuple):
    """What P panels hold.

    Attributes:
        t: (P, q) nodes.
        log_p: (P, q) log density of the core at the nodes.
        log_mu: (P, q) log mu there.
        coef: (P, q, B) the coefficients that are averaged.
        log_scale: (P,), by which the next are to be multiplied.
        weight, second: (P, q) weights of the nodes by either rule.
    """

    t: torch.Tensor
    log_p: torch.Tensor
    log_mu: torch.Tensor
    coef: torch.Tensor
    log_scale: torch.Tensor
    weight: torch.Tensor
    second: torch.Tensor

    def sums(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(mass (P,), integral of the coefficients (P, B)) for weights (P, q)."""
        if self.coef.shape[-1] == 1:
            return row_sums(weight), row_sums(weight * self.coef[..., 0])[:, None]
        return row_sums(weight), torch.bmm(weight[:, None], self.coef)[:, 0]


def evaluate(
    mu: NoiseLikelihood,
    lo: torch.Tensor,
    hi: torch.Tensor,
    rule: Rule,
    far: torch.Tensor | None = None,
    mean: bool = True,
) -> tuple[Panels, torch.Tensor | None]:
    """Panels [lo, hi] (P, 1), one for each point of mu; and the core's log density at levels `far` (P, 1), if any.

    Args:
        mean: average the law's mean; otherwise the first two powers of the place in the panel.
    """
    middle, half = 0.5 * (hi + lo), 0.5 * (hi - lo)
    t = torch.addcmul(middle, half, rule.z.to(lo.device))
    q = t.shape[1]
    post = mu.core(t if far is None else torch.cat([t, far], dim=1), 1 if mean else 0)
    log_p = post.log_p[:, :q]
    log_mu = mu.known(t).add_(log_p)
    z = rule.z.to(lo.device).expand_as(t)
    coef = post.coef.expand(*post.log_p.shape, -1)[:, :q] if mean else torch.stack([z, z * z], dim=-1)
    reference = log_p[:, q // 2, None]
    weights, scale = [], None
    for x, w, interpolation in (rule.first, rule.second):
        matrix = interpolation.to(lo.device)
        log_w = mu.known(torch.addcmul(middle, half, x.to(lo.device))).addmm_(log_p - reference, matrix)
        if scale is None:
            scale = log_w.amax(dim=1, keepdim=True)
            mu.check(scale)
        weights.append((log_w.sub_(scale).clamp_(max=50.0).exp_() * (w.to(lo.device) * half)) @ matrix.T)
    found = Panels(t, log_p, log_mu, coef, (scale + reference)[:, 0], weights[0], weights[1])
    return found, None if far is None else post.log_p[:, q:]


def log_density(
    mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, found: Panels
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(offsets t (P, F), log mu there, logs of the weights) of the first rule on panels of a whole width."""
    x, w, interpolation = rule(found.t.shape[1]).first
    half = 0.5 * (hi - lo)
    t = torch.addcmul(0.5 * (hi + lo), half, x)
    middle = found.log_p[:, found.t.shape[1] // 2, None]
    return t, mu.known(t).addmm_(found.log_p - middle, interpolation).add_(middle), torch.log(w * half)


def ceiling(
    log_mu: torch.Tensor, fall: torch.Tensor, rate: torch.Tensor, near: torch.Tensor, far: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of h(t) = log_mu - fall t - rate expm1(-2 t), a concave function of the offset t from a node: (its largest value on
    [near, far], an upper bound of the log of the integral of e^h there). Beyond its largest value h falls at least linearly."""
    peak = torch.where(fall > 0, 0.5 * torch.log((2.0 * rate / fall).clamp(min=1e-300)), math.inf)
    t = torch.minimum(torch.maximum(peak, near), far)
    decay = torch.expm1(-2.0 * t)
    top = log_mu - fall * t - rate * decay
    slope = (2.0 * rate * (decay + 1.0) - fall).abs()
    return top, top + torch.log(torch.minimum(far - near, 1.0 / slope))


def row_sums(values: torch.Tensor) -> torch.Tensor:
    """Sums (n,) over few columns, as a product: the library's sum over three takes ten times as long."""
    return values @ values.new_ones(values.shape[1])
