"""Boxes of parameters: their axes, grids, and tensor-product quadrature rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from manifolds.special.quadrature import legendre

__all__ = ["Axis", "grid", "product_rule"]


class Axis(NamedTuple):
    """The range of one parameter; periodic ones close up (perhaps after a reflection of the other axes, as in a Moebius
    band).

    >>> Axis(-1.0, 2.0).length
    3.0
    """

    low: float
    high: float
    periodic: bool = False

    @property
    def length(self) -> float:
        return self.high - self.low


def grid(axes: Sequence[Axis], size: int) -> torch.Tensor:
    """(size^k, k) points of an equal grid, ends included.

    >>> grid([Axis(0.0, 1.0), Axis(0.0, 2.0)], 2)
    tensor([[0., 0.],
            [0., 2.],
            [1., 0.],
            [1., 2.]], dtype=torch.float64)
    """
    lines = [torch.linspace(a.low, a.high, size, dtype=torch.float64) for a in axes]
    return torch.cartesian_prod(*lines).reshape(-1, len(axes))


def product_rule(axes: Sequence[Axis], counts: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes (N, k) and weights (N,), summing to one: trapezoid along periodic axes, Gauss-Legendre along the others.

    >>> product_rule([Axis(0.0, 4.0, periodic=True)], [2])
    (tensor([[0.],
            [2.]], dtype=torch.float64), tensor([0.5000, 0.5000], dtype=torch.float64))
    """
    lines, weights = [], torch.ones(1, dtype=torch.float64)
    for axis, count in zip(axes, counts):
        if axis.periodic:
            x = torch.arange(count, dtype=torch.float64) / count
            w = torch.full((count,), 1.0 / count, dtype=torch.float64)
        else:
            x, w = legendre(count)
        lines.append(axis.low + axis.length * x)
        weights = (weights[:, None] * w).reshape(-1)
    return torch.cartesian_prod(*lines).reshape(-1, len(axes)), weights
