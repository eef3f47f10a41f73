"""One cause for all of a gap: families of mistakes with one unknown each, fitted to f - f* over all levels at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from scipy.optimize import minimize_scalar

from analysis.certify.levels import At, total
from manifolds.law import Law
from manifolds.registry import make
from manifolds.shapes import Points

__all__ = ["Fit", "dimension", "level", "offset", "scale", "shift"]


class Fit(NamedTuple):
    """Which part of the gap is explained, and the unknown with its 95 % interval."""

    explained: float
    size: float
    low: float
    high: float


def _explained(levels: list[At], left: list[Points]) -> float:
    """1 - what is left of the gap / the gap; 0 where there is none."""
    gap = total(levels)
    return 1.0 - total(levels, left) / gap if gap > 0 else 0.0


def _spread(levels: list[At], slopes: list[Points], left: list[Points]) -> float:
    """1.96 standard errors of a least-squares parameter: from the points' own scores, whatever their law."""
    curvature = sum(float((g**2).sum()) / at.unit for at, g in zip(levels, slopes))
    scores = sum(float(((g * r).sum(dim=1) ** 2).sum()) / at.unit**2 for at, g, r in zip(levels, slopes, left))
    return 1.96 * math.sqrt(scores) / curvature if curvature > 0 else math.inf


def scale(levels: list[At]) -> Fit:
    """f = c f*: size c - 1."""
    top = sum(float((at.f * at.best).sum()) / at.unit for at in levels)
    c = top / max(sum(float((at.best**2).sum()) / at.unit for at in levels), 1e-300)
    left = [at.f - c * at.best for at in levels]
    spread = _spread(levels, [at.best for at in levels], left)
    return Fit(_explained(levels, left), c - 1, c - 1 - spread, c - 1 + spread)


def level(levels: list[At], law: Law) -> Fit:
    """f reads the level c sigma where sigma is meant, f - f* = f_{c sigma} - f_sigma: size c."""

    def left(log_c: float, few: int | None = None) -> list[Points]:
        rows = slice(few)
        return [(at.f - at.best + at.told)[rows] - law.denoise(at.y[rows], at.sigma * math.exp(log_c)) for at in levels]

    def loss(log_c: float) -> float:
        return total(levels, left(log_c, 96))

    finest = float(getattr(law.core, "finest_sigma", 0.0))  # a law of nodes does not answer below
    step = 1e-4
    lowest = math.log(finest / min(at.sigma for at in levels)) + step if finest > 0 else -math.inf
    grid = [0.7 * i / 6 for i in range(-6, 7)]  # levels misread by a factor 2 at most
    start = min((x for x in grid if x >= lowest), key=loss)
    ends = (max(start - 0.12, lowest), start + 0.12)
    log_c = float(minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-5}).x)
    log_c = max(log_c, lowest + step)
    slopes = [(a - b) / (2 * step) for a, b in zip(left(log_c - step), left(log_c + step))]
    rest = left(log_c)
    spread = _spread(levels, slopes, rest)
    return Fit(_explained(levels, rest), math.exp(log_c), math.exp(log_c - spread), math.exp(log_c + spread))


def offset(levels: list[At]) -> tuple[Fit, Points]:
    """f = f* + b: size |b|."""
    weight = sum(1 / at.unit for at in levels)
    b = sum(((at.f - at.best).mean(dim=0) / at.unit for at in levels), torch.zeros_like(levels[0].y[0])) / weight
    return _vector(levels, b, [at.f - at.best - b for at in levels]), b


def shift(levels: list[At], largest: At, best: Callable[[Points, float], Points]) -> tuple[Fit, Points]:
    """f(y) = f*(y - b) + b: size |b|. The largest level, where f* hardly depends on y, gives b."""
    b = torch.zeros_like(largest.y[0])
    for _ in range(4):
        b = b + (largest.f - best(largest.y - b, largest.sigma) - b).mean(dim=0)
    return _vector(levels, b, [at.f - best(at.y - b, at.sigma) - b for at in levels], largest), b


def _vector(levels: list[At], b: Points, left: list[Points], at: At | None = None) -> Fit:
    size = float(b.norm())
    along = [(at.f - at.best) @ b / max(size, 1e-300)] if at else [r @ b / max(size, 1e-300) for r in left]
    points = torch.cat(along)
    spread = 1.96 * float(points.std()) / math.sqrt(len(points))
    return Fit(_explained(levels, left), size, max(size - spread, 0.0), size + spread)


def dimension(levels: list[At], law: Law) -> Fit | None:
    """The posterior mean of the sphere or ball of one dimension more or less, along the same direction: size +-1."""
    if law.name not in ("sphere", "ball"):
        return None
    fits = []
    for by in (-1, 1):
        k = law.intrinsic_dim + by
        if k < 1:
            continue
        other = make(law.name, dim=k, ambient=law.core_dim + by + 1, radius=law.radius)
        left = [at.f - at.best + at.told - _radial(other, law, at) for at in levels]
        fits.append(Fit(_explained(levels, left), float(by), float(by), float(by)))
    return max(fits)


def _radial(other: Law, law: Law, at: At) -> Points:
    u = law.space.core_part(at.y)
    norm = u.norm(dim=1)
    points = torch.zeros(len(u), other.ambient_dim, dtype=u.dtype)
    points[:, 0] = norm
    return law.space.embed(u * (other.denoise(points, at.sigma)[:, 0] / norm)[:, None])
