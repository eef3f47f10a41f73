"""Calling any denoiser, blind or conditional, in batches of bounded size and in either representation."""

from __future__ import annotations

from collections.abc import Callable

import torch

from manifolds.denoisers import as_denoiser
from manifolds.space import Space

__all__ = ["Evaluator"]


class Evaluator:
    """f along a run: tells a conditional denoiser the level of the step, checks shapes, splits large batches.

    Args:
        f: denoiser, or any function f(y) or f(y, sigma); clean estimate with the shape of y.
        space: where the points live.
        levels (N+1,): levels told to a conditional denoiser.
        chunk: largest number of points per call, or None.
        device: torch device on which f is called, or None for that of the points.
    """

    def __init__(self, f: Callable, space: Space, levels: torch.Tensor, chunk: int | None, device: str | None):
        self.f = as_denoiser(f, space)
        self.space, self.levels, self.chunk, self.device = space, levels.tolist(), chunk, device

    @torch.no_grad()
    def __call__(self, y: torch.Tensor, i: int) -> torch.Tensor:
        """f at points y (n, width) of level index i; ValueError if it returns another shape."""
        if not self.chunk or len(y) <= self.chunk:
            return self._call(y, i)
        return torch.cat([self._call(part, i) for part in y.split(self.chunk)])

    def at_combination(self, v: torch.Tensor, i: int) -> torch.Tensor:
        """f at a combination v of a point and its denoised value, expressed in that point's own frame.

        In reduced form v's last entry is a signed component along the point's unit normal; f is called at its absolute
        value, and the component of the answer carries the sign.
        """
        if not self.space.reduced:
            return self(v, i)
        sign = torch.where(v[:, -1:] < 0, -1.0, 1.0)
        out = self(torch.cat([v[:, :-1], v[:, -1:] * sign], dim=1), i)
        return torch.cat([out[:, :-1], out[:, -1:] * sign], dim=1)

    def _call(self, y: torch.Tensor, i: int) -> torch.Tensor:
        point = y if self.device is None else y.to(self.device)
        out = self.f(point) if self.f.blind else self.f(point, self.levels[i])
        if not isinstance(out, torch.Tensor) or out.shape != y.shape:
            shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
            raise ValueError(f"denoiser must return a tensor with the shape of y, {tuple(y.shape)}, got {shape}")
        return out.to(device=y.device, dtype=y.dtype)
