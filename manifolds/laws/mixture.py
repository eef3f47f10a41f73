"""Mixtures of laws that live on affine subspaces of one core.

A component is a core law on R^{m_j}, placed in R^m by an orthonormal frame Q_j (m, m_j) and a shift c_j. Within R^m it
has m - m_j normal directions, so its density at u is its own times a Gaussian of |u - c_j - Q_j Q_j'(u - c_j)|.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from manifolds.checks import positive_int, positive_number, probabilities
from manifolds.core import ROUNDING, Core, Posterior, take
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.shapes import Bounds, CorePoints, Levels, MixtureStatistics, Rows, Values
from manifolds.special.flats import Flats, check_frame, random_frames
from manifolds.streams import Stream, stream

__all__ = ["Component", "Mixture", "low_rank_mixture"]

# a spread of the components' means below this fraction of the trace is left out; its accuracy
_UNFELT, _ENOUGH = 1e-17, 1e-13
# points beyond so many sizes of the law and so many levels: the shared part of their densities costs digits, 1e4 eps
_FAR, _LEVELS = 4.0, 1e2
# coefficients of a component that are below this fraction of a row's largest are left out, where that leaves out enough
_ABSENT, _MOST_PRESENT = 1e-24, 0.6


class Component(NamedTuple):
    """A core law, its frame (m, m_j) with orthonormal columns (None: m_j = m) and its shift (m,)."""

    core: Core
    frame: torch.Tensor | None
    shift: torch.Tensor


class Mixture(Core[MixtureStatistics]):
    """sum_j w_j (law of c_j + Q_j X_j).

    Args:
        components: at least one Component, all of one core dimension m.
        weights: positive, summing to one; None is uniform.
        name: the registry's name.

    Raises:
        ValueError: bad weights, frames that are not orthonormal, or shapes that do not fit.

    >>> here, there = torch.zeros(1, dtype=torch.float64), torch.full((1,), 4.0, dtype=torch.float64)
    >>> Mixture([Component(IsotropicGaussian(1), None, c) for c in (here, there)], [0.75, 0.25]).mean
    tensor([1.], dtype=torch.float64)
    """

    def __init__(self, components: Sequence[Component], weights: Sequence[float] | None = None, name: str = "mixture"):
        count = positive_int(len(components), "components")
        self.weights = probabilities([1.0 / count] * count if weights is None else weights, "weights", count)
        self.components = tuple(components)
        self.name = name
        self.core_dim = self.components[0].shift.shape[0]
        for part in self.components:
            self._check(part)
        self.intrinsic_dim = max(part.core.intrinsic_dim for part in self.components)
        self.radius = max(self._reach(part) for part in self.components)
        self.rounding = max(ROUNDING * float(part.shift.norm()) + part.core.rounding for part in self.components)
        self.finite = all(part.core.finite for part in self.components)
        known = all(type(part.core).log_tilt is not Core.log_tilt for part in self.components)
        self._size = max(map(self._extent, self.components)) if known else math.inf
        self._flats = Flats([part.frame for part in self.components], [part.shift for part in self.components])
        self._log_weights = torch.log(self.weights)
        codims = [self.core_dim - part.core.core_dim for part in self.components]
        self._codims = torch.tensor(codims, dtype=torch.float64)

    def _check(self, part: Component) -> None:
        m, own = self.core_dim, part.core.core_dim
        if part.core.absorbs_normal:
            raise ValueError(f"components must be laws on a core, {part.core.name} fills the whole space")
        if part.shift.shape != (m,):
            raise ValueError(f"shift must have shape ({m},), got {tuple(part.shift.shape)}")
        if part.frame is None:
            if own != m:
                raise ValueError(f"frame must be given for a component of core dimension {own} in R^{m}")
        else:
            check_frame(part.frame, m, own)

    @staticmethod
    def _reach(part: Component) -> float:
        """An upper bound on the component's largest norm (attained when the shift is in or normal to its span)."""
        if not math.isfinite(part.core.radius):
            return math.inf
        along = part.shift if part.frame is None else part.frame.T @ part.shift
        normal2 = float(part.shift @ part.shift - along @ along)
        return math.sqrt((part.core.radius + float(along.norm())) ** 2 + max(normal2, 0.0))

    @staticmethod
    def _extent(part: Component) -> float:
        return float(part.shift.norm()) + min(part.core.radius, 2.0 * math.sqrt(part.core.second_moment))

    def _lift(self, part: Component, own: torch.Tensor) -> torch.Tensor:
        """Points (..., m_j) of a component's own space, as vectors (..., m), without the shift."""
        return own if part.frame is None else own @ part.frame.T.to(own.device)

    def sample(self, n: int, stream: Stream) -> CorePoints:
        index = stream.child("component").categorical(self.weights, n)
        points = torch.empty(n, self.core_dim, dtype=torch.float64)
        for j, part in enumerate(self.components):
            rows = index == j
            # every component is drawn n times and masked: row i then does not depend on n or on other rows
            points[rows] = part.shift + self._lift(part, part.core.sample(n, stream.child("draw", j))[rows])
        return points

    def component(self, u: torch.Tensor) -> torch.Tensor:
        """Index (n,) of the component whose support is nearest to core points u (n, m)."""
        return torch.stack([self._gap2(part, u)[1] for part in self.components]).argmin(dim=0)

    def statistics(self, u: CorePoints) -> MixtureStatistics:
        own, normal2 = self._flats.coordinates(u)
        shifts, norm = self._flats.shifts.to(u.device), u.norm(dim=1)
        toward = u @ shifts.T - 0.5 * (shifts * shifts).sum(dim=1)
        parts = tuple(part.core.statistics(block) for part, block in zip(self.components, own))
        return MixtureStatistics(parts, normal2, toward, torch.where(norm > _FAR * self._size, norm, 0.0))

    def _shares(
        self, stats: MixtureStatistics, sigma: Levels, parts: list[Posterior]
    ) -> tuple[Posterior, torch.Tensor]:
        """(the mixture's posterior of order 0, responsibilities (J, n, q)) from the components' posteriors."""
        normal2 = stats.normal2.T[..., None]
        log_weights, codims = (t.to(sigma.device)[:, None, None] for t in (self._log_weights, self._codims))
        logs = torch.stack([post.log_p for post in parts]) + log_weights
        logs -= codims * (torch.log(sigma) + 0.5 * math.log(2 * math.pi)) + normal2 * (0.5 / (sigma * sigma))
        log_p = torch.logsumexp(logs, dim=0)
        share = torch.softmax(logs, dim=0)
        rows = (stats.far[:, None] > _LEVELS * sigma).any(dim=1).nonzero()[:, 0]
        if len(rows):
            level = sigma.expand(logs.shape[1:])[rows]
            share[:, rows] = torch.softmax(self._tilts(take(stats, rows), level), dim=0)
        return Posterior(log_p), share

    def _tilts(self, stats: MixtureStatistics, sigma: Levels) -> torch.Tensor:
        """Log weights (J, n, q) without |u|^2/(2 sigma^2), which all share: far out it is nearly all there is."""
        own = [part.core.log_tilt(block, sigma) for part, block in zip(self.components, stats.parts)]
        rise = stats.toward.T[..., None] / (sigma * sigma)
        return torch.stack(own) + rise + self._log_weights.to(sigma.device)[:, None, None]

    def log_tilt(self, stats: MixtureStatistics, sigma: Levels) -> Values:
        return torch.logsumexp(self._tilts(stats, sigma), dim=0)

    def posterior(self, stats: MixtureStatistics, sigma: Levels, order: int) -> Posterior:
        parts = [part.core.posterior(own, sigma, order) for part, own in zip(self.components, stats.parts)]
        mixed, share = self._shares(stats, sigma, parts)
        if order == 0:
            return mixed
        normal2 = stats.normal2.T[..., None]
        mixed.coef = self._join(share, [post.coef for post in parts], share)
        if order >= 2:
            sqdist = torch.stack([post.sqdist for post in parts]) + normal2
            mixed.sqdist = (share * sqdist).sum(dim=0)
            mixed.trace = self._trace(stats, parts, share, sqdist)
        if order >= 3:
            excess = sqdist - mixed.sqdist
            third = [post.third + extra[..., None] * post.coef for post, extra in zip(parts, excess)]
            mixed.third = self._join(share, third, share * excess)
        if order >= 4:
            within = torch.stack([post.var_sqdist for post in parts])
            mixed.var_sqdist = (share * (within + excess * excess)).sum(dim=0)
        return mixed

    def covariance(self, stats: MixtureStatistics, sigma: torch.Tensor, v: CorePoints) -> CorePoints:
        """Covariances within the components, and of their means about the heaviest component's."""
        parts = [part.core.posterior(own, sigma, 1) for part, own in zip(self.components, stats.parts)]
        share = self._shares(stats, sigma, parts)[1][..., 0]  # (J, n)
        within, means, one = torch.zeros_like(v), [], torch.ones_like(v[:, :1])
        for j, (part, own, post) in enumerate(zip(self.components, stats.parts, parts)):
            along = part.core.covariance(own, sigma, v @ self._flats.frame(j, v.device))
            within += self._flats.lift(j, share[j][:, None] * along, 0.0 * one)
            means.append(self._flats.lift(j, part.core.assemble(own, post.coef[:, 0]), one))
        points = torch.stack(means)
        gap = points - points[share.argmax(dim=0), torch.arange(len(v), device=v.device)]
        along = share * (gap * v).sum(dim=-1)
        shift = (share[..., None] * gap).sum(dim=0)
        return within + (along[..., None] * gap).sum(dim=0) - along.sum(dim=0)[:, None] * shift

    @staticmethod
    def _join(own_share: torch.Tensor, coefs: list[torch.Tensor], shift_share: torch.Tensor) -> torch.Tensor:
        """Coefficients of all components side by side, then one per shift vector."""
        return torch.cat([*(w[..., None] * c for w, c in zip(own_share, coefs)), shift_share.movedim(0, -1)], dim=-1)

    def _trace(
        self, stats: MixtureStatistics, parts: list[Posterior], share: torch.Tensor, sqdist: torch.Tensor
    ) -> torch.Tensor:
        """The components' own traces, averaged, and the spread of their means (only where it can be felt)."""
        trace = (share * torch.stack([post.trace for post in parts])).sum(dim=0)
        heaviest = share.argmax(dim=0, keepdim=True)
        others = share.scatter(0, heaviest, 0.0)
        # about the heaviest component's mean, squared distances being at most twice the sum of those to u
        most = 2.0 * (others * (sqdist + sqdist.gather(0, heaviest))).sum(dim=0)
        rows, level = (most > _UNFELT * trace).nonzero(as_tuple=True)
        if len(rows):
            own = [
                part.core.assemble(take(s, rows), post.coef[rows, level])
                for part, s, post in zip(self.components, stats.parts, parts)
            ]
            found = trace[rows, level]
            trace[rows, level] = found + self._flats.spread(own, share[:, rows, level].T, _ENOUGH * found)
        return trace

    def assemble(self, stats: MixtureStatistics, coef: torch.Tensor) -> CorePoints:
        split = coef.split([*self._widths(stats), len(self.components)], dim=1)
        blocks, shift_coef = split[:-1], split[-1]
        size = torch.stack([block.abs().amax(dim=1) for block in blocks], dim=1).maximum(shift_coef.abs())
        present = size > _ABSENT * size.amax(dim=1, keepdim=True)
        counts = present.sum(dim=0).tolist()
        if sum(counts) > _MOST_PRESENT * present.numel():
            own = [part.core.assemble(s, block) for part, s, block in zip(self.components, stats.parts, blocks)]
            return self._flats.combine(own, shift_coef)
        total = coef.new_zeros(len(coef), self.core_dim)
        for j, (part, some, block) in enumerate(zip(self.components, stats.parts, blocks)):
            if counts[j]:
                rows = present[:, j].nonzero()[:, 0]
                inside = part.core.assemble(take(some, rows), block[rows])
                total.index_add_(0, rows, self._flats.lift(j, inside, shift_coef[rows, j : j + 1]))
        return total

    def _widths(self, stats: MixtureStatistics) -> list[int]:
        return [part.core.coef_width(own) for part, own in zip(self.components, stats.parts)]

    def coef_width(self, stats: MixtureStatistics) -> int:
        return sum(self._widths(stats)) + len(self.components)

    def _gap2(self, part: Component, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Nearest point of one component (n, m) and its squared distance (n,)."""
        own = u - part.shift if part.frame is None else (u - part.shift) @ part.frame
        nearest = part.shift + self._lift(part, part.core.project(own))
        return nearest, ((u - nearest) ** 2).sum(dim=1)

    def project(self, u: CorePoints) -> CorePoints:
        found = [self._gap2(part, u) for part in self.components]
        best = torch.stack([gap for _, gap in found]).argmin(dim=0)
        return torch.stack([point for point, _ in found])[best, torch.arange(u.shape[0])]

    @property
    def mean(self) -> torch.Tensor:
        return sum(w * (p.shift + self._lift(p, p.core.mean)) for w, p in zip(self.weights, self.components))

    @property
    def second_moment(self) -> float:
        total = 0.0
        for weight, part in zip(self.weights.tolist(), self.components):
            cross, square = float(part.shift @ self._lift(part, part.core.mean)), float(part.shift @ part.shift)
            total += weight * (part.core.second_moment + 2 * cross + square)
        return total

    def log_covering_number(self, eps: float) -> Bounds:
        """Largest lower bound, and log of the sum of the upper ones."""
        bounds = [part.core.log_covering_number(eps) for part in self.components]
        high = [b[1] for b in bounds]
        upper = math.inf if math.inf in high else float(torch.logsumexp(torch.tensor(high, dtype=torch.float64), 0))
        return max(b[0] for b in bounds), upper

    def level_hints(self, stats: MixtureStatistics, rho2: Rows, normal_dim: int) -> torch.Tensor:
        """What each component's own normal coordinates suggest."""
        return (rho2[:, None] + stats.normal2) / (normal_dim + self._codims.to(rho2.device)).clamp(min=1.0)


def low_rank_mixture(
    dim: int,
    components: int = 4,
    scale: float = 1.0,
    separation: float = 4.0,
    weights: Sequence[float] | None = None,
    geometry_seed: int = 0,
) -> Mixture:
    """Gaussians N(c_j, s^2 Q_j Q_j') on random k-subspaces of R^m, m = components * dim, at random shifts.

    Args:
        dim: k, the rank of each component.
        components: J >= 1.
        scale: s, standard deviation along each subspace.
        separation: |c_j|, in units of `scale`.
        weights: J probabilities; None is uniform.
        geometry_seed: seed of frames and shifts.

    Raises:
        ValueError: a size is not an integer >= 1, scale <= 0, separation < 0, or weights that do not sum to one.

    >>> core = low_rank_mixture(2, components=3)
    >>> core.intrinsic_dim, core.core_dim
    (2, 6)
    """
    dim, components = positive_int(dim, "dim"), positive_int(components, "components")
    scale = positive_number(scale, "scale")
    if not separation >= 0:
        raise ValueError(f"separation must be >= 0, got {separation!r}")
    core_dim, source = components * dim, stream(geometry_seed, "low-rank mixture", dim, components)
    parts = []
    for j, frame in enumerate(random_frames(components, core_dim, dim, source)):
        direction = source.child("shift", j).normal(core_dim)
        parts.append(Component(IsotropicGaussian(dim, scale), frame, separation * scale * direction / direction.norm()))
    return Mixture(parts, weights)
