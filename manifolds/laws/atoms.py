"""Finite sets of weighted points: any data set, random codes, and the nodes of a quadrature rule on a surface."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch

from manifolds.checks import positive_int, positive_number, probabilities
from manifolds.core import ROUNDING, Core, Posterior, join_rows
from manifolds.shapes import Bounds, CorePoints, Levels, PointStatistics, Rows, Values
from manifolds.special.blind_weights import BlindWeights
from manifolds.special.distances import Atlas
from manifolds.streams import Stream, stream

__all__ = ["Atoms", "atoms", "random_code"]

_CHUNK = 1 << 21  # float64 numbers held at a time for (rows, levels, atoms)
_LEAST_LOG = -650.0  # of a weight; smaller ones are zero: products of theirs would be denormal numbers, and slow
_LIGHT = 1e-100  # a weight below this may make all of a row's weights vanish
_MAX_CODE = 1 << 17
_MAX_GREEDY = 1000


class PiecewisePower(Protocol):
    """What is used of a prior of the noise level: its low end, knots in log sigma, and the density there."""

    low: float
    knots: torch.Tensor

    def log_density_log(self, s: torch.Tensor) -> torch.Tensor: ...


class Atoms(Core[PointStatistics]):
    """sum_i w_i delta_{x_i} on R^m. The posterior weights are the softmax of log w_i - |u - x_i|^2/(2 sigma^2).

    Means are given in the coordinates of R^m themselves (B = m), and nothing of size (n, N, m) is formed.

    Args:
        points: (N, m), finite.
        weights: N probabilities; None is uniform.
        intrinsic_dim: the k that the set is counted with (0: a finite set has no dimension).
        name: the registry's name.

    Raises:
        ValueError: points are not a finite (N, m) array, or weights that do not sum to one.

    >>> core = Atoms([[-1.0], [1.0]], [0.25, 0.75])
    >>> core.mean, core.second_moment
    (tensor([0.5000], dtype=torch.float64), 1.0)
    """

    needs_normal = False
    finite = True
    finest_sigma = 0.0  # quadrature nodes: the finest noise level that they resolve

    def __init__(
        self,
        points: torch.Tensor | Sequence[Sequence[float]],
        weights: torch.Tensor | Sequence[float] | None = None,
        intrinsic_dim: int = 0,
        name: str = "atoms",
    ):
        self.points = torch.as_tensor(points, dtype=torch.float64)
        if self.points.ndim != 2 or 0 in self.points.shape or not bool(torch.isfinite(self.points).all()):
            raise ValueError(f"points must be a finite array of shape (N, m), got shape {tuple(self.points.shape)}")
        count, self.core_dim = self.points.shape
        uniform = torch.full((count,), 1.0 / count, dtype=torch.float64)
        self.weights = uniform if weights is None else probabilities(weights, "weights", count)
        self.intrinsic_dim, self.name = intrinsic_dim, name
        self.radius = float(self.points.norm(dim=1).max())
        self.rounding = ROUNDING * float(self.points.norm(dim=1).max())
        self._log_weights = torch.log(self.weights)
        self._lightest, self._heaviest = (float(end) for end in torch.aminmax(self.weights))
        self._atlas = Atlas(self.points)
        self._mean = self.weights @ self.points
        self._second_moment = float(self.weights @ (self.points**2).sum(dim=1))

    def sample(self, n: int, stream: Stream) -> CorePoints:
        return self.points[stream.categorical(self.weights, n)]

    def statistics(self, u: CorePoints) -> PointStatistics:
        return PointStatistics(u)

    def check_level(self, finest: float) -> None:
        """Quadrature nodes refuse a level that is too fine for them."""

    def posterior(self, stats: PointStatistics, sigma: Levels, order: int) -> Posterior:
        u = stats.u
        if self.finest_sigma and sigma.numel():  # no level where there are no points
            self.check_level(float(sigma.min()))
        sigma = sigma.expand(u.shape[0], sigma.shape[1])
        size = max(_CHUNK // (len(self.points) * sigma.shape[1]), 1)
        parts = [self._posterior(rows, levels, order) for rows, levels in zip(u.split(size), sigma.split(size))]
        return join_rows(parts, order)

    def _weigh(
        self, u: CorePoints, sigma: Levels, moments: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """(weights (n, q, N) up to a factor, their sums (n, q, 1), log of the sums with the factor (n, q), least
        squared distance (n,), with `moments` gaps to it (n, N)).

        With `moments` the factor makes the largest weight one: the digits of a posterior that sits on one atom are then
        those of the others' weights.
        """
        sigma2 = sigma * sigma
        least, gap, farthest = self._atlas.nearest_and_gaps(u, *_ends(sigma2))
        scale = (-0.5 / sigma2)[..., None]
        logits = gap[:, None].mul_(scale) if sigma.shape[1] == 1 and not moments else gap[:, None] * scale
        top = None
        if self._lightest < self._heaviest:
            logits.add_(self._log_weights.to(u.device))
        if moments or self._lightest < _LIGHT:  # else the nearest atom's weight is a number as it stands
            top = logits.amax(dim=-1, keepdim=True)
            logits.sub_(top)
        share = logits
        if sigma2.numel() and farthest > -1.5 * _LEAST_LOG * float(sigma2.min()):
            share = torch.threshold_(share.clamp_(min=_LEAST_LOG).exp_(), 2.0 * math.exp(_LEAST_LOG), 0.0)
        else:
            share = share.exp_()
        mass = share.sum(dim=-1, keepdim=True)
        log_mass = torch.log(mass) if top is None else torch.log(mass) + top
        if self._lightest == self._heaviest:
            log_mass = log_mass + math.log(self._lightest)
        return share, mass, log_mass[..., 0], least, gap

    def _posterior(self, u: CorePoints, sigma: Levels, order: int) -> Posterior:
        sigma2, points = sigma * sigma, self.points.to(u.device)
        share, mass, log_mass, least, gap = self._weigh(u, sigma, order >= 2)
        post = Posterior(
            log_p=log_mass - 0.5 * (least[:, None] / sigma2 + self.core_dim * torch.log(2.0 * math.pi * sigma2))
        )
        if order == 1:
            post.coef = (share @ points).div_(mass)
        if order >= 2:
            share.div_(mass)
            beyond = (share @ gap[..., None])[..., 0]
            post.sqdist = least[:, None] + beyond
            # about the nearest atom and without it, so that a posterior that sits on it keeps the digits of its spread
            nearest = gap.argmin(dim=1)
            near, place = points[nearest][:, None], nearest[:, None, None].expand(-1, share.shape[1], 1)
            own = share.gather(2, place)
            share.scatter_(2, place, 0.0)
            shift = share @ points - share.sum(dim=2, keepdim=True) * near
            between = self._atlas.squared_distances(near[:, 0], *_ends(sigma2))
            spread = (share @ between[..., None])[..., 0]
            post.coef = near + shift
            post.trace = (spread - (shift**2).sum(dim=-1)).clamp(min=0.0)
            share.scatter_(2, place, own)
        if order >= 3:
            excess = gap[:, None, :] - beyond[..., None]
            weighted = share * excess
            post.third = weighted @ points
        if order >= 4:
            post.var_sqdist = (weighted * excess).sum(dim=-1)
        return post

    def log_tilt(self, stats: PointStatistics, sigma: Levels) -> Values:
        points = self.points.to(stats.u.device)
        rise = stats.u @ points.T - 0.5 * (points * points).sum(dim=1)
        logits = self._log_weights.to(rise.device) + rise[:, None, :] / (sigma * sigma)[..., None]
        return torch.logsumexp(logits, dim=-1)

    def covariance(self, stats: PointStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        """About the nearest atom, so that a posterior that sits on one atom keeps the digits of its small spread."""
        size = max(_CHUNK // len(self.points), 1)
        parts = zip(stats.u.split(size), sigma.split(size), v.split(size))
        return torch.cat([self._covariance(u, levels, along) for u, levels, along in parts])

    def _covariance(self, u: CorePoints, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        points = self.points.to(u.device)
        share, mass, _, _, gap = self._weigh(u, sigma, True)
        share, near = (share / mass)[:, 0], points[gap.argmin(dim=1)]
        # (x_i - x_0).v for the nearest x_0, weighted: E[(X - x_0)(X - x_0).v] - E[X - x_0] E[(X - x_0).v]
        along = share * (v @ points.T - (near * v).sum(dim=1, keepdim=True))
        shift = share @ points - near
        return along @ points - along.sum(dim=1, keepdim=True) * (near + shift)

    def blind_mean(
        self, u: torch.Tensor, rho2: torch.Tensor, prior: PiecewisePower, normal_dim: int, tol: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(f*(y) in core coordinates (n, m), which rows (n,) may miss relative tol), for a piecewise power prior.

        The noise level enters through |y - x_i|^2 alone: the weight of an atom is w_i exp h(rho^2 + |u - x_i|^2). Rows
        where the atoms cancel are those that the digits of h may not be enough for.
        """
        self.check_level(prior.low)
        weigher = BlindWeights(prior, self.core_dim + normal_dim)
        out, doubt = torch.empty_like(u), torch.empty(len(u), dtype=torch.bool)
        length = self.points.norm(dim=1)
        order = torch.argsort(rho2)  # rows of one chunk then need a short table
        for rows in order.split(max(_CHUNK // len(self.points), 1)):
            finest, coarsest = weigher.variances(rho2[rows])
            d2 = self._atlas.squared_distances(u[rows], finest, coarsest)
            scale = weigher.variance(rho2[rows] + d2.amin(dim=1))
            # (where all gaps are small, their own digits count)
            fine = torch.minimum(scale, self._atlas.largest_gap(u[rows]))
            least, gap = self._atlas.beyond_nearest(u[rows], d2, fine, scale)
            share, error = weigher.shares(rho2[rows] + least, gap, self._log_weights)
            out[rows] = share @ self.points
            doubt[rows] = error * (share @ length) > tol * out[rows].norm(dim=1) + self.rounding
        return out, doubt

    def coef_width(self, stats: PointStatistics) -> int:
        return self.core_dim

    def assemble(self, stats: PointStatistics, coef: torch.Tensor) -> CorePoints:
        return coef

    def project(self, u: CorePoints) -> CorePoints:
        return self.points.to(u.device)[self._atlas.nearest(u)[0]]

    @property
    def mean(self) -> torch.Tensor:
        return self._mean

    @property
    def second_moment(self) -> float:
        return self._second_moment

    def log_covering_number(self, eps: float) -> Bounds:
        """By farthest-point traversal: picks that are more than 2 eps apart need a ball each, and picks whose eps-balls
        hold everything are a cover."""
        if eps >= self.radius:
            return 0.0, 0.0
        gap2 = ((self.points - self.points[0]) ** 2).sum(dim=1)
        lower, picks = 0.0, 1
        while picks < min(len(self.points), _MAX_GREEDY) and float(gap2.max()) > eps * eps:
            farthest = int(gap2.argmax())
            picks += 1
            if float(gap2[farthest]) > 4.0 * eps * eps:
                lower = math.log(picks)
            gap2 = torch.minimum(gap2, ((self.points - self.points[farthest]) ** 2).sum(dim=1))
        covered = float(gap2.max()) <= eps * eps
        return lower, math.log(picks if covered else len(self.points))

    def level_hints(self, stats: PointStatistics, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """The squared distance to the nearest atom, and the excess of the distance to the mean, a coordinate."""
        dim = normal_dim + self.core_dim
        near = rho2 + self._atlas.nearest(stats.u)[1]
        spread = self._second_moment - float(self._mean @ self._mean)
        far = rho2 + ((stats.u - self._mean) ** 2).sum(dim=1) - spread
        return (torch.stack([near, far], dim=1) / dim).clamp(min=1e-300)


def _ends(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The least and the largest (n,) of each row's values (n, q)."""
    return (values[:, 0], values[:, 0]) if values.shape[1] == 1 else (values.amin(dim=1), values.amax(dim=1))


def atoms(dim: int, points: Sequence[Sequence[float]], weights: Sequence[float] | None = None) -> Atoms:
    """A finite data set in R^m.

    Args:
        dim: the k that bounds count it with, for instance that of the surface it samples.
        points: (N, m).
        weights: N probabilities; None is uniform.

    >>> atoms(1, [[0.0, 1.0], [2.0, 0.0]]).core_dim
    2
    """
    return Atoms(points, weights, positive_int(dim, "dim"))


def random_code(dim: int, radius: float = 1.0, block: int | None = None, geometry_seed: int = 0) -> Atoms:
    """e^k uniformly random points of the sphere of radius R in R^m: covering number e^k at small scales, no dimension.

    Args:
        dim: k; N = round(e^k) points.
        radius: R.
        block: m, the code's block length; None is 8 k.
        geometry_seed: seed of the points.

    Raises:
        ValueError: dim is not an integer >= 1 or e^dim exceeds 2^17 points, radius <= 0, block < 1.

    >>> random_code(3).points.shape  # e^3 points of R^24
    torch.Size([20, 24])
    """
    dim = positive_int(dim, "dim")
    if math.exp(dim) > _MAX_CODE:
        raise ValueError(f"dim must be at most {int(math.log(_MAX_CODE))} for random_code (e^dim points), got {dim}")
    block = 8 * dim if block is None else positive_int(block, "block")
    radius = positive_number(radius, "radius")
    points = stream(geometry_seed, "random code", dim, block).normal(round(math.exp(dim)), block)
    return Atoms(radius * points / points.norm(dim=1, keepdim=True), None, dim, "random_code")
