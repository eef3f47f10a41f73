"""The plug-in denoiser f_{sigma_hat(y)}(y) with the maximum-likelihood noise level, as in the paper's figures 1, 2, 10."""

from __future__ import annotations

import math

import torch

from manifolds.checks import positive_number
from manifolds.core import take
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.noise_quadrature import begin, bounds
from manifolds.denoisers.panels import rule
from manifolds.law import Law

__all__ = ["PlugInDenoiser", "peak"]

_ROWS = 1 << 12
_NODES = 9
_EQUAL = 1e-11  # log likelihoods that differ by less are rounding


class PlugInDenoiser:
    """f_{sigma_hat(y)}(y), sigma_hat(y) = argmax over [low, high] of log p_sigma(y) (arXiv 2602.09639, section 4).

    Args:
        law: the data law.
        low, high: the range of levels. A likelihood that peaks outside gives the nearer end: with low far below the
            levels of interest, a sigma_hat at `low` reads "zero".

    Raises:
        ValueError: unless 0 < low < high.
    """

    blind = True

    def __init__(self, law: Law, low: float = 1e-6, high: float = 1e6):
        self.low, self.high = positive_number(low, "low"), positive_number(high, "high")
        if not self.low < self.high:
            raise ValueError(f"low must be < high, got low={low:.6g} and high={high:.6g}")
        self.law, self.space = law, law.space

    def __repr__(self) -> str:
        return f"PlugInDenoiser({self.law!r}, sigma in [{self.low:.4g}, {self.high:.4g}])"

    def sigma_hat(self, y: torch.Tensor) -> torch.Tensor:
        """The maximum-likelihood noise standard deviation of each point, (n,)."""
        self.space.check(y)
        stats, rho2 = self.law.statistics(y)
        found = [rho2[:0]]
        for start in range(0, y.shape[0], _ROWS):
            rows = slice(start, start + _ROWS)
            ends = math.log(self.low), math.log(self.high)
            mu = NoiseLikelihood(self.law, take(stats, rows), rho2[rows], ends, None)
            found.append(mu.sigma(peak(mu))[:, 0])
        return torch.cat(found)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """f_{sigma_hat(y)}(y), of the shape of y."""
        return self.law.denoise(y, self.sigma_hat(y))


def peak(mu: NoiseLikelihood) -> torch.Tensor:
    """The offset (n, 1) of the highest peak of log mu, to 1e-13; where it is at an end of the range, that end.

    Branch and bound: intervals between nodes that a bound shows to be below the highest value found are left out, the others
    get nodes of their own, down to half the width that a peak has (the Fisher information of log sigma is at most 2 d). The
    slope's zero next to the highest node is then found by false position.
    """
    row, lo, hi = begin(mu)
    z = rule(_NODES).z
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
    """Where the slope of log mu falls through zero in [a, b], (n, 1): false position, a stale end's value halved (Illinois)."""

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
