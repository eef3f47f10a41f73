"""Calling any denoiser, blind or conditional, in batches of bounded size, at any level and in either representation."""

from __future__ import annotations

from collections.abc import Callable

import torch

from manifolds.denoisers import as_denoiser
from manifolds.space import Space

__all__ = ["Evaluator"]


class Evaluator:
    """f along a run: tells a conditional denoiser the level, checks shapes, splits large batches.

    f is given memory of its own: it may write into its argument, or keep it.

    Args:
        f: denoiser, or any function f(y) or f(y, sigma); clean estimate with the shape of y.
        space: where the points live.
        nominal, told (N+1,): levels of the run, and those that a conditional denoiser is told instead.
        chunk: largest number of points per call, or None.
        device: torch device on which f is called, or None for that of the points.

    >>> levels = torch.tensor([4.0, 1.0]).double()
    >>> f = Evaluator(lambda y, sigma: sigma * y, Space(1, 1), levels, 2 * levels, None, None)  # told twice the level
    >>> one = torch.ones(1, 1).double()
    >>> f.at_step(one, 0).item(), f.at_combination(one, 1.0).item(), round(f.at_combination(one, 3.0).item(), 12)
    (8.0, 2.0, 6.0)
    """

    def __init__(
        self,
        f: Callable,
        space: Space,
        nominal: torch.Tensor,
        told: torch.Tensor,
        chunk: int | None,
        device: str | None,
    ):
        self.f = as_denoiser(f, space)
        self.space, self.levels, self.chunk, self.device = space, told.tolist(), chunk, device
        self._same = nominal is told
        self._instead = dict(zip(nominal.tolist(), self.levels))
        self._knots, self._shift = nominal.log().flip(0), (told / nominal).log().flip(0)

    def at_step(self, y: torch.Tensor, i: int) -> torch.Tensor:
        """f at points y (n, width) of level index i; ValueError if it returns another shape."""
        return self._batched(y, self.levels[i])

    def at_combination(self, v: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        """f at a combination v of a point and its denoised value, expressed in that point's own frame, at any level.

        In reduced form v's last entry is a signed component along the point's unit normal; f is called at its absolute
        value, and the component of the answer carries the sign.
        """
        told = self._told(sigma)
        if not self.space.reduced:
            return self._batched(v, told)
        sign = torch.where(v[:, -1:] < 0, -1.0, 1.0)
        out = self._batched(torch.cat([v[:, :-1], v[:, -1:] * sign], dim=1), told)
        return torch.cat([out[:, :-1], out[:, -1:] * sign], dim=1)

    def _told(self, sigma: float | torch.Tensor) -> float | torch.Tensor:
        """What is told at a level: between grid points the ratio to the nominal one is linear in the logarithms."""
        if self._same:
            return sigma
        if not isinstance(sigma, torch.Tensor) and sigma in self._instead:
            return self._instead[sigma]
        level = torch.as_tensor(sigma, dtype=torch.float64)
        right = torch.searchsorted(self._knots, level.log()).clamp(1, len(self._knots) - 1)
        low, high = self._knots[right - 1], self._knots[right]
        part = ((level.log() - low) / (high - low)).clamp(0, 1)
        told = level * torch.exp(self._shift[right - 1] + part * (self._shift[right] - self._shift[right - 1]))
        return told if isinstance(sigma, torch.Tensor) else float(told)

    @torch.no_grad()
    def _batched(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        if not self.chunk or len(y) <= self.chunk:
            return self._call(y, sigma)
        parts = y.split(self.chunk)
        levels = sigma.split(self.chunk) if isinstance(sigma, torch.Tensor) else [sigma] * len(parts)
        return torch.cat([self._call(part, level) for part, level in zip(parts, levels)])

    def _call(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        point = y if self.device is None else y.to(self.device)
        point = point.clone() if point is y else point
        out = self.f(point) if self.f.blind else self.f(point, sigma)
        if not isinstance(out, torch.Tensor) or out.shape != y.shape:
            shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
            raise ValueError(f"denoiser must return a tensor with the shape of y, {tuple(y.shape)}, got {shape}")
        return out.to(device=y.device, dtype=y.dtype)
