"""Uniform law on a k-ball: bounded and flat. Given |X| = s the posterior is that of a sphere; s is integrated out.

Density and mean need no integral: with p = P(|u + sigma Z| <= R)/V the density of u = X + sigma Z, X uniform on the
k-ball of volume V, and q the same with two more degrees of freedom, E[X | u] = (q/p) u (`special.ball_mass`).
"""

from __future__ import annotations

import math

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.core import Core, Posterior, round_product
from manifolds.laws.cube import Cube
from manifolds.laws.sphere import sphere_posterior
from manifolds.shapes import Bounds, CorePoints, Levels, NormStatistics, Rows, Values
from manifolds.special import bessel_ratio
from manifolds.special.ball_mass import ball_mass
from manifolds.special.quadrature import legendre
from manifolds.special.volumes import ball_covering, log_ball_volume
from manifolds.streams import Stream

__all__ = ["Ball", "ball"]

_NODES = 72  # on the widest window, 22 sigma; 32 on those no wider than 10 sigma: spacing below 1.1 posterior sd
_FEW_NODES = 32
_REACH = 11.0  # standard deviations of noise around |u| that hold |X|, up to e^-45
_DROP = 45.0
_CHUNK = 1 << 12


class Ball(Core[NormStatistics]):
    """Uniform on the ball of radius R of R^k, k >= 2; m = k.

    The density of s = |X| given u, without the cut at R, is that of a non-central chi variable times sigma. It is
    log-concave, at least as peaked as a Gaussian of width sigma, and its mode is within 1.5 sigma of s0 = sqrt(|u|^2 +
    (k-1) sigma^2). Where s0 + 11 sigma <= R the ball's border is not felt and the posterior is N(u, sigma^2 I).
    Elsewhere density and mean are sums of Bessel functions, and higher moments, and levels below R/120 near the border,
    take Gauss-Legendre quadrature over the part of [0, R] that holds all but e^-45.

    Args:
        dim: k >= 2 (see `ball` for k = 1).
        radius: R.

    Raises:
        ValueError: dim is not an integer >= 2 or radius is not > 0.

    >>> Ball(3, radius=2.0).project(torch.tensor([[0.0, 0.0, 5.0]], dtype=torch.float64))
    tensor([[0., 0., 2.]], dtype=torch.float64)
    """

    name = "ball"

    def __init__(self, dim: int, radius: float = 1.0):
        if positive_int(dim, "dim") < 2:
            raise ValueError(f"dim must be an integer >= 2 for Ball, got {dim}")
        self.intrinsic_dim = self.core_dim = dim
        self.radius = positive_number(radius, "radius")
        self._log_volume = log_ball_volume(dim) + dim * math.log(radius)

    def sample(self, n: int, stream: Stream) -> CorePoints:
        z = stream.child("direction").normal(n, self.core_dim)
        length = self.radius * stream.child("radius").uniform(n) ** (1.0 / self.core_dim)
        return length[:, None] * z / z.norm(dim=1, keepdim=True)

    def statistics(self, u: CorePoints) -> NormStatistics:
        return NormStatistics(u, u.norm(dim=1))

    def posterior(self, stats: NormStatistics, sigma: Levels, order: int) -> Posterior:
        norm, level = torch.broadcast_tensors(stats.norm[:, None], sigma)
        return self._by_level(norm, level, order)

    def _by_level(self, norm: torch.Tensor, level: torch.Tensor, order: int) -> Posterior:
        shape, norm, level = norm.shape, norm.reshape(-1), level.reshape(-1)
        fields = self._unbounded(level, order)
        felt = (self._centre(norm, level) + _REACH * level > self.radius).nonzero()[:, 0]
        if order <= 1:
            at_border, coef = self._mass(norm[felt], level[felt])
            fields[0][felt] = at_border - 0.5 * ((norm[felt] - self.radius) / level[felt]) ** 2
            fields[1][felt] = coef
        else:
            for field, values in zip(fields, self._bounded(norm[felt], level[felt], order)):
                field[felt] = values
        fields = [field.reshape(shape) for field in fields]
        post = Posterior(log_p=fields[0])
        if order >= 1:
            post.coef = fields[1][..., None]
        if order >= 2:
            post.sqdist, post.trace = fields[2:4]
        if order >= 3:
            post.third = fields[4][..., None]
        if order >= 4:
            post.var_sqdist = fields[5]
        return post

    def _centre(self, norm: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(norm**2 + (self.core_dim - 1) * level**2)

    def _unbounded(self, level: torch.Tensor, order: int) -> list[torch.Tensor]:
        """(log p, coef, squared distance, trace, third, its variance) of N(u, sigma^2 I), those of an order."""
        fields = [torch.full_like(level, -self._log_volume), torch.ones_like(level)]
        if order <= 1:
            return fields
        spread = self.core_dim * level**2
        return [*fields, spread, spread.clone(), torch.zeros_like(level), 2.0 * spread * level**2]

    def _mass(self, norm: torch.Tensor, level: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(log p + (|u| - R)^2/(2 sigma^2), coefficient of the mean)."""
        log_mass, coef, known = ball_mass(self.core_dim, self.radius, norm, level)
        at_border, rest = log_mass - self._log_volume, (~known).nonzero()[:, 0]
        if len(rest):
            fields = self._bounded(norm[rest], level[rest], 1)
            at_border[rest], coef[rest] = fields[6], fields[1]
        return at_border, coef

    def _bounded(self, norm: torch.Tensor, level: torch.Tensor, order: int) -> list[torch.Tensor]:
        """Every field by quadrature over s = |X|, and log p + (|u| - R)^2/(2 sigma^2)."""
        parts = zip(norm.split(_CHUNK), level.split(_CHUNK))
        return [torch.cat(values) for values in zip(*(self._by_radius(*part, order) for part in parts))]

    def _by_radius(self, norm: torch.Tensor, level: torch.Tensor, order: int) -> list[torch.Tensor]:
        k, R = self.core_dim, self.radius
        # slope of the log density of s at the border; where it rises, the mass is within L of it:
        # slope L + L^2/(2 sigma^2) = DROP
        slope = (k - 1) / R + (norm * bessel_ratio(0.5 * k - 1.0, R * norm / level**2) - R) / level**2
        rise = slope.clamp(min=0.0) * level
        border = 2.0 * _DROP * level / (rise + torch.sqrt(rise * rise + 2.0 * _DROP))
        inner = R - (self._centre(norm, level).clamp(max=R) - _REACH * level)
        length = torch.where(slope > 0, border, inner).clamp(max=R)
        fields = norm.new_empty(7, len(norm))
        narrow = length <= 10.0 * level
        for group, nodes in ((narrow, _FEW_NODES), (~narrow, _NODES)):
            fields[:, group] = torch.stack(self._radial(norm[group], level[group], length[group], nodes, order))
        return list(fields)

    def _radial(
        self, norm: torch.Tensor, level: torch.Tensor, length: torch.Tensor, nodes: int, order: int
    ) -> list[torch.Tensor]:
        """Quadrature over s in [R - length, R]."""
        k, R = self.core_dim, self.radius
        x, w = (value.to(norm.device) for value in legendre(nodes))
        length = length[:, None]
        depth = length * x
        s = R - depth
        norm, level = norm[:, None], level[:, None]
        # squared distances less that to the border, which may be most of them
        each = sphere_posterior(k, s, norm, level, max(order, 1), depth * (2.0 * (norm - R) + depth))
        log_weight = each.log_p + (k - 1) * torch.log(s / R) + torch.log(w * length * (k / R))
        at_border = torch.logsumexp(log_weight, dim=1, keepdim=True)
        share = torch.exp(log_weight - at_border)
        log_p = at_border - 0.5 * ((norm - R) / level) ** 2

        def average(values: torch.Tensor) -> torch.Tensor:
            return (share * values).sum(dim=1, keepdim=True)

        coef = average(each.coef)
        zero = torch.zeros_like(coef)
        sqdist = trace = third = var_sqdist = zero
        if order >= 2:
            sqdist = average(each.sqdist)
            trace = average(each.trace + ((each.coef - coef) * norm) ** 2)
        if order >= 3:
            third = average(each.third + (each.coef - coef) * (each.sqdist - sqdist))
        if order >= 4:
            var_sqdist = average(each.var_sqdist + (each.sqdist - sqdist) ** 2)
        return [v[:, 0] for v in (log_p, coef, sqdist, trace, third, var_sqdist, at_border)]

    def log_tilt(self, stats: NormStatistics, sigma: Levels) -> Values:
        """From the density less exp(-(|u| - R)^2/(2 sigma^2)), where |u| > R; nearer no digits are lost."""
        norm, level = torch.broadcast_tensors(stats.norm[:, None], sigma)
        free = 0.5 * self.core_dim * torch.log(2.0 * math.pi * level**2)
        tilt = self._by_level(norm, level, 0).log_p + 0.5 * (norm / level) ** 2 + free
        far = (norm > self.radius).nonzero(as_tuple=True)
        if len(far[0]):
            at_border, _ = self._mass(norm[far], level[far])
            tilt[far] = at_border + self.radius * (norm[far] - 0.5 * self.radius) / level[far] ** 2 + free[far]
        return tilt

    def across_and_along(self, stats: NormStatistics, sigma: torch.Tensor) -> tuple[Rows, Rows]:
        """Across u it is sigma^2 times the mean's coefficient, as for every round law; along u the rest of the
        trace."""
        post = self.posterior(stats, sigma, 2)
        across = sigma[:, 0] ** 2 * post.coef[:, 0, 0]
        return across, (post.trace[:, 0] - (self.core_dim - 1) * across).clamp(min=0.0)

    def covariance(self, stats: NormStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        return round_product(stats.u, stats.norm, *self.across_and_along(stats, sigma), v)

    def assemble(self, stats: NormStatistics, coef: torch.Tensor) -> CorePoints:
        return coef * stats.u

    def project(self, u: CorePoints) -> CorePoints:
        return u * (self.radius / u.norm(dim=1, keepdim=True).clamp(min=self.radius))

    @property
    def second_moment(self) -> float:
        return self.radius**2 * self.core_dim / (self.core_dim + 2.0)

    def log_covering_number(self, eps: float) -> Bounds:
        return ball_covering(self.core_dim, self.radius, eps)

    def mmse(self, sigma: torch.Tensor) -> torch.Tensor:
        """By 8 panels over |u| near the border; the border is not felt further in, where the trace is k sigma^2."""
        k, R = self.core_dim, self.radius
        x, w = legendre(16)
        level = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1)
        inner = ((R - _REACH * level).clamp(min=0.0) ** 2 - (k - 1) * level**2).clamp(min=0.0).sqrt()
        width = (torch.sqrt(R * R + k * level**2) + _REACH * level - inner) / 8.0
        norm = inner + width * (torch.arange(8.0, dtype=torch.float64)[:, None] + x).reshape(-1)  # (levels, 128)
        post = self._by_level(norm, level.expand_as(norm), 2)
        log_mass = post.log_p + self._log_volume + math.log(k) - math.log(R) + (k - 1) * torch.log(norm / R)
        near = (width * w.repeat(8) * torch.exp(log_mass) * post.trace).sum(dim=1)
        return near + ((inner / R) ** k * k * level**2)[:, 0]


def ball(dim: int, radius: float = 1.0) -> Core:
    """Uniform on a k-ball of radius R; for k = 1 the interval [-R, R].

    >>> ball(1).name, ball(2).name
    ('cube', 'ball')
    """
    return Cube(1, positive_number(radius, "radius")) if positive_int(dim, "dim") == 1 else Ball(dim, radius)
