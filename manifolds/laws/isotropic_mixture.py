"""Mixtures of isotropic Gaussians of one width: a law on points of R^m, convolved with N(0, s^2 I_m).

T = X + s V seen through noise sigma is X seen through noise tau, tau^2 = s^2 + sigma^2: given X and u, T is Gaussian
about (sigma^2/tau^2) X + (s^2/tau^2) u with variance s^2 sigma^2/tau^2 in each coordinate. So a mixture of thousands of
components costs what its centres cost.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.core import Core, Posterior
from manifolds.laws.atoms import Atoms
from manifolds.shapes import CorePoints, Levels
from manifolds.streams import Stream, stream

__all__ = ["Smoothed", "SmoothedStatistics", "isotropic_mixture"]


class SmoothedStatistics(NamedTuple):
    """The point, and what the law that is smoothed needs of it."""

    u: torch.Tensor
    inner: Any


class Smoothed(Core[SmoothedStatistics]):
    """X + s V, X of a law on R^m and V standard normal on R^m: k = m, R = inf.

    Args:
        inner: the law of X; concentrated on its core.
        width: s.

    Raises:
        ValueError: width <= 0, or a law that absorbs the normal coordinates.

    >>> import manifolds
    >>> law = manifolds.Law(Smoothed(Atoms([[-1.0], [1.0]]), 0.5), 9)
    >>> law.second_moment
    1.25
    """

    name = "isotropic_mixture"

    def __init__(self, inner: Core, width: float):
        if inner.absorbs_normal:
            raise ValueError(f"inner must be a law on a core, {inner.name} fills the whole space")
        self.inner, self.width = inner, positive_number(width, "width")
        self.intrinsic_dim = self.core_dim = inner.core_dim
        self.rounding = inner.rounding

    def sample(self, n: int, stream: Stream) -> CorePoints:
        points = self.inner.sample(n, stream.child("inner"))
        return points + self.width * stream.child("width").normal(n, self.core_dim)

    def statistics(self, u: CorePoints) -> SmoothedStatistics:
        return SmoothedStatistics(u, self.inner.statistics(u))

    def posterior(self, stats: SmoothedStatistics, sigma: Levels, order: int) -> Posterior:
        sigma2, s2, m = sigma * sigma, self.width**2, self.core_dim
        tau2 = s2 + sigma2
        keep, variance = sigma2 / tau2, s2 * sigma2 / tau2  # of X in T, and of T given X and u
        own = self.inner.posterior(stats.inner, tau2.sqrt(), order)
        post = Posterior(own.log_p, offset=own.offset)
        if order >= 1:
            share = (s2 / tau2).expand_as(own.log_p)[..., None]
            post.coef = torch.cat([keep[..., None] * own.coef, share], dim=-1)
        if order >= 2:
            post.trace = keep**2 * own.trace + m * variance
            post.sqdist = keep**2 * own.sqdist + m * variance
        if order >= 3:
            # T - u = keep (X - u) + xi: W_T = keep^3 W_X + 2 keep v E[X - u], v the variance of xi
            lean = (2.0 * keep * variance).expand_as(own.log_p)[..., None]
            post.third = torch.cat([keep[..., None] ** 3 * own.third + lean * own.coef, -lean], dim=-1)
        if order >= 4:
            post.var_sqdist = keep**4 * own.var_sqdist + 4.0 * variance * keep**2 * own.sqdist + 2.0 * m * variance**2
        return post

    def coef_width(self, stats: SmoothedStatistics) -> int:
        return self.inner.coef_width(stats.inner) + 1

    def assemble(self, stats: SmoothedStatistics, coef: torch.Tensor) -> CorePoints:
        return self.inner.assemble(stats.inner, coef[:, :-1]) + coef[:, -1:] * stats.u

    def project(self, u: CorePoints) -> CorePoints:
        return u

    @property
    def second_moment(self) -> float:
        return self.inner.second_moment + self.core_dim * self.width**2

    @property
    def mean(self) -> torch.Tensor:
        return self.inner.mean

    def level_hints(self, stats: SmoothedStatistics, rho2: torch.Tensor, normal_dim: int) -> torch.Tensor:
        """The normal coordinates' own reading, and the inner law's less the width."""
        inner = (self.inner.level_hints(stats.inner, rho2, normal_dim) - self.width**2).clamp(min=1e-300)
        return torch.cat([rho2[:, None] / max(normal_dim, 1), inner], dim=1)


def isotropic_mixture(
    dim: int, components: int = 16, spread: float = 3.0, width: float = 1.0, geometry_seed: int = 0
) -> Smoothed:
    """J equal components N(c_j, s^2 I_m), m = dim, their centres drawn from N(0, spread^2 I_m).

    Raises:
        ValueError: a size is not an integer >= 1, or spread or width <= 0.

    >>> core = isotropic_mixture(8, components=64)
    >>> core.core_dim, core.width, len(core.inner.points)
    (8, 1.0, 64)
    """
    dim, components = positive_int(dim, "dim"), positive_int(components, "components")
    source = stream(geometry_seed, "isotropic mixture", dim, components)
    return Smoothed(Atoms(positive_number(spread, "spread") * source.normal(components, dim)), width)
