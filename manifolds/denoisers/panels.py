"""Panels of levels: the law at few nodes, its log density interpolated, the rest integrated in closed form.

What is of size n in log mu, and what a prior's end cuts, is known in closed form; the core's log density varies on its
own, wider scale. So the law is asked at q nodes, its log density less a chord in sigma^-2 and its mean are interpolated
by polynomials, and the narrow peak is integrated at the nodes of a fine Gauss-Legendre rule. A second rule, of
polynomials four degrees lower and fewer fine nodes, must agree with the first: that tests the interpolation and the
integration at once.

`ceiling` bounds the posterior between the nodes from above, whatever the law: L lies below its chords
(`manifolds.denoisers.likelihood`), and -a t - r expm1(-2 t) is concave. A part of no weight is told from one whose peak
falls between the nodes by this bound, never by the values at the nodes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.polynomial import chebyshev, legendre

from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.rules import row_sums

__all__ = ["FineRule", "Panels", "ask", "ceiling", "fine_density", "integrate", "nodes", "rules"]

_FINE, _SECOND = 32, 26
# degrees that the second rule lacks: with two, coefficients of both parities were small together in one of 8000 random
# inputs, and the error 12 times what the rules differed by
_DROPPED = 4


class FineRule(NamedTuple):
    """Gauss-Legendre nodes x and weights w (F,) on [-1, 1]; the interpolation (q, F) from the panel's nodes to x."""

    x: torch.Tensor
    w: torch.Tensor
    interpolation: torch.Tensor


@lru_cache(maxsize=8)
def nodes(q: int) -> torch.Tensor:
    """Chebyshev's nodes (q,) of [-1, 1], with its ends.

    >>> nodes(3).round(decimals=12).abs()
    tensor([1., 0., 1.], dtype=torch.float64)
    """
    return torch.from_numpy(-np.cos(np.pi * np.arange(q) / (q - 1)))


@lru_cache(maxsize=8)
def rules(q: int) -> tuple[FineRule, FineRule]:
    """The two rules of a panel of q nodes.

    >>> first, second = rules(7)
    >>> values = nodes(7) ** 4  # of degree 4: the second rule does not know it
    >>> [round(float((values @ rule.interpolation) @ rule.w), 3) for rule in (first, second)]
    [0.4, 0.417]
    """
    coefficients = np.linalg.inv(chebyshev.chebvander(nodes(q).numpy(), q - 1))
    found = []
    for count, degrees in ((_FINE, q), (_SECOND, max(q - _DROPPED, 1))):
        x, w = legendre.leggauss(count)
        values = chebyshev.chebvander(x, degrees - 1) @ coefficients[:degrees]
        found.append(FineRule(*(torch.from_numpy(np.ascontiguousarray(v)) for v in (x, w, values.T))))
    return found[0], found[1]


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


def _chord(mu: NoiseLikelihood, found: Panels) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(rate, log p at the upper end, upper end), (P, 1) each: L is near L(end) - rate expm1(-2 (t - end))."""
    first, last = found.t[:, :1], found.t[:, -1:]
    fall = found.log_p[:, -1:] - found.log_p[:, :1] + mu.kernel_dim * (last - first)
    rate = torch.nan_to_num(fall / torch.expm1(2.0 * (last - first))).clamp_(min=0.0)
    return rate, found.log_p[:, -1:], last


def _smooth(mu: NoiseLikelihood, chord: tuple[torch.Tensor, ...], t: torch.Tensor) -> torch.Tensor:
    rate, top, last = chord
    gap = t - last
    return torch.expm1(-2.0 * gap).mul_(-rate).sub_(gap, alpha=mu.kernel_dim).add_(top)


def ask(mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, q: int, mean: bool = True) -> Panels:
    """Panels [lo, hi] (P, 1) of q nodes, one for each point of mu, without the weights of their nodes (which are 0).

    Args:
        mean: average the law's mean; otherwise the first two powers of the place in the panel.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=5, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 2.0]]).double()), (-2.0, 2.0), None)
    >>> ask(mu, mu.lo, mu.hi, 3).coef[..., 0].round(decimals=3)  # c at e^-2, 1 and e^2
    tensor([[0.9820, 0.5000, 0.0180]], dtype=torch.float64)
    """
    z = nodes(q).to(lo.device)
    middle, half = 0.5 * (hi + lo), 0.5 * (hi - lo)
    t = torch.addcmul(middle, half, z)
    none = torch.zeros_like(t)
    post = mu.core(t, 1 if mean else 0)
    log_p = post.log_p
    z = z.expand_as(t)
    coef = post.coef.expand(*log_p.shape, -1) if mean else torch.stack([z, z * z], dim=-1)
    return Panels(t, log_p, mu.known(t).add_(log_p), coef, none[:, 0], none, none)


def integrate(mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, found: Panels) -> Panels:
    """The panels that were asked, with the weights of their nodes.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=5, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 2.0]]).double()), (-2.0, 2.0), None)
    >>> found = integrate(mu, mu.lo, mu.hi, ask(mu, mu.lo, mu.hi, 24))
    >>> mass, sums = found.sums(found.weight)
    >>> (sums / mass[:, None]).round(decimals=4)  # the gain between c(e^-2) and c(e^2)
    tensor([[0.4681]], dtype=torch.float64)
    """
    middle, half = 0.5 * (hi + lo), 0.5 * (hi - lo)
    t, log_p, q = found.t, found.log_p, found.t.shape[1]
    chord = _chord(mu, found)
    rest = log_p - _smooth(mu, chord, t)
    weights: list[torch.Tensor] = []
    scale = log_p[:, :1]
    for rule in rules(q):
        matrix = rule.interpolation.to(lo.device)
        fine = torch.addcmul(middle, half, rule.x.to(lo.device))
        log_w = mu.known(fine).add_(_smooth(mu, chord, fine)).addmm_(rest, matrix)
        if not weights:
            scale = log_w.amax(dim=1, keepdim=True)
        weights.append((log_w.sub_(scale).clamp_(max=50.0).exp_() * (rule.w.to(lo.device) * half)) @ matrix.T)
    # a log density of size 1e22, whose rounding alone is e^(1e6), has all its weight at one node in float64
    highest, at = found.log_mu.max(dim=1, keepdim=True)
    one = torch.zeros_like(t).scatter_(1, at, 1.0)
    lost = ~(torch.isfinite(scale) & torch.isfinite(weights[0] + weights[1]).all(dim=1, keepdim=True))
    first, second = (torch.where(lost, one, weight) for weight in weights)
    return found._replace(log_scale=torch.where(lost, highest, scale)[:, 0], weight=first, second=second)


def fine_density(
    mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, found: Panels
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(offsets t (P, F), log mu there, logs of the weights) of the first rule.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=5, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 2.0]]).double()), (-2.0, 2.0), None)
    >>> t, log_mu, _ = fine_density(mu, mu.lo, mu.hi, ask(mu, mu.lo, mu.hi, 32))
    >>> torch.allclose(log_mu, mu.known(t) + mu.core(t, 0).log_p, atol=1e-9)
    True
    """
    rule, _ = rules(found.t.shape[1])
    half = 0.5 * (hi - lo)
    t = torch.addcmul(0.5 * (hi + lo), half, rule.x.to(lo.device))
    chord = _chord(mu, found)
    rest = found.log_p - _smooth(mu, chord, found.t)
    log_mu = mu.known(t).add_(_smooth(mu, chord, t)).addmm_(rest, rule.interpolation.to(lo.device))
    return t, log_mu, torch.log(rule.w.to(lo.device) * half)


def ceiling(
    log_mu: torch.Tensor, fall: torch.Tensor, rate: torch.Tensor, far: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of h(t) = log_mu - fall t - rate expm1(-2 t), a concave function of the offset t from a node: (its largest value
    on [0, far], an upper bound of the log of the integral of e^h there).

    Beyond its largest value h falls at least linearly, which bounds the integral on that side.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> top, log_mass = ceiling(0 * one, 4 * one, one, 2 * one)  # 1 - 4 t - e^(-2 t), that falls from 0 on
    >>> top.abs(), log_mass.exp()  # the integral is .28
    (tensor([0.], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
    """
    peak = torch.where(fall > 0, 0.5 * torch.log((2.0 * rate / fall).clamp(min=1e-300)), torch.full_like(fall, 1e300))
    t = torch.minimum(peak.clamp(min=0.0), far)
    decay = torch.expm1(-2.0 * t)
    top = log_mu - fall * t - rate * decay
    slope = (2.0 * rate * (decay + 1.0) - fall).abs()
    return top, top + torch.log(torch.minimum(far, 1.0 / slope.clamp(min=1e-300)))
