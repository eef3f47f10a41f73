"""A law as the checks look at it: dense and reduced, at noise levels on its own scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from manifolds.checking.report import Report
from manifolds.core import Core
from manifolds.law import Law
from manifolds.shapes import Points
from manifolds.streams import Stream, stream

__all__ = ["ANSWERS", "Case", "derivative", "directional"]

ANSWERS = ("denoise", "log_marginal", "posterior_trace", "squared_distance", "distance_covariance", "distance_variance")
_WIDEST = 64  # dense points wider than this are looked at in a smaller space
_ALONG = 16  # directions of derivatives, where there are more coordinates than that by half


class Case:
    """What the checks share.

    Args:
        given: a law or a core.
        levels: noise levels; None is .3 and 1 of `scale`, not below the finest that the law answers for.
        scale: a length on which the law looks smooth; None is its standard deviation in a direction of its support.
        seed: of all draws.

    Attributes:
        laws: (name, law) of each representation that can be looked at.
        finest: the smallest level that the law answers for, 0 if there is none.

    >>> from manifolds.laws.sphere import Sphere
    >>> [law.space.width for _, law in Case(Sphere(2), None, None, 0).laws]
    [7, 4]
    """

    def __init__(self, given: Law | Core, levels: Sequence[float] | None, scale: float | None, seed: int):
        self.report, self.seed = Report(), seed
        law, core = (given, given.core) if isinstance(given, Law) else (None, given)
        self.core = core
        full = law.ambient_dim if law is not None else getattr(core, "ambient", core.core_dim + 4)
        small = full if core.absorbs_normal else min(full, core.core_dim + 4)
        kind = self.kind = Law if law is None else type(law)
        self.reduced = law if law is not None and law.reduced else kind(core, full, reduced=True)
        self.dense: Law | None = law if law is not None and not law.reduced and full <= _WIDEST else None
        if self.dense is None and small <= max(_WIDEST, core.core_dim + 4):
            self.dense = kind(core, small)
        self.laws = [("dense", self.dense)] if self.dense is not None else []
        self.laws.append(("reduced", self.reduced))
        self.finest = float(getattr(core, "finest_sigma", 0.0))
        self.spread = max(core.second_moment - float(core.mean @ core.mean), 0.0)
        free = max(min(core.intrinsic_dim, core.core_dim or full), 1)
        self.scale = (math.sqrt(self.spread / free) or 1.0) if scale is None else float(scale)
        own = (max(0.3 * self.scale, 1.02 * self.finest), max(self.scale, 2.0 * self.finest))
        self.levels = own if levels is None else tuple(float(level) for level in levels)

    def stream(self, *labels: object) -> Stream:
        """New draws for the running check."""
        return stream(self.seed, "contract", self.report.check, *labels)

    def noisy(self, law: Law, n: int, sigma: float, *labels: object) -> tuple[Points, Points]:
        """(X, Y)."""
        source = self.stream(law.name, sigma, *labels)
        x = law.sample(n, source)
        return x, law.add_noise(x, sigma, source)

    def each(self) -> Iterator[tuple[Law, float, str]]:
        """Every representation at every level, and words for where that is."""
        for form, law in self.laws:
            for sigma in self.levels:
                yield law, sigma, f"{law.name}, {form}, d = {law.ambient_dim}, sigma = {sigma:.3g}"


def derivative(f: Callable[[float], torch.Tensor], at: float, step: float) -> torch.Tensor:
    """4th-order central difference of f along a number.

    >>> float(derivative(lambda t: torch.tensor(t**3, dtype=torch.float64), 1.0, 0.01))  # doctest: +ELLIPSIS
    3.000000...
    """
    return (8 * (f(at + step) - f(at - step)) - (f(at + 2 * step) - f(at - 2 * step))) / (12 * step)


def directional(
    f: Callable[[Points], torch.Tensor], y: Points, step: float, source: Stream
) -> tuple[torch.Tensor, torch.Tensor]:
    """(directions (p, width), derivatives (n, ..., p) of f (n, ...) along them): all coordinates, or some
    directions.

    >>> y = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    >>> directional(lambda p: (p * p).sum(dim=1), y, 1e-3, stream(0))[1]
    tensor([[2.0000, 4.0000]], dtype=torch.float64)
    """
    width = y.shape[1]
    if 2 * width <= 3 * _ALONG:
        along = torch.eye(width, dtype=torch.float64)
    else:
        along = torch.linalg.qr(source.normal(width, _ALONG))[0].T

    def moved(t: float, axis: torch.Tensor) -> torch.Tensor:
        return f(y + t * axis)

    return along, torch.stack([derivative(partial(moved, axis=axis), 0.0, step) for axis in along], dim=-1)
