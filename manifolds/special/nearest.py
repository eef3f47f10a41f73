"""The nearest point of a parametric surface, by Levenberg-Marquardt steps in the parameters, kept in a box."""

from __future__ import annotations

from collections.abc import Callable

import torch

__all__ = ["descend"]

_ITERATIONS = 60


def descend(
    chart: Callable[[torch.Tensor], torch.Tensor],
    tangents: Callable[[torch.Tensor], torch.Tensor],
    u: torch.Tensor,
    t: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
) -> torch.Tensor:
    """chart(t*), (n, m), t* a local minimiser of |u - chart(t)| in the box.

    Args:
        chart: parameters (n, k) to points (n, m).
        tangents: parameters (n, k) to the chart's derivatives (n, k, m).
        u: (n, m).
        t: (n, k), where to start.
        low, high: (k,), the box; infinite where a parameter is free.

    >>> def line(t): return torch.cat([t, 0 * t], dim=1)
    >>> point, start = torch.tensor([[0.3, 2.0]], dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    >>> along = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    >>> descend(line, lambda t: along, point, start, torch.tensor([-1.0]), torch.tensor([1.0]))
    tensor([[0.3000, 0.0000]], dtype=torch.float64)
    """
    x = chart(t)
    best = ((u - x) ** 2).sum(dim=1)
    damping = torch.full_like(best, 1e-3)
    for _ in range(_ITERATIONS):
        slopes = tangents(t)
        gradient = (slopes @ (u - x)[..., None])[..., 0]
        gram = slopes @ slopes.transpose(1, 2)
        # a parameter that is held at its end does not move
        held = ((t <= low) & (gradient < 0)) | ((t >= high) & (gradient > 0))
        gradient = torch.where(held, torch.zeros_like(gradient), gradient)
        free = (~held).to(torch.float64)
        gram = gram * free[:, :, None] * free[:, None, :]
        diagonal = torch.diagonal(gram, dim1=1, dim2=2) * damping[:, None] + torch.where(held, 1.0, 1e-300)
        step = torch.linalg.solve(gram + torch.diag_embed(diagonal), gradient[..., None])[..., 0]
        moved = torch.minimum(torch.maximum(t + step, low), high)
        there = chart(moved)
        value = ((u - there) ** 2).sum(dim=1)
        better = value < best
        t, x = torch.where(better[:, None], moved, t), torch.where(better[:, None], there, x)
        small = bool((step.abs() <= 1e-9 * (1.0 + t.abs())).all())
        best = torch.where(better, value, best)
        damping = torch.where(better, 0.2 * damping, 8.0 * damping + 1e-8).clamp(1e-12, 1e12)
        if small:
            break
    return x
