"""The nearest point of a parametric surface, by damped Newton steps in the parameters, kept in a box."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from manifolds.space import row_squares
from manifolds.special.distances import Atlas

__all__ = ["descend", "nearest_point"]

_APART, _BRANCHES = 3.0, 6  # node spacings, from where on another node may be on another branch; so many of them
_ITERATIONS = 60
_STEP = 1e-6  # of parameters, which are of order one


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
        curved = gram - _bend(tangents, t, slopes, u - x)
        # a parameter that is held at its end does not move
        held = ((t <= low) & (gradient < 0)) | ((t >= high) & (gradient > 0))
        gradient = torch.where(held, torch.zeros_like(gradient), gradient)
        free = (~held).to(torch.float64)
        both = free[:, :, None] * free[:, None, :]
        gram, curved = gram * both, curved * both
        diagonal = torch.diag_embed(
            torch.diagonal(gram, dim1=1, dim2=2) * damping[:, None] + torch.where(held, 1.0, 1e-300)
        )
        # Newton's matrix where it is positive: far off a curved surface without it the steps are of the wrong length
        convex = (torch.linalg.cholesky_ex(curved + diagonal).info == 0)[:, None, None]
        step = torch.linalg.solve(torch.where(convex, curved, gram) + diagonal, gradient[..., None])[..., 0]
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


def nearest_point(
    chart: Callable[[torch.Tensor], torch.Tensor],
    tangents: Callable[[torch.Tensor], torch.Tensor],
    nodes: Atlas,
    parameters: torch.Tensor,
    spacing: float,
    low: torch.Tensor,
    high: torch.Tensor,
    u: torch.Tensor,
) -> torch.Tensor:
    """The nearest point (n, m) of a surface: by descent from the nearest node, and from others of which a branch of the
    surface may be nearer than it.

    Args:
        chart, tangents, low, high, u: see `descend`.
        nodes: points of the surface at `parameters` (N, k), no farther than `spacing` from each other.

    >>> def circle(t): return torch.cat([torch.cos(t), torch.sin(t)], dim=1)
    >>> def slope(t): return torch.stack([-torch.sin(t), torch.cos(t)], dim=2)
    >>> t, end = torch.arange(0.0, 6.28, 0.3, dtype=torch.float64)[:, None], torch.tensor([10.0], dtype=torch.float64)
    >>> above = torch.tensor([[0.0, 3.0]], dtype=torch.float64)
    >>> nearest_point(circle, slope, Atlas(circle(t)), t, 0.3, -end, end, above)
    tensor([[..., 1.0000e+00]], dtype=torch.float64)
    """
    zero = torch.zeros(1, dtype=torch.float64)
    square = nodes.squared_distances(u, zero, zero)
    least, index = square.min(dim=1)
    reach = least + 2.0 * spacing * (spacing + least.sqrt())  # of nodes next to a point as near as that
    best = descend(chart, tangents, u, parameters[index], low, high)
    rows = torch.arange(len(u))
    for _ in range(_BRANCHES):
        near = nodes.squared_distances(nodes.points[index], zero, zero) < (_APART * spacing) ** 2
        square = square.masked_fill(near, math.inf)
        second, index = square.min(dim=1)
        contend = second <= reach[rows]
        rows, square, index = rows[contend], square[contend], index[contend]
        if not len(rows):
            break
        point = descend(chart, tangents, u[rows], parameters[index], low, high)
        nearer = row_squares(u[rows] - point) < row_squares(u[rows] - best[rows])
        best[rows[nearer]] = point[nearer]
    return best


def _bend(
    tangents: Callable[[torch.Tensor], torch.Tensor], t: torch.Tensor, slopes: torch.Tensor, gap: torch.Tensor
) -> torch.Tensor:
    """(n, k, k) gap . second derivatives of the chart, by differences of its tangents, symmetric."""
    columns = []
    for axis in torch.eye(t.shape[1], dtype=t.dtype):
        change = tangents(t + _STEP * axis) - slopes
        columns.append((change @ gap[..., None])[..., 0] / _STEP)
    bend = torch.stack(columns, dim=2)
    return 0.5 * (bend + bend.transpose(1, 2))
