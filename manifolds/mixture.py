"""Mixtures of laws that live on affine subspaces of one core: low-rank Gaussian mixtures, unions of subspaces, spheres.

A component is a core law on R^{m_j}, placed in R^m by an orthonormal frame Q_j (m, m_j) and a shift c_j. Within R^m it
has m - m_j normal directions, so its density at u is its own times a Gaussian of |u - c_j - Q_j Q_j'(u - c_j)|.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

import torch

from manifolds.checks import positive_int, positive_number, probabilities
from manifolds.core import Core, Posterior
from manifolds.gaussian import IsotropicGaussian
from manifolds.streams import Stream, stream

__all__ = ["Component", "Mixture", "low_rank_mixture", "random_frames"]


class Component(NamedTuple):
    """A core law, its frame (m, m_j) with orthonormal columns (None: m_j = m) and its shift (m,)."""

    core: Core
    frame: torch.Tensor | None
    shift: torch.Tensor


class _Placed(NamedTuple):
    stats: object
    normal2: torch.Tensor  # (n,) squared distance to the component's affine subspace


class Mixture(Core):
    """sum_j w_j (law of c_j + Q_j X_j).

    Args:
        components: at least one Component, all of one core dimension m.
        weights: positive, summing to one; None is uniform.
        name: the registry's name.

    Raises:
        ValueError: bad weights, frames that are not orthonormal, or shapes that do not fit.
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

    def _check(self, part: Component) -> None:
        m, own = self.core_dim, part.core.core_dim
        if part.core.absorbs_normal:
            raise ValueError(f"components must be laws on a core, {part.core.name} fills the whole space")
        if part.shift.shape != (m,):
            raise ValueError(f"shift must have shape ({m},), got {tuple(part.shift.shape)}")
        if part.frame is None:
            if own != m:
                raise ValueError(f"frame must be given for a component of core dimension {own} in R^{m}")
        elif part.frame.shape != (m, own):
            raise ValueError(f"frame must have shape ({m}, {own}), got {tuple(part.frame.shape)}")
        elif not torch.allclose(part.frame.T @ part.frame, torch.eye(own, dtype=torch.float64), atol=1e-10):
            raise ValueError("frame must have orthonormal columns")

    @staticmethod
    def _reach(part: Component) -> float:
        """An upper bound on the component's largest norm (attained when the shift is in or normal to its span)."""
        if not math.isfinite(part.core.radius):
            return math.inf
        along = part.shift if part.frame is None else part.frame.T @ part.shift
        normal2 = float((part.shift @ part.shift) - (along @ along))
        return math.sqrt((part.core.radius + float(along.norm())) ** 2 + max(normal2, 0.0))

    def _lift(self, part: Component, own: torch.Tensor) -> torch.Tensor:
        """Points (..., m_j) of a component's own space, as vectors (..., m), without the shift."""
        return own if part.frame is None else own @ part.frame.T.to(own.device)

    def sample(self, n: int, stream: Stream) -> torch.Tensor:
        index = stream.child("component").categorical(self.weights, n)
        points = torch.empty(n, self.core_dim, dtype=torch.float64)
        for j, part in enumerate(self.components):
            rows = index == j
            # every component is drawn n times and masked: row i then does not depend on n or on other rows
            draws = part.core.sample(n, stream.child("draw", j))[rows]
            points[rows] = part.shift + self._lift(part, draws)
        return points

    def component(self, u: torch.Tensor) -> torch.Tensor:
        """Index (n,) of the component whose support is nearest to core points u (n, m)."""
        return torch.stack([self._gap2(part, u)[1] for part in self.components]).argmin(dim=0)

    def statistics(self, u: torch.Tensor) -> tuple[_Placed, ...]:
        placed = []
        for part in self.components:
            centred = u - part.shift.to(u.device)
            if part.frame is None:
                placed.append(_Placed(part.core.statistics(centred), torch.zeros_like(u[:, 0])))
                continue
            own = centred @ part.frame.to(u.device)
            rest = centred - self._lift(part, own)  # by difference of vectors: |.|^2 - |.|^2 would cancel
            placed.append(_Placed(part.core.statistics(own), (rest * rest).sum(dim=1)))
        return tuple(placed)

    def posterior(self, stats: tuple[_Placed, ...], sigma: torch.Tensor, order: int) -> Posterior:
        parts, logs = [], []
        log_sigma, half_precision = torch.log(sigma), 0.5 / (sigma * sigma)
        for weight, part, own in zip(self.weights.tolist(), self.components, stats):
            post = part.core.posterior(own.stats, sigma, order)
            codim = self.core_dim - part.core.core_dim
            normal = codim * (log_sigma + 0.5 * math.log(2 * math.pi)) + own.normal2[:, None] * half_precision
            parts.append(post)
            logs.append(math.log(weight) + post.log_p - normal)
        stacked = torch.stack(logs)
        log_p = torch.logsumexp(stacked, dim=0)
        mixed = Posterior(log_p=log_p)
        if order == 0:
            return mixed
        share = torch.exp(stacked - log_p)  # responsibilities (J, n, q)
        mixed.coef = self._join(share, [post.coef for post in parts], share)
        if order >= 2:
            self._second_order(mixed, stats, parts, share, order)
        return mixed

    @staticmethod
    def _join(own_share: torch.Tensor, coefs: list[torch.Tensor], shift_share: torch.Tensor) -> torch.Tensor:
        """Coefficients of all components side by side, then one per shift vector."""
        own = [share[..., None] * coef for share, coef in zip(own_share, coefs)]
        return torch.cat([*own, shift_share.movedim(0, -1)], dim=-1)

    def _second_order(
        self, mixed: Posterior, stats: tuple[_Placed, ...], parts: list[Posterior], share: torch.Tensor, order: int
    ) -> None:
        sqdist = torch.stack([p.sqdist + own.normal2[:, None] for p, own in zip(parts, stats)])
        mixed.sqdist = (share * sqdist).sum(dim=0)
        mean = self._mean_at_levels(stats, mixed.coef)
        spread = torch.zeros_like(mixed.sqdist)
        for j, (part, own, post) in enumerate(zip(self.components, stats, parts)):
            centre = self._lift(part, self._own_mean(part, own, post.coef)) + part.shift.to(mean.device)
            spread = spread + share[j] * (post.trace + ((centre - mean) ** 2).sum(dim=-1))
        mixed.trace = spread
        if order >= 3:
            tilt = share * (sqdist - mixed.sqdist)
            third = [post.third + (sqdist[j] - mixed.sqdist)[..., None] * post.coef for j, post in enumerate(parts)]
            mixed.third = self._join(share, third, tilt)
        if order >= 4:
            within = torch.stack([post.var_sqdist for post in parts])
            mixed.var_sqdist = (share * (within + (sqdist - mixed.sqdist) ** 2)).sum(dim=0)

    @staticmethod
    def _own_mean(part: Component, own: _Placed, coef: torch.Tensor) -> torch.Tensor:
        """Posterior means (n, q, m_j) of one component at every level."""
        return torch.stack([part.core.assemble(own.stats, coef[:, i]) for i in range(coef.shape[1])], dim=1)

    def _mean_at_levels(self, stats: tuple[_Placed, ...], coef: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.assemble(stats, coef[:, i]) for i in range(coef.shape[1])], dim=1)

    def assemble(self, stats: tuple[_Placed, ...], coef: torch.Tensor) -> torch.Tensor:
        count = len(self.components)
        shifts = torch.stack([part.shift for part in self.components]).to(coef.device)
        total, start = coef[:, -count:] @ shifts, 0
        # the width of each component's coefficients is what is left after the shifts, in order
        for part, own, width in zip(self.components, stats, self._widths(coef.shape[1] - count, stats)):
            total = total + self._lift(part, part.core.assemble(own.stats, coef[:, start : start + width]))
            start += width
        return total

    def _widths(self, total: int, stats: tuple[_Placed, ...]) -> list[int]:
        widths = [part.core.coef_width(own.stats) for part, own in zip(self.components, stats)]
        if sum(widths) != total:
            raise ValueError(f"coef must have {sum(widths)} + {len(widths)} columns, got {total} + {len(widths)}")
        return widths

    def coef_width(self, stats: tuple[_Placed, ...]) -> int:
        return sum(p.core.coef_width(own.stats) for p, own in zip(self.components, stats)) + len(self.components)

    def _gap2(self, part: Component, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Nearest point of one component (n, m) and its squared distance (n,)."""
        centred = u - part.shift
        own = centred if part.frame is None else centred @ part.frame
        nearest = part.shift + self._lift(part, part.core.project(own))
        return nearest, ((u - nearest) ** 2).sum(dim=1)

    def project(self, u: torch.Tensor) -> torch.Tensor:
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
            lifted = self._lift(part, part.core.mean)
            total += weight * (part.core.second_moment + 2 * float(part.shift @ lifted) + float(part.shift @ part.shift))
        return total

    def log_covering_number(self, eps: float) -> tuple[float, float]:
        """Largest lower bound, and log of the sum of the upper ones."""
        bounds = [part.core.log_covering_number(eps) for part in self.components]
        high = [b[1] for b in bounds]
        upper = math.inf if math.inf in high else float(torch.logsumexp(torch.tensor(high, dtype=torch.float64), 0))
        return max(b[0] for b in bounds), upper

    def level_hints(self, stats: tuple[_Placed, ...], rho2: torch.Tensor, normal_dim: int) -> torch.Tensor:
        guesses = []
        for part, own in zip(self.components, stats):
            codim = normal_dim + self.core_dim - part.core.core_dim
            guesses.append((rho2 + own.normal2) / max(codim, 1))
        return torch.stack(guesses, dim=1)


def random_frames(count: int, core_dim: int, dim: int, source: Stream) -> list[torch.Tensor]:
    """`count` uniformly random orthonormal frames (core_dim, dim)."""
    frames = []
    for j in range(count):
        q, r = torch.linalg.qr(source.child("frame", j).normal(core_dim, dim))
        frames.append(q * torch.sign(torch.diagonal(r)))
    return frames


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
    """
    dim, components = positive_int(dim, "dim"), positive_int(components, "components")
    scale = positive_number(scale, "scale")
    if not separation >= 0:
        raise ValueError(f"separation must be >= 0, got {separation!r}")
    core_dim = components * dim
    source = stream(geometry_seed, "low-rank mixture", dim, components)
    frames = random_frames(components, core_dim, dim, source)
    parts = []
    for j, frame in enumerate(frames):
        direction = source.child("shift", j).normal(core_dim)
        parts.append(Component(IsotropicGaussian(dim, scale), frame, separation * scale * direction / direction.norm()))
    return Mixture(parts, weights)
