"""Gaussian on a k-dimensional subspace, isotropic or with one standard deviation per axis. Unbounded: (A1) fails."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.core import Core, Posterior
from manifolds.shapes import CorePoints, Levels, PointStatistics, SquareStatistics, Values
from manifolds.streams import Stream

__all__ = ["AxisGaussian", "IsotropicGaussian", "gaussian"]

_LOG_2PI = math.log(2.0 * math.pi)


class IsotropicGaussian(Core[SquareStatistics]):
    """N(0, s^2 I_k) on R^k. The posterior of X given u = X + sigma z is N(c u, v I), c = s^2/(s^2+sigma^2), v = c
    sigma^2.

    >>> IsotropicGaussian(3, scale=2.0).mmse(torch.tensor([2.0]))  # k s^2 sigma^2/(s^2 + sigma^2)
    tensor([6.])
    """

    name, closed_form = "gaussian", True

    def __init__(self, dim: int, scale: float = 1.0):
        self.intrinsic_dim = self.core_dim = positive_int(dim, "dim")
        self.scale = positive_number(scale, "scale")

    def sample(self, n: int, stream: Stream) -> CorePoints:
        return self.scale * stream.normal(n, self.core_dim)

    def statistics(self, u: CorePoints) -> SquareStatistics:
        return SquareStatistics(u, (u * u).sum(dim=1))

    def posterior(self, stats: SquareStatistics, sigma: Levels, order: int) -> Posterior:
        k, norm2 = self.core_dim, stats.norm2[:, None]
        sigma2 = sigma * sigma
        constant, factor, keep = self.affine(sigma2)
        post = Posterior(log_p=torch.addcmul(constant, norm2, factor))
        if order >= 1:
            post.coef = keep.expand_as(post.log_p)[..., None]
        if order >= 2:
            shrink = sigma2 / (self.scale**2 + sigma2)  # 1 - c, without cancellation
            variance = keep * sigma2
            post.trace = (k * variance).expand_as(post.log_p)
            post.sqdist = post.trace + shrink * shrink * norm2
        if order >= 3:
            post.third = (-2.0 * variance * shrink).expand_as(post.log_p)[..., None]
        if order >= 4:
            post.var_sqdist = 2.0 * k * variance**2 + 4.0 * variance * shrink**2 * norm2
        return post

    def covariance(self, stats: SquareStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        return self.scale**2 * sigma**2 / (self.scale**2 + sigma**2) * v

    def log_tilt(self, stats: SquareStatistics, sigma: Levels) -> Values:
        sigma2, s2 = sigma * sigma, self.scale**2
        spread = self.core_dim * torch.log1p(s2 / sigma2)
        return 0.5 * (stats.norm2[:, None] * (s2 / (s2 + sigma2) / sigma2) - spread)

    def affine(self, sigma2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        total = sigma2 + self.scale**2
        factor = -0.5 / total
        return torch.log(total).add_(_LOG_2PI).mul_(-0.5 * self.core_dim), factor, (-2.0 * self.scale**2) * factor

    def assemble(self, stats: SquareStatistics, coef: torch.Tensor) -> CorePoints:
        return coef * stats.u

    def project(self, u: CorePoints) -> CorePoints:
        return u

    @property
    def second_moment(self) -> float:
        return self.core_dim * self.scale**2

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        return self.core_dim * self.scale**2 * sigma**2 / (self.scale**2 + sigma**2)


class AxisGaussian(Core[PointStatistics]):
    """N(0, diag(s_i^2)) on R^k: the isotropic formulas, axis by axis.

    >>> AxisGaussian([1.0, 2.0]).second_moment
    5.0
    """

    name = "gaussian"

    def __init__(self, scales: Sequence[float]):
        self.scales = torch.tensor([positive_number(float(s), "scale") for s in scales], dtype=torch.float64)
        self.intrinsic_dim = self.core_dim = positive_int(len(self.scales), "dim")

    def sample(self, n: int, stream: Stream) -> CorePoints:
        return stream.normal(n, self.core_dim) * self.scales

    def statistics(self, u: CorePoints) -> PointStatistics:
        return PointStatistics(u)

    def posterior(self, stats: PointStatistics, sigma: Levels, order: int) -> Posterior:
        square = (stats.u * stats.u)[:, None, :]
        sigma2 = (sigma * sigma)[..., None]
        s2 = self.scales.to(square.device) ** 2
        total = s2 + sigma2
        post = Posterior(log_p=-0.5 * (_LOG_2PI + torch.log(total) + square / total).sum(dim=-1))
        shape = (*post.log_p.shape, self.core_dim)
        if order >= 1:
            post.coef = (s2 / total).expand(shape)
        if order >= 2:
            shrink, variance = sigma2 / total, s2 * sigma2 / total
            post.trace = variance.sum(dim=-1).expand_as(post.log_p)
            post.sqdist = post.trace + (shrink * shrink * square).sum(dim=-1)
        if order >= 3:
            post.third = (-2.0 * variance * shrink).expand(shape)
        if order >= 4:
            post.var_sqdist = (2.0 * variance**2 + 4.0 * variance * shrink**2 * square).sum(dim=-1)
        return post

    def covariance(self, stats: PointStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        s2 = self.scales.to(sigma.device) ** 2
        return s2 * sigma**2 / (s2 + sigma**2) * v

    def log_tilt(self, stats: PointStatistics, sigma: Levels) -> Values:
        sigma2, s2 = (sigma * sigma)[..., None], self.scales.to(sigma.device) ** 2
        square = (stats.u * stats.u)[:, None, :]
        return 0.5 * (square * (s2 / (s2 + sigma2) / sigma2) - torch.log1p(s2 / sigma2)).sum(dim=-1)

    def coef_width(self, stats: PointStatistics) -> int:
        return self.core_dim

    def assemble(self, stats: PointStatistics, coef: torch.Tensor) -> CorePoints:
        return coef * stats.u

    def project(self, u: CorePoints) -> CorePoints:
        return u

    @property
    def second_moment(self) -> float:
        return float((self.scales**2).sum())

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        s2 = self.scales[:, None] ** 2
        return (s2 * sigma**2 / (s2 + sigma**2)).sum(dim=0)


def gaussian(dim: int, scale: float | Sequence[float] = 1.0) -> Core:
    """N(0, diag(scale^2)) on a dim-dimensional subspace.

    Args:
        dim: k.
        scale: standard deviation, one number or one per axis.

    Raises:
        ValueError: dim is not an integer >= 1, a scale is not > 0, or their number is not dim.

    >>> type(gaussian(2)).__name__, type(gaussian(2, [1.0, 2.0])).__name__
    ('IsotropicGaussian', 'AxisGaussian')
    """
    dim = positive_int(dim, "dim")
    if isinstance(scale, (int, float)):
        return IsotropicGaussian(dim, scale)
    if len(scale) != dim:
        raise ValueError(f"scale must be one number or {dim} numbers, got {len(scale)}")
    return AxisGaussian(scale)
