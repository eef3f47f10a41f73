"""Product of independent laws on orthogonal blocks of coordinates: means side by side, densities and moments add."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import torch

from manifolds.checks import positive_int
from manifolds.core import Core, Posterior
from manifolds.laws.cube import Cube
from manifolds.laws.sphere import Sphere
from manifolds.shapes import BlockStatistics, Bounds, CorePoints, Levels, Rows, Values
from manifolds.streams import Stream

__all__ = ["Product", "sphere_times_cube"]


def _sum(values: Sequence[torch.Tensor]) -> torch.Tensor:
    return reduce(add, values)


class Product(Core[BlockStatistics]):
    """X = (X_1, .., X_J) with independent blocks X_j.

    Args:
        factors: at least one core law.
        name: the registry's name.

    Raises:
        ValueError: no factor, or a factor that fills its whole space.

    >>> Product([Sphere(1), Cube(1)]).radius ** 2
    2.0000000000000004
    """

    def __init__(self, factors: Sequence[Core], name: str = "product"):
        positive_int(len(factors), "factors")
        for factor in factors:
            if factor.absorbs_normal:
                raise ValueError(f"factors must be laws on a core, {factor.name} fills the whole space")
        self.factors, self.name = tuple(factors), name
        self.sizes = [factor.core_dim for factor in factors]
        self.core_dim = sum(self.sizes)
        self.intrinsic_dim = sum(factor.intrinsic_dim for factor in factors)
        self.radius = sum(factor.radius**2 for factor in factors) ** 0.5
        self.needs_normal = all(factor.needs_normal for factor in factors)
        self.finite = all(factor.finite for factor in factors)
        self.rounding = max(factor.rounding for factor in factors)

    def sample(self, n: int, stream: Stream) -> CorePoints:
        return torch.cat([factor.sample(n, stream.child("factor", j)) for j, factor in enumerate(self.factors)], dim=1)

    def statistics(self, u: CorePoints) -> BlockStatistics:
        blocks = u.split(self.sizes, dim=1)
        return BlockStatistics(tuple(factor.statistics(block) for factor, block in zip(self.factors, blocks)))

    def posterior(self, stats: BlockStatistics, sigma: Levels, order: int) -> Posterior:
        parts = [factor.posterior(own, sigma, order) for factor, own in zip(self.factors, stats.blocks)]
        post = Posterior(_sum([p.log_p for p in parts]), offset=sum(p.offset for p in parts))
        if order >= 1:
            post.coef = torch.cat([p.coef.expand(*post.log_p.shape, -1) for p in parts], dim=-1)
        if order >= 2:
            post.sqdist, post.trace = _sum([p.sqdist for p in parts]), _sum([p.trace for p in parts])
        if order >= 3:  # Cov(X_j, |X_i - u_i|^2) = 0 for i != j
            post.third = torch.cat([p.third.expand(*post.log_p.shape, -1) for p in parts], dim=-1)
        if order >= 4:
            post.var_sqdist = _sum([p.var_sqdist for p in parts])
        return post

    def log_tilt(self, stats: BlockStatistics, sigma: Levels) -> Values:
        return _sum([factor.log_tilt(own, sigma) for factor, own in zip(self.factors, stats.blocks)])

    def covariance(self, stats: BlockStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        blocks = zip(self.factors, stats.blocks, v.split(self.sizes, dim=1))
        return torch.cat([factor.covariance(own, sigma, block) for factor, own, block in blocks], dim=1)

    def _widths(self, stats: BlockStatistics) -> list[int]:
        return [factor.coef_width(own) for factor, own in zip(self.factors, stats.blocks)]

    def coef_width(self, stats: BlockStatistics) -> int:
        return sum(self._widths(stats))

    def assemble(self, stats: BlockStatistics, coef: torch.Tensor) -> CorePoints:
        blocks = coef.split(self._widths(stats), dim=1)
        return torch.cat([f.assemble(own, block) for f, own, block in zip(self.factors, stats.blocks, blocks)], dim=1)

    def project(self, u: CorePoints) -> CorePoints:
        return torch.cat([f.project(block) for f, block in zip(self.factors, u.split(self.sizes, dim=1))], dim=1)

    @property
    def mean(self) -> torch.Tensor:
        return torch.cat([factor.mean for factor in self.factors])

    @property
    def second_moment(self) -> float:
        return sum(factor.second_moment for factor in self.factors)

    def log_covering_number(self, eps: float) -> Bounds:
        """Lower: the largest of the factors'. Upper: the factors' sum at eps/sqrt(J), or one ball."""
        if eps >= self.radius:
            return 0.0, 0.0
        lower = max(factor.log_covering_number(eps)[0] for factor in self.factors)
        return lower, sum(factor.log_covering_number(eps / len(self.factors) ** 0.5)[1] for factor in self.factors)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor | None:
        curves = [factor.mmse(sigma) for factor in self.factors]
        known = [c for c in curves if c is not None]
        return _sum(known) if len(known) == len(curves) else None

    def level_hints(self, stats: BlockStatistics, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """What each factor makes of its own block, besides the normal coordinates' own estimate."""
        own = [f.level_hints(s, rho2, normal_dim) for f, s in zip(self.factors, stats.blocks)]
        return torch.cat([rho2[:, None] / max(normal_dim, 1), *own], dim=1)


def sphere_times_cube(dim: int, radius: float = 1.0, half_width: float = 1.0) -> Product:
    """S^{k-1} x [-L, L], k = dim >= 2: a curved factor and a bounded flat one; m = k + 1.

    >>> sphere_times_cube(3).core_dim
    4
    """
    if positive_int(dim, "dim") < 2:
        raise ValueError(f"dim must be an integer >= 2 for a product of a sphere and an interval, got {dim}")
    return Product([Sphere(dim - 1, radius), Cube(1, half_width)])
