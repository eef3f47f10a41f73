"""Uniform law on a sphere. With kappa = R|u|/sigma^2 the posterior of X/R is von Mises-Fisher of concentration
kappa."""

from __future__ import annotations

import math

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.core import Core, Posterior, round_product
from manifolds.shapes import Bounds, CorePoints, Levels, NormStatistics, Rows, Values
from manifolds.special import bessel_moments, log_sphere_mgf
from manifolds.special.quadrature import legendre
from manifolds.special.volumes import sphere_covering
from manifolds.streams import Stream

__all__ = ["Sphere", "sphere_mean", "sphere_posterior", "sphere_tilt", "sphere_variances"]


def sphere_mean(
    core_dim: int, radius: float | torch.Tensor, norm: torch.Tensor, inverse: torch.Tensor, moments: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
    """(log E exp(<X, u>/sigma^2) - kappa, coefficient of u in E[X | u]; and with `moments` r/kappa, r and r'), r the
    Bessel ratio at kappa = R |u|/sigma^2, given inverse = sigma^-2.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> sphere_mean(3, 1.0, one, one)[1]  # in R^3 the Bessel ratio is coth(1) - 1
    tensor([0.3130], dtype=torch.float64)
    """
    kappa = (radius * norm) * inverse
    order = 0.5 * core_dim - 1.0
    by_kappa, ratio, slope, log_mgf = bessel_moments(order, kappa, with_log=True, with_derivative=moments)
    assert log_mgf is not None
    return log_mgf, by_kappa * (radius**2 * inverse), by_kappa, ratio, slope


def sphere_posterior(
    core_dim: int,
    radius: float | torch.Tensor,
    norm: torch.Tensor,
    sigma: torch.Tensor,
    order: int,
    square: torch.Tensor | None = None,
) -> Posterior:
    """Posterior of X uniform on the sphere of radius R in R^m given |u| = norm; arguments that broadcast.

    `square` stands for (norm - R)^2 in the log density, for callers that know it less a part that they add later.

    All fields have the common shape; coef and third multiply u. Every difference that could cancel is a sum of positive
    terms: with r the Bessel ratio and v its derivative, 1 - r^2 = v + (m-1) r/kappa.

    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> sphere_posterior(3, 1.0, one, one, 2).trace
    tensor([[0.9020]], dtype=torch.float64)
    """
    inverse = 1.0 / (sigma * sigma)
    square = (norm - radius) ** 2 if square is None else square
    half_log = torch.addcmul(0.5 * core_dim * torch.log(2.0 * math.pi * sigma * sigma), 0.5 * square, inverse)
    if order == 0:
        return Posterior(log_p=log_sphere_mgf(0.5 * core_dim - 1.0, radius * norm * inverse, scaled=True) - half_log)
    log_mgf, coef, by_kappa, ratio, slope = sphere_mean(core_dim, radius, norm, inverse, moments=order >= 2)
    post = Posterior(log_p=log_mgf - half_log, coef=coef)
    if by_kappa is None or ratio is None or slope is None:  # order 1
        return post
    if order >= 2:
        defect = slope + (core_dim - 1) * by_kappa  # 1 - r^2
        post.trace = radius**2 * defect
        post.sqdist = (norm - radius) ** 2 + 2.0 * radius * norm * defect / (1.0 + ratio)
    if order >= 3:
        post.third = -2.0 * radius**2 * slope
    if order >= 4:
        post.var_sqdist = 4.0 * (radius * norm) ** 2 * slope
    return post


def sphere_tilt(core_dim: int, radius: float | torch.Tensor, norm: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """log E exp((<u, X> - R^2/2)/sigma^2) for |u| = norm; arguments that broadcast.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> sphere_tilt(3, 1.0, one, one)  # log sinh(1) - 1/2
    tensor([-0.3386], dtype=torch.float64)
    """
    kappa = radius * norm / sigma**2
    return log_sphere_mgf(0.5 * core_dim - 1.0, kappa) - 0.5 * radius**2 / sigma**2


def sphere_variances(
    core_dim: int, radius: float | torch.Tensor, norm: torch.Tensor, inverse: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Posterior variances of X across and along u, R^2 r/kappa and R^2 r', given inverse = sigma^-2.

    >>> one = torch.ones(1, dtype=torch.float64)
    >>> sphere_variances(3, 1.0, one, one)
    (tensor([0.3130], dtype=torch.float64), tensor([0.2759], dtype=torch.float64))
    """
    _, _, by_kappa, _, slope = sphere_mean(core_dim, radius, norm, inverse, moments=True)
    assert by_kappa is not None and slope is not None
    return radius**2 * by_kappa, radius**2 * slope


class Sphere(Core[NormStatistics]):
    """Uniform on the sphere S^k of radius R in R^m, m = k + 1.

    Args:
        dim: k.
        radius: R.

    Raises:
        ValueError: dim is not an integer >= 1 or radius is not > 0.

    >>> Sphere(2).project(torch.tensor([[0.0, 3.0, 4.0]], dtype=torch.float64))
    tensor([[0.0000, 0.6000, 0.8000]], dtype=torch.float64)
    """

    name = "sphere"

    def __init__(self, dim: int, radius: float = 1.0):
        self.intrinsic_dim = positive_int(dim, "dim")
        self.core_dim = self.intrinsic_dim + 1
        self.radius = positive_number(radius, "radius")

    def sample(self, n: int, stream: Stream) -> CorePoints:
        z = stream.normal(n, self.core_dim)
        return self.radius * z / z.norm(dim=1, keepdim=True)

    def statistics(self, u: CorePoints) -> NormStatistics:
        return NormStatistics(u, u.norm(dim=1))

    def posterior(self, stats: NormStatistics, sigma: Levels, order: int) -> Posterior:
        post = sphere_posterior(self.core_dim, self.radius, stats.norm[:, None], sigma, order)
        if order >= 1:
            post.coef = post.coef[..., None]
        if order >= 3:
            post.third = post.third[..., None]
        return post

    def log_tilt(self, stats: NormStatistics, sigma: Levels) -> Values:
        return sphere_tilt(self.core_dim, self.radius, stats.norm[:, None], sigma)

    def across_and_along(self, stats: NormStatistics, sigma: torch.Tensor) -> tuple[Rows, Rows]:
        return sphere_variances(self.core_dim, self.radius, stats.norm, 1.0 / (sigma * sigma)[:, 0])

    def covariance(self, stats: NormStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        return round_product(stats.u, stats.norm, *self.across_and_along(stats, sigma), v)

    def assemble(self, stats: NormStatistics, coef: torch.Tensor) -> CorePoints:
        return coef * stats.u

    def project(self, u: CorePoints) -> CorePoints:
        """Radial; the centre, whose nearest points are all of the sphere, goes to the first axis."""
        norm = u.norm(dim=1, keepdim=True)
        pole = torch.zeros_like(u)
        pole[:, 0] = 1.0
        return self.radius * torch.where(norm > 0, u / torch.where(norm > 0, norm, torch.ones_like(norm)), pole)

    @property
    def second_moment(self) -> float:
        return self.radius**2

    def log_covering_number(self, eps: float) -> Bounds:
        return sphere_covering(self.intrinsic_dim, self.radius, eps)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        """By Gauss-Legendre quadrature over |u|, a 1-Lipschitz function of the noise: 10 standard deviations hold
        all."""
        sigma = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1)
        centre = torch.sqrt(self.radius**2 + self.core_dim * sigma**2)
        low = (centre - 10.0 * sigma).clamp(min=0.0)
        x, w = legendre(128)
        norm = low + (centre + 10.0 * sigma - low) * x
        post = sphere_posterior(self.core_dim, self.radius, norm, sigma, 2)
        log_weight = post.log_p + (self.core_dim - 1) * torch.log(norm) + torch.log(w)
        return (torch.softmax(log_weight, dim=1) * post.trace).sum(dim=1)

    def level_hints(self, stats: NormStatistics, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """The squared distance to the sphere, and the excess of |y|^2 over R^2, a coordinate."""
        near = (rho2 + (stats.norm - self.radius) ** 2) / (normal_dim + 1)
        far = (rho2 + stats.norm**2 - self.radius**2) / (normal_dim + self.core_dim)
        return torch.stack([near, far.clamp(min=1e-300)], dim=1)
