"""Where training points come from: fresh samples of a law, or a finite data set with a part held out."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from manifolds.law import Law
from manifolds.space import Space
from manifolds.streams import Stream, stream

__all__ = ["FiniteSamples", "FreshSamples", "as_source"]

_MOMENT_POINTS = 10_000


class FreshSamples:
    """Every batch is new; validation points are draws of their own stream.

    Raises:
        ValueError: the law is in reduced coordinates (a network needs dense points).
    """

    def __init__(self, law: Law):
        if law.reduced:
            raise ValueError("law must be dense (reduced=False): a network needs all coordinates of its points")
        self.law, self.space = law, law.space

    @property
    def fingerprint(self) -> str:
        """Of the law: its name, sizes and a few draws."""
        return _digest(repr(self.law), self.law.sample(16, stream(0, "fingerprint")))

    def batch(self, n: int, draws: Stream) -> torch.Tensor:
        return self.law.sample(n, draws)

    def validation(self, n: int, draws: Stream) -> torch.Tensor:
        return self.law.sample(n, draws)

    def known(self, draws: Stream) -> torch.Tensor:
        """Points from which a network's normalisation is measured."""
        return self.law.sample(_MOMENT_POINTS, draws)


class FiniteSamples:
    """Batches are drawn with replacement from the rows that are not held out.

    Args:
        points: (n, d), n >= 2, finite, not all equal; tensor or array.
        space: where they live; None is dense R^d.
        held_out: share of the rows kept for validation, 0 <= held_out < 1; they are chosen by `stream`.

    Raises:
        ValueError: for any of these.
    """

    def __init__(self, points: object, space: Space | None, held_out: float, choice: Stream):
        rows = checked_points(points)
        if not 0.0 <= held_out < 1.0:
            raise ValueError(f"held_out must satisfy 0 <= held_out < 1, got {held_out!r}")
        n, d = rows.shape
        self.space = Space(d, d, center=rows.mean(dim=0)) if space is None else space
        if self.space.reduced or self.space.width != d:
            raise ValueError(f"data must have the dense width of their space, {self.space.ambient_dim}, got {d}")
        aside = min(int(round(held_out * n)), n - 2)
        order = torch.from_numpy(choice.child("held out").numpy.permutation(n))
        # The order of the rows does not matter to training but does to reproduction: it is left as it came.
        self.points = rows[order[aside:].sort().values]
        self.aside = rows[order[:aside].sort().values]
        if bool((self.points == self.points[0]).all()):
            raise ValueError("data must not be all one point")

    @property
    def fingerprint(self) -> str:
        return _digest("points", self.points, self.aside)

    def batch(self, n: int, draws: Stream) -> torch.Tensor:
        return self.points[draws.integers(len(self.points), n)]

    def validation(self, n: int, draws: Stream) -> torch.Tensor:
        """n draws (with replacement) of the rows held out; without any, of the training rows."""
        rows = self.aside if len(self.aside) else self.points
        return rows[draws.integers(len(rows), n)]

    def known(self, draws: Stream) -> torch.Tensor:
        return self.points[:_MOMENT_POINTS]


def checked_points(points: object) -> torch.Tensor:
    """A data set as float64 (n, d), or ValueError naming what is wrong with it."""
    if isinstance(points, np.ndarray):
        points = torch.from_numpy(np.ascontiguousarray(points))
    if not isinstance(points, torch.Tensor):
        raise ValueError(f"data must be a law, a tensor or an array, got {type(points).__name__}")
    if points.ndim != 2 or points.shape[1] < 1:
        raise ValueError(f"data must have shape (n, d), got {tuple(points.shape)}")
    if points.shape[0] < 2:
        raise ValueError(f"data must have at least 2 points, got {points.shape[0]}")
    points = points.to(torch.float64)
    if not bool(torch.isfinite(points).all()):
        raise ValueError("data must be finite, got NaN or infinity")
    return points


def as_source(data: object, space: Space | None, held_out: float, choice: Stream) -> FreshSamples | FiniteSamples:
    """A law as a source of fresh samples, points as a finite one."""
    if isinstance(data, Law):
        if space is not None:
            raise ValueError("space must be None for a law, which has its own")
        return FreshSamples(data)
    return FiniteSamples(data, space, held_out, choice)


def _digest(text: str, *tensors: torch.Tensor) -> str:
    value = hashlib.sha256(text.encode())
    for tensor in tensors:
        value.update(np.ascontiguousarray(tensor.numpy()).tobytes())
    return value.hexdigest()[:16]
