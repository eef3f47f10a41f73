"""The highest peak of the noise level's likelihood or posterior, wherever it is in the range."""

from __future__ import annotations

import math

import torch

from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.noise_quadrature import begin, bounds
from manifolds.denoisers.panels import nodes

__all__ = ["peak"]

_NODES = 9
_EQUAL = 1e-11  # log likelihoods that differ by less are rounding


def peak(mu: NoiseLikelihood) -> torch.Tensor:
    """The offset (n, 1) of the highest peak of log mu, to 1e-13; where it is at an end of the range, that end.

    Branch and bound: intervals between nodes that a bound shows to be below the highest value found are left out, the
    others get nodes of their own, down to half the width that a peak has (the Fisher information of log sigma is at
    most 2 d). The slope's zero next to the highest node is then found by false position.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=101, reduced=True, scale=1e9)
    >>> y = torch.tensor([[1.0, 5.0]], dtype=torch.float64)
    >>> mu = NoiseLikelihood(law, *law.statistics(y), (-4.0, 4.0), None)
    >>> mu.sigma(peak(mu))  # rho/sqrt(d - m)
    tensor([[0.5000]], dtype=torch.float64)
    """
    row, lo, hi = begin(mu)
    z = nodes(_NODES).to(mu.rho2.device)
    best = torch.full((len(mu),), -math.inf, dtype=torch.float64)
    a, b = mu.lo.clone(), mu.hi.clone()
    width = 0.5 / math.sqrt(2.0 * mu.law.ambient_dim)
    while len(row):
        t = torch.addcmul(0.5 * (lo + hi), 0.5 * (hi - lo), z)
        some = mu.rows(row)
        log_p = some.core(t, 0).log_p
        log_mu = some.known(t).add_(log_p)
        highest, at = log_mu.max(dim=1)
        best = best.scatter_reduce(0, row, highest, "amax")
        # of panels that reach their point's highest value, the last one writes its bracket
        new = (highest >= best[row]).nonzero()[:, 0]
        a[row[new]] = t[new].gather(1, (at[new, None] - 1).clamp(min=0))
        b[row[new]] = t[new].gather(1, (at[new, None] + 1).clamp(max=_NODES - 1))
        top, *_ = bounds(mu, row, t, log_p, log_mu)
        slack = _EQUAL + 4e-16 * (mu.law.ambient_dim + log_mu.abs().amax(dim=1, keepdim=True))
        step = t.diff(dim=1)
        panel, part = ((top > best[row][:, None] + slack) & (step > width)).nonzero(as_tuple=True)
        row, lo, hi = row[panel], t[panel, part][:, None], t[panel, part + 1][:, None]
    # the highest node may be at an edge between panels
    a = torch.maximum(a - width, mu.lo)
    b = torch.minimum(b + width, mu.hi)
    return _root(mu, a, b)


def _root(mu: NoiseLikelihood, a: torch.Tensor, b: torch.Tensor, iterations: int = 60) -> torch.Tensor:
    """Where the slope of log mu falls through zero in [a, b], (n, 1): false position, a stale end's value halved
    (Illinois)."""

    def slope(t: torch.Tensor) -> torch.Tensor:
        own = mu.slope(t)
        return own if mu.prior is None else own + mu.prior.slope(mu.centre + t)

    lo, hi = a, b
    fa, fb = slope(a), slope(b)
    at_lo, at_hi = fa <= 0, fb >= 0
    side = torch.zeros_like(a)
    for _ in range(iterations):
        flat = fa == fb
        t = torch.where(flat, 0.5 * (a + b), (a * fb - b * fa) / torch.where(flat, 1.0, fb - fa))
        t = torch.minimum(torch.maximum(t, a), b)
        f = slope(t)
        left = f > 0
        fb = torch.where(left & (side > 0), 0.5 * fb, fb)
        fa = torch.where(~left & (side < 0), 0.5 * fa, fa)
        a, fa = torch.where(left, t, a), torch.where(left, f, fa)
        b, fb = torch.where(left, b, t), torch.where(left, fb, f)
        side = torch.where(left, 1.0, -1.0).to(torch.float64)
        if bool((at_lo | at_hi | (b - a < 1e-14 * (1 + a.abs())) | (f == 0)).all()):
            break
    return torch.where(at_lo, lo, torch.where(at_hi, hi, t))
