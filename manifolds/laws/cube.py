"""Uniform law on a cube [-L, L]^k: bounded, and each coordinate's posterior is a truncated normal."""

from __future__ import annotations

import math

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.core import Core, Posterior
from manifolds.shapes import Bounds, CorePoints, Levels, PointStatistics, Values
from manifolds.special import truncated_normal
from manifolds.special.quadrature import legendre
from manifolds.special.volumes import log_ball_volume
from manifolds.streams import Stream

__all__ = ["Cube"]

_FAR_NODES, _DROP = 40, 45.0
_NODES = 20  # for sinh(8 x) e^(-1.125 x^2) on [0, 1], to rounding


class Cube(Core[PointStatistics]):
    """Uniform on [-L, L]^k, m = k, R = L sqrt(k).

    Args:
        dim: k.
        half_width: L.

    Raises:
        ValueError: dim is not an integer >= 1 or half_width is not > 0.

    >>> Cube(2, half_width=0.5).project(torch.tensor([[3.0, 0.2]], dtype=torch.float64))
    tensor([[0.5000, 0.2000]], dtype=torch.float64)
    """

    name = "cube"

    def __init__(self, dim: int, half_width: float = 1.0):
        self.intrinsic_dim = self.core_dim = positive_int(dim, "dim")
        self.half_width = positive_number(half_width, "half_width")
        self.radius = self.half_width * math.sqrt(dim)

    def sample(self, n: int, stream: Stream) -> CorePoints:
        return self.half_width * (2.0 * stream.uniform(n, self.core_dim) - 1.0)

    def statistics(self, u: CorePoints) -> PointStatistics:
        return PointStatistics(u)

    def posterior(self, stats: PointStatistics, sigma: Levels, order: int) -> Posterior:
        """With T the standard normal cut to [a, a + 2L/sigma], a = (|u_i| - L)/sigma: |u_i| - X_i = sigma T by
        reflection, so X_i = sign(u_i) (L - sigma (T - a)), exact at the nearer face however far u is."""
        u, half = stats.u[:, None, :], self.half_width
        level = sigma[..., None]
        a = (u.abs() - half) / level
        cut = truncated_normal(a, 2.0 * half / level, order=max(order, 1))
        post = Posterior(log_p=(cut.log_mass - math.log(2.0 * half)).sum(dim=-1))
        sign = torch.where(u >= 0, 1.0, -1.0)
        if order >= 1:
            post.coef = sign * self._mean(u.abs(), level, half - level * cut.offset)
        if cut.variance is None or cut.third is None or cut.fourth is None:  # order 1
            return post
        if order >= 2:
            t = a + cut.offset  # E[T]
            variance = level**2 * cut.variance
            post.trace = variance.sum(dim=-1)
            post.sqdist = (variance + (level * t) ** 2).sum(dim=-1)
        if order >= 3:  # Cov(T, T^2) and Var(T^2) from central moments
            post.third = -sign * level**3 * (cut.third + 2.0 * t * cut.variance)
        if order >= 4:
            fourth = cut.fourth - cut.variance**2 + 4.0 * t * cut.third + 4.0 * t * t * cut.variance
            post.var_sqdist = (level**4 * fourth).sum(dim=-1)
        return post

    def log_tilt(self, stats: PointStatistics, sigma: Levels) -> Values:
        """From the nearer face: u x - x^2/2 = u L - L^2/2 - t (u - L) - t^2/2 at x = L - t; what depends on t is
        integrated up to where it has fallen by e^-45."""
        half, level = self.half_width, sigma[..., None]
        distance = stats.u.abs()[:, None, :]
        a, width = torch.broadcast_tensors((distance - half) / level, 2.0 * half / level)
        x, weight = (value.to(a.device) for value in legendre(_FAR_NODES))
        low = a.clamp(min=0.0)
        # inside the cube (a < 0) the density in t rises first: all of its width is kept
        reach = torch.where(a > 0, 2.0 * _DROP / (low + torch.sqrt(low * low + 2.0 * _DROP)), width)
        length = torch.minimum(width, reach)[..., None]
        mass = (torch.exp(-length * x * (a[..., None] + 0.5 * length * x)) * weight).sum(dim=-1) * length[..., 0]
        return (half * (distance - 0.5 * half) / level**2 + torch.log(mass / width)).sum(dim=-1)

    def _mean(self, distance: torch.Tensor, level: torch.Tensor, from_face: torch.Tensor) -> torch.Tensor:
        """E[X_i] for |u_i| = distance. Counted from the face it has no relative digits left where it is small against
        L: near the centre of a cube much wider than the noise, and wherever the noise is wider than the cube."""
        half = self.half_width
        distance, level = torch.broadcast_tensors(distance, level)
        out = from_face.clone()
        tilt, bend = distance * half / level**2, (half / level) ** 2
        wide = (bend > 2.25) & (distance < half)
        if bool(wide.any()):
            # |u| - sigma E[T], E[T] a difference of densities at the two faces, as a product
            near, w = (half - distance[wide]) / level[wide], 2.0 * half / level[wide]
            mass = 0.5 * (torch.erfc(-near * math.sqrt(0.5)) - torch.erfc((w - near) * math.sqrt(0.5)))
            fall = torch.exp(-0.5 * near * near) / math.sqrt(2.0 * math.pi) * -torch.expm1(-2.0 * tilt[wide])
            out[wide] = distance[wide] - level[wide] * fall / mass
        narrow = (bend <= 2.25) & (tilt <= 8.0)
        if bool(narrow.any()):
            x, weight = (value.to(level.device) for value in legendre(_NODES))
            a, b = tilt[narrow][:, None], bend[narrow][:, None]
            density = torch.exp(-0.5 * b * x * x) * weight
            odd = (density * x * torch.sinh(a * x)).sum(dim=1)
            out[narrow] = half * odd / (density * torch.cosh(a * x)).sum(dim=1)
        return out

    def covariance(self, stats: PointStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        a = (stats.u.abs() - self.half_width) / sigma
        variance = truncated_normal(a, 2.0 * self.half_width / sigma, order=2).variance
        assert variance is not None
        return sigma**2 * variance * v

    def coef_width(self, stats: PointStatistics) -> int:
        return self.core_dim

    def assemble(self, stats: PointStatistics, coef: torch.Tensor) -> CorePoints:
        return coef

    def project(self, u: CorePoints) -> CorePoints:
        return u.clamp(-self.half_width, self.half_width)

    @property
    def second_moment(self) -> float:
        return self.core_dim * self.half_width**2 / 3.0

    def log_covering_number(self, eps: float) -> Bounds:
        """Lower: volume. Upper: cells of side 2 eps/sqrt(k)."""
        if eps >= self.radius:
            return 0.0, 0.0
        k = self.core_dim
        lower = k * math.log(2.0 * self.half_width / eps) - log_ball_volume(k)
        return max(lower, 0.0), k * math.log(math.ceil(self.radius / eps))

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        """k times the one-dimensional integral over u of density and variance, in Gauss-Legendre panels of sigma's
        size."""
        curve = []
        x, w = legendre(16)
        for level in torch.as_tensor(sigma, dtype=torch.float64).reshape(-1).tolist():
            # by symmetry over u >= 0: smooth on the scale of sigma near the face, flat far inside
            half = self.half_width
            inner = max(half - 10.0 * level, 0.0)
            edges = inner + (half + 10.0 * level - inner) * torch.linspace(0.0, 1.0, 33, dtype=torch.float64)
            width = edges.diff()[:, None]
            u = (edges[:-1, None] + width * x).reshape(-1, 1)
            post = Cube(1, half).posterior(PointStatistics(u), torch.tensor([[level]], dtype=torch.float64), 2)
            near = (width * w).reshape(-1) @ (torch.exp(post.log_p[:, 0]) * post.trace[:, 0])
            curve.append(2.0 * self.core_dim * (near + inner / (2.0 * half) * level**2))
        return torch.stack(curve)
