"""Numerical derivatives that reach 1e-10 in float64: central differences of order 12 on a ladder of steps."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import torch

__all__ = ["first", "second"]

_HALF = 6  # points on each side: error O(h^12)
# largest first; noise makes every function here analytic on the scale of the noise level, but not beyond
_LADDER = (1.0, 0.5, 0.25, 0.125, 0.0625)


def _weight(j: int) -> float:
    return (-1.0) ** (j + 1) * factorial(_HALF) ** 2 / (factorial(_HALF - j) * factorial(_HALF + j))


_FIRST = torch.tensor([_weight(j) / j for j in range(1, _HALF + 1)], dtype=torch.float64)
_SECOND = torch.tensor([2.0 * _weight(j) / j**2 for j in range(1, _HALF + 1)], dtype=torch.float64)


def first(
    function: Callable[[torch.Tensor], torch.Tensor], step: torch.Tensor, ladder: tuple[float, ...] = _LADDER
) -> torch.Tensor:
    """d function(t)/dt at t = 0, (n, ...).

    Args:
        function: offsets (r, n) to values (r, n, ...), in one call.
        step: (n,) largest steps; offsets reach six times as far.
        ladder: fractions of the step that are tried; a single one where its error is known to be small.
    """
    plus, minus, h = _both_sides(function, step, ladder)
    return _settled(torch.einsum("j,lj...->l...", _FIRST, plus - minus) / h)


def second(function: Callable[[torch.Tensor], torch.Tensor], step: torch.Tensor) -> torch.Tensor:
    """d^2 function(t)/dt^2 at t = 0; as `first`."""
    plus, minus, h = _both_sides(function, step, _LADDER)
    centre = function(torch.zeros_like(step)[None])
    # differences first: the value at the centre, of size d, then cancels exactly
    return _settled(torch.einsum("j,lj...->l...", _SECOND, (plus - centre) + (minus - centre)) / h**2)


def _both_sides(
    function: Callable, step: torch.Tensor, ladder: tuple[float, ...]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Values (ladder, 6, n, ...) at +j h and at -j h, and h (ladder, n, 1 ...)."""
    h = torch.tensor(ladder, dtype=torch.float64)[:, None] * step
    j = torch.arange(1, _HALF + 1, dtype=torch.float64)[:, None]
    offsets = (h[:, None] * j).reshape(-1, len(step))
    values = function(torch.cat([offsets, -offsets]))
    values = values.reshape(2, len(ladder), _HALF, *values.shape[1:])
    return values[0], values[1], h.reshape(*h.shape, *[1] * (values.ndim - 4))


def _settled(estimates: torch.Tensor) -> torch.Tensor:
    """Per point, the estimate that differs least from that at half its step (truncation falls, rounding grows)."""
    if len(estimates) == 1:
        return estimates[0]
    gap = (estimates[:-1] - estimates[1:]).abs()
    if gap.ndim > 2:
        gap = gap.flatten(2).amax(dim=2)
    return estimates[gap.argmin(dim=0), torch.arange(estimates.shape[1])]
