"""The noise level's log posterior given one sample, in differences that stay exact at any ambient dimension.

Two facts about every law carry the quadrature (`manifolds.denoisers.noise_quadrature`). With tau = sigma^-2 and kappa
the core's dimension, its density is p_core = (tau/2 pi)^(kappa/2) e^L, L(tau) = log E exp(-tau |X - u|^2/2), and

    L is convex and decreasing in tau, with L(0) = 0:

on an interval it lies below its chord.
"""

from __future__ import annotations

from typing import Any

import torch

from manifolds.core import Posterior, take
from manifolds.denoisers.prior import PiecewisePowerPrior
from manifolds.law import Law

__all__ = ["NoiseLikelihood"]

_LEAST = -1e250  # the log of a density that is 0 in float64: bounds divide by differences


class NoiseLikelihood:
    """log mu(s | y) as a function of s = centre + t, for n points, each with a centre of its own.

    With n_ normal coordinates of squared norm rho^2, up to a constant in t,

        log mu = log p_core(u; sigma) - n_ t - (rho^2 e^{-2 centre}/2) expm1(-2 t) + log Theta_s(s),

    Theta_s being the prior's density of s = log sigma. The centre is the level at which the normal coordinates and a
    power law peak, clipped to the prior, so that t is small where the posterior lives.

    Args:
        ends: the range of levels, in s.
        prior: None for the likelihood alone.

    Attributes:
        rho2: (n,) squared norm of the normal coordinates.
        fall: n_ less the exponent of a power law in s.
        centre: (n, 1).
        ratio: (n, 1) rho^2 / 2 over the square of the central level; 0 where the core's density has it.
        lo, hi: (n, 1), the ends of the range of levels, as offsets t.
        kernel_dim: kappa, the dimension of the density that the core gives.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=5, reduced=True)
    >>> y = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    >>> mu = NoiseLikelihood(law, *law.statistics(y), (-2.0, 2.0), None)
    >>> t = torch.tensor([[-0.1, 0.3]], dtype=torch.float64)
    >>> exact = torch.stack([law.log_marginal(y, mu.sigma(t)[:, i]) for i in (0, 1)])
    >>> torch.allclose((mu.known(t) + mu.core(t, 0).log_p)[0].diff(), exact.T.diff(), rtol=1e-12)
    True
    """

    def __init__(
        self,
        law: Law,
        stats: Any,
        rho2: torch.Tensor,
        ends: tuple[float, float],
        prior: PiecewisePowerPrior | None,
        centre: torch.Tensor | None = None,
    ):
        self.law, self.stats, self.rho2, self.ends, self.prior = law, stats, rho2, ends, prior
        whole = law.core.absorbs_normal
        self.normal_dim = 0 if whole else law.space.normal_dim
        self.kernel_dim = law.ambient_dim if whole else law.core_dim
        power = 0.0 if prior is None or prior.exponent is None else prior.exponent + 1.0
        self.fall = self.normal_dim - power
        if centre is None:
            centre = 0.5 * torch.log((rho2[:, None] / max(self.fall, 1.0)).clamp(min=1e-300))
            centre = centre.clamp(*ends)
        self.centre = centre
        self.lo, self.hi = ends[0] - centre, ends[1] - centre
        ratio = (0.5 * rho2[:, None]) * torch.exp(-2.0 * centre) if self.normal_dim else 0.0 * centre
        self.ratio = ratio.clamp(max=-_LEAST)

    def __len__(self) -> int:
        return self.rho2.shape[0]

    def rows(self, rows: torch.Tensor) -> NoiseLikelihood:
        """The same function for some of the points, or for one point several times."""
        stats, rho2, centre = take((self.stats, self.rho2, self.centre), rows)
        return NoiseLikelihood(self.law, stats, rho2, self.ends, self.prior, centre)

    def sigma(self, t: torch.Tensor) -> torch.Tensor:
        """Standard deviations at offsets t (n, q), kept inside the range."""
        return torch.exp((self.centre + t).clamp(*self.ends))

    def core(self, t: torch.Tensor, order: int) -> Posterior:
        """The core's posterior at offsets t (n, q).

        Raises:
            ValueError: a point so far from the law that its density is not a number in float64.
        """
        post = self.law.core.posterior(self.stats, self.sigma(t), order)
        if post.log_p.numel() and bool(torch.isnan(post.log_p.amax())):
            raise ValueError("y must be closer to the law: its log density is not a number in float64")
        post.log_p = post.log_p.clamp(min=_LEAST)
        return post

    def known(self, t: torch.Tensor) -> torch.Tensor:
        """log mu less the core's part, at offsets t (n, q)."""
        if self.normal_dim:
            out = torch.expm1(-2.0 * t).mul_(-self.ratio).sub_(t, alpha=self.normal_dim).clamp_(min=_LEAST)
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
