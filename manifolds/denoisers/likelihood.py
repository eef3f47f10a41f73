"""The noise level's log posterior given one sample, in differences that stay exact at any ambient dimension.

Two facts about every law carry the quadrature (`manifolds.denoisers.noise_quadrature`). With tau = sigma^-2 and kappa the
core's dimension, its density is p_core = (tau/2 pi)^(kappa/2) e^L, L(tau) = log E exp(-tau |X - u|^2/2), and
    L is convex and decreasing in tau, with L(0) = 0:
on an interval it lies below its chord, and beyond the last known level below the chord to 0.
"""

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

    Theta_s being the prior's density of s = log sigma. The centre is the level at which the normal coordinates and the
    prior peak, clipped to the prior, so that t is small where the posterior lives.

    Args:
        prior: None for the likelihood alone, on [low, high].
        exponent: of sigma in the prior's density of s, where the centre is meant to count it.

    Attributes:
        rho2: (n,) squared norm of the normal coordinates.
        centre: (n, 1).
        ratio: (n, 1) rho^2 / 2 over the square of the central level; 0 where the core's density has it.
        lo, hi: (n, 1), the ends of the range of levels, as offsets t.
        kernel_dim: kappa, the dimension of the density that the core gives.
    """

    def __init__(
        self,
        law: Law,
        stats: Any,
        rho2: torch.Tensor,
        ends: tuple[float, float],
        prior: PiecewisePowerPrior | None,
        exponent: float = 0.0,
        centre: torch.Tensor | None = None,
    ):
        self.law, self.stats, self.rho2, self.ends, self.prior, self.exponent = law, stats, rho2, ends, prior, exponent
        whole = law.core.absorbs_normal
        self.normal_dim = 0 if whole else law.space.normal_dim
        self.kernel_dim = law.ambient_dim if whole else law.core_dim
        if centre is None:
            falls = max(self.normal_dim - exponent, 1.0)
            centre = (0.5 * torch.log(rho2[:, None] / falls)).clamp(*ends)
        self.centre = centre
        self.lo, self.hi = ends[0] - centre, ends[1] - centre
        self.ratio = (0.5 * rho2[:, None]) * torch.exp(-2.0 * centre) if self.normal_dim else torch.zeros_like(centre)

    def __len__(self) -> int:
        return self.rho2.shape[0]

    def rows(self, rows: torch.Tensor) -> NoiseLikelihood:
        """The same function for some of the points, or for one point several times."""
        stats, rho2, centre = take(self.stats, rows), self.rho2[rows], self.centre[rows]
        return NoiseLikelihood(self.law, stats, rho2, self.ends, self.prior, self.exponent, centre)

    def sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Standard deviations at offsets t (n, q), kept inside the range."""
        return torch.exp((self.centre + t).clamp(*self.ends))

    def core(self, t: torch.Tensor, order: int) -> Posterior:
        """The core's posterior at offsets t (n, q).

        Raises:
            ValueError: a point so far from the law that its density is not a number in float64.
        """
        post = self.law.core.posterior(self.stats, self.sigma(t), order)
        self.check(post.log_p)
        return post

    @staticmethod
    def check(log_density: torch.Tensor) -> None:
        """Raise ValueError, in one line, unless log densities are finite numbers."""
        if log_density.numel() and not bool(torch.isfinite(log_density.amin() + log_density.amax())):
            raise ValueError("y must be closer to the law: its log density is not a finite number in float64")

    def known(self, t: torch.Tensor) -> torch.Tensor:
        """log mu less the core's part, at offsets t (n, q)."""
        if self.normal_dim:
            out = torch.expm1(-2.0 * t).mul_(-self.ratio).sub_(t, alpha=self.normal_dim)
        else:
            out = torch.zeros_like(t)
        return out if self.prior is None else out.add_(self.prior.log_density_log(self.centre + t))

    def slope(self, t: torch.Tensor) -> torch.Tensor:
        """d log p / d s without the prior at one offset per point, (n, 1): -d + E|X - y|^2 / sigma^2.

        For laws that keep their normal coordinates the large terms are combined before they are subtracted.
        """
        sigma = self.sigma(t)
        core = self.law.core.posterior(self.stats, sigma, 2).sqdist / (sigma * sigma) - self.kernel_dim
        return core + (2.0 * self.ratio * torch.exp(-2.0 * t) - self.normal_dim) if self.normal_dim else core
