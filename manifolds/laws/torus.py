"""Uniform law on a torus: a product of k circles in orthogonal planes, m = 2k. Each plane has a von Mises posterior."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import add

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.core import Core, Posterior, round_product
from manifolds.laws.sphere import Sphere, sphere_mean, sphere_posterior, sphere_tilt, sphere_variances
from manifolds.shapes import Bounds, CorePoints, Levels, PlaneStatistics, Rows, Values
from manifolds.special.volumes import log_ball_volume
from manifolds.streams import Stream

__all__ = ["Torus"]


class Torus(Core[PlaneStatistics]):
    """Product of k uniform circles; coordinates 2i and 2i+1 hold circle i. |X| = sqrt(sum R_i^2) is constant.

    Args:
        dim: k.
        radius: R_i, one number for all circles or k numbers.

    Raises:
        ValueError: dim is not an integer >= 1, a radius is not > 0, or their number is not dim.

    >>> Torus(2, radius=[3.0, 4.0]).radius
    5.0
    """

    name = "torus"

    def __init__(self, dim: int, radius: float | Sequence[float] = 1.0):
        self.intrinsic_dim = positive_int(dim, "dim")
        self.core_dim = 2 * self.intrinsic_dim
        radii = [radius] * dim if isinstance(radius, (int, float)) else list(radius)
        if len(radii) != dim:
            raise ValueError(f"radius must be one number or {dim} numbers, got {len(radii)}")
        self.radii = torch.tensor([positive_number(r, "radius") for r in radii], dtype=torch.float64)
        self.radius = float(self.radii.norm())

    def sample(self, n: int, stream: Stream) -> CorePoints:
        angle = 2.0 * math.pi * stream.uniform(n, self.intrinsic_dim)
        planes = torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1) * self.radii[:, None]
        return planes.reshape(n, self.core_dim)

    def statistics(self, u: CorePoints) -> PlaneStatistics:
        planes = u.reshape(u.shape[0], self.intrinsic_dim, 2)
        return PlaneStatistics(planes, planes.norm(dim=2))

    def posterior(self, stats: PlaneStatistics, sigma: Levels, order: int) -> Posterior:
        if order <= 1:
            return self._density_and_mean(stats, sigma)
        each = sphere_posterior(2, self.radii.to(sigma.device), stats.norm[:, None, :], sigma[..., None], order)
        post = Posterior(log_p=each.log_p.sum(dim=-1), coef=each.coef)
        post.trace, post.sqdist = each.trace.sum(dim=-1), each.sqdist.sum(dim=-1)
        if order >= 3:
            post.third = each.third
        if order >= 4:
            post.var_sqdist = each.var_sqdist.sum(dim=-1)
        return post

    def _density_and_mean(self, stats: PlaneStatistics, sigma: torch.Tensor) -> Posterior:
        """As `sphere_posterior` on every circle, but what is quadratic in |u| is summed over circles before levels come
        in."""
        radii, sigma2 = self.radii.to(sigma.device), sigma * sigma
        inverse = 1.0 / sigma2
        log_mgf, coef, *_ = sphere_mean(2, radii, stats.norm[:, None, :], inverse[..., None])
        gap2 = ((stats.norm - radii) ** 2).sum(dim=1, keepdim=True)
        log_p = log_mgf.sum(dim=-1) - self.intrinsic_dim * torch.log(2.0 * math.pi * sigma2) - 0.5 * gap2 * inverse
        return Posterior(log_p=log_p, coef=coef)

    def coef_width(self, stats: PlaneStatistics) -> int:
        return self.intrinsic_dim

    def log_tilt(self, stats: PlaneStatistics, sigma: Levels) -> Values:
        return sphere_tilt(2, self.radii.to(sigma.device), stats.norm[:, None, :], sigma[..., None]).sum(dim=-1)

    def covariance(self, stats: PlaneStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        """Circle by circle."""
        planes, norm = stats.planes.reshape(-1, 2), stats.norm.reshape(-1)
        each = sphere_variances(2, self.radii.to(sigma.device), stats.norm, 1.0 / (sigma * sigma))
        across, along = (value.reshape(-1) for value in each)
        return round_product(planes, norm, across, along, v.reshape(-1, 2)).reshape(v.shape)

    def assemble(self, stats: PlaneStatistics, coef: torch.Tensor) -> CorePoints:
        return (coef[..., None] * stats.planes).reshape(coef.shape[0], self.core_dim)

    def project(self, u: CorePoints) -> CorePoints:
        """Radial in each plane; a plane's centre goes to its first axis."""
        planes = u.reshape(-1, 2)
        return (Sphere(1).project(planes) * self.radii.to(u.device).repeat(u.shape[0])[:, None]).reshape(u.shape)

    @property
    def second_moment(self) -> float:
        return float((self.radii**2).sum())

    def log_covering_number(self, eps: float) -> Bounds:
        """Upper: nets of eps/sqrt(k) in every circle. Lower: volume; a ball of radius eps meets the torus in points
        within 2 eps of each other, hence (chord >= 2/pi arc) in a set of angles' arcs of radius pi eps."""
        if eps >= self.radius:
            return 0.0, 0.0
        k = self.intrinsic_dim
        upper = 0.0
        for r in self.radii.tolist():
            step = eps / math.sqrt(k)
            upper += math.log(math.ceil(math.pi / (2.0 * math.asin(step / (2.0 * r))))) if step < 2.0 * r else 0.0
        lower = float(torch.log(2.0 * math.pi * self.radii).sum()) - log_ball_volume(k) - k * math.log(math.pi * eps)
        return max(lower, 0.0), upper

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        curves = [count * Sphere(1, r).mmse(sigma) for r, count in Counter(self.radii.tolist()).items()]
        return reduce(add, curves)

    def level_hints(self, stats: PlaneStatistics, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """The squared distance to the torus, and the excess of |y|^2 over |X|^2, a coordinate."""
        near = (rho2 + ((stats.norm - self.radii.to(rho2.device)) ** 2).sum(dim=1)) / (normal_dim + self.intrinsic_dim)
        far = (rho2 + (stats.norm**2).sum(dim=1) - self.second_moment) / (normal_dim + self.core_dim)
        return torch.stack([near, far.clamp(min=1e-300)], dim=1)
