"""The plug-in denoiser f_{sigma_hat(y)}(y) with the maximum-likelihood noise level.

It draws figures 1, 2 and 10 of arXiv 2602.09639.
"""

from __future__ import annotations

import math

import torch

from manifolds.checks import instance, positive_number
from manifolds.core import Core, take
from manifolds.denoisers.blind_gradient import likeliest_level
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.peak import peak
from manifolds.law import Law
from manifolds.shapes import Rows

__all__ = ["PlugInDenoiser"]

_ROWS = 1 << 12
_AT_AN_END = 1e-13  # in log sigma: the digits of `peak`, and more than exp(log(low)) loses


class PlugInDenoiser:
    """f_{sigma_hat(y)}(y), sigma_hat(y) = argmax over [low, high] of log p_sigma(y) (arXiv 2602.09639, section 4).

    Args:
        law: the data law.
        low, high: the range of levels. A likelihood that peaks outside gives the nearer end: with low far below the
            levels of interest, a sigma_hat at `low` reads "zero".

    Raises:
        ValueError: unless 0 < low < high.

    >>> import manifolds
    >>> f = PlugInDenoiser(manifolds.make("gaussian", dim=1, ambient=9, reduced=True, scale=1e6))
    >>> f.sigma_hat(torch.tensor([[1.0, 4.0]], dtype=torch.float64))  # rho/sqrt(d - k) = 4/sqrt(8)
    tensor([1.4142], dtype=torch.float64)
    """

    blind = True

    def __init__(self, law: Law, low: float = 1e-6, high: float = 1e6):
        instance(law, Law, "law")
        self.low, self.high = positive_number(low, "low"), positive_number(high, "high")
        if not self.low < self.high:
            raise ValueError(f"low must be < high, got low={low:.6g} and high={high:.6g}")
        self.law, self.space = law, law.space

    def __repr__(self) -> str:
        return f"PlugInDenoiser({self.law!r}, sigma in [{self.low:.4g}, {self.high:.4g}])"

    def sigma_hat(self, y: torch.Tensor) -> torch.Tensor:
        """The maximum-likelihood noise standard deviation of each point, (n,); differentiable once."""
        self.space.check_shape(y)
        return self.plain_level(y) if type(self.law.core).covariance is Core.covariance else likeliest_level(self, y)

    def plain_level(self, y: torch.Tensor) -> torch.Tensor:
        """`sigma_hat` without its gradient."""
        self.space.check(y)
        stats, rho2 = self.law.statistics(y)
        found = torch.empty(y.shape[0], dtype=torch.float64, device=y.device)
        for start in range(0, y.shape[0], _ROWS):
            rows = slice(start, start + _ROWS)
            ends = math.log(self.low), math.log(self.high)
            mu = NoiseLikelihood(self.law, take(stats, rows), rho2[rows], ends, None)
            found[rows] = self._within(mu, peak(mu))
        return found

    def _within(self, mu: NoiseLikelihood, t: torch.Tensor) -> Rows:
        """Levels (n,) at offsets (n, 1). At an end they are that end to the last bit: it is how the gradient tells."""
        sigma = mu.sigma(t).clamp(self.low, self.high)
        sigma = torch.where(t <= mu.lo + _AT_AN_END, self.low, sigma)
        return torch.where(t >= mu.hi - _AT_AN_END, self.high, sigma)[:, 0]

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """f_{sigma_hat(y)}(y), of the shape of y."""
        return self.law.denoise(y, self.sigma_hat(y))
