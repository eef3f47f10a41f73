"""The noise level's log posterior given one sample, in differences that stay exact at any ambient dimension."""

from __future__ import annotations

import math
from typing import Any

import torch

from manifolds.core import Posterior, take
from manifolds.denoisers.prior import PiecewisePowerPrior
from manifolds.law import Law

__all__ = ["NoiseLikelihood"]


class NoiseLikelihood:
    """log mu(s | y) as a function of s = centre + t, for n points, each with a centre of its own.

    With n_ normal coordinates of squared norm rho^2, up to a constant in t,

        log mu = log p_core(u; sigma) - n_ t - (rho^2 e^{-2 centre}/2) expm1(-2 t) + log Theta_s(s),

    Theta_s being the prior's density of s = log sigma. The centre is the level log(rho / sqrt(n_)) that the normal
    coordinates suggest, clipped to the prior, so that t is small where the posterior lives.

    Attributes:
        stats: the core's sigma-free statistics.
        rho2: (n,) squared norm of the normal coordinates.
        centre: (n, 1).
        lo, hi: the ends, in s, of the range of levels.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=5, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.tensor([[1.0, 2.0]], dtype=torch.float64)), -2.0, 2.0, None)
    >>> t = torch.tensor([[-0.1, 0.3]], dtype=torch.float64)
    >>> exact = torch.stack([law.log_marginal(torch.tensor([[1.0, 2.0]]).double(), mu.sigma(t)[:, i]) for i in (0, 1)])
    >>> torch.allclose(mu(t)[0].diff(), exact.T.diff(), rtol=1e-12)
    True
    """

    def __init__(
        self,
        law: Law,
        stats: Any,
        rho2: torch.Tensor,
        lo: float,
        hi: float,
        prior: PiecewisePowerPrior | None,
        centre: torch.Tensor | None = None,
    ):
        self.law, self.stats, self.rho2, self.lo, self.hi, self.prior = law, stats, rho2, lo, hi, prior
        self.normal_dim = 0 if law.core.absorbs_normal else law.space.normal_dim
        if centre is None:
            hints = law.core.level_hints(stats, rho2, law.space.normal_dim)
            centre = (0.5 * torch.log(hints[:, :1].clamp(min=1e-300))).clamp(lo, hi)
        self.centre = centre
        self._ratio = 0.5 * rho2[:, None] * torch.exp(-2.0 * centre)

    def __len__(self) -> int:
        return self.rho2.shape[0]

    def rows(self, rows: torch.Tensor) -> NoiseLikelihood:
        """The same function for some of the points."""
        return NoiseLikelihood(
            self.law, take(self.stats, rows), self.rho2[rows], self.lo, self.hi, self.prior, self.centre[rows]
        )

    def hints(self) -> torch.Tensor:
        """(n, P) offsets t at which the posterior may peak, inside the range."""
        guess = self.law.core.level_hints(self.stats, self.rho2, self.law.space.normal_dim)
        return (0.5 * torch.log(guess.clamp(min=1e-300))).clamp(self.lo, self.hi) - self.centre

    def sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Standard deviations at offsets t (n, q), kept inside the range."""
        return torch.exp((self.centre + t).clamp(self.lo, self.hi))

    def __call__(self, t: torch.Tensor, order: int = 0) -> tuple[torch.Tensor, Posterior]:
        """(log mu up to a constant, core posterior) at offsets t (n, q)."""
        post = self.law.core.posterior(self.stats, self.sigma(t), order)
        log_mu = post.log_p
        if self.normal_dim:
            log_mu = log_mu - self.normal_dim * t - self._ratio * torch.expm1(-2.0 * t)
        if self.prior is not None:
            log_mu = log_mu + self.prior.log_density_log(self.centre + t)
        return log_mu, post

    def slope(self, t: torch.Tensor) -> torch.Tensor:
        """d log mu / d s at one offset per point, (n, 1): -d + E|X - y|^2 / sigma^2 + the prior's slope.

        For laws that keep their normal coordinates the large terms are combined before they are subtracted.
        """
        sigma = self.sigma(t)
        post = self.law.core.posterior(self.stats, sigma, 2)
        if self.normal_dim:
            normal = 2.0 * self._ratio * torch.exp(-2.0 * t) - self.normal_dim
            total = normal + (post.sqdist / (sigma * sigma) - self.law.core_dim)
        else:
            total = post.sqdist / (sigma * sigma) - self.law.ambient_dim
        if self.prior is not None:
            step = 1e-6
            s = self.centre + t
            rise = self.prior.log_density_log(s + step) - self.prior.log_density_log(s - step)
            total = total + rise / (2 * step)
        return total

    def narrowest(self) -> float:
        """A lower guess of the width of a peak in s: the Fisher information of log sigma is at most 2 d."""
        return 1.0 / math.sqrt(2.0 * self.law.ambient_dim)
