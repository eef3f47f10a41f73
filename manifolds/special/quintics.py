"""Interpolation of a table by the quintics through six neighbours."""

from __future__ import annotations

import torch

__all__ = ["interpolate", "quintics"]

# column j holds the coefficients of the j-th of six equispaced values (at -2 .. 3) in the monomials of the quintic
_NODES = torch.arange(-2.0, 4.0, dtype=torch.float64)
_TO_MONOMIALS = torch.linalg.inv(_NODES[:, None] ** torch.arange(6, dtype=torch.float64))


def quintics(values: torch.Tensor) -> torch.Tensor:
    """(6, T - 5) coefficients of the quintic through six neighbours, for the cell between the third and the fourth.

    The third value is taken off before the matrix product and put back into the constant: values of size A then lose
    no digits.

    >>> quintics(torch.arange(8.0, dtype=torch.float64)).shape
    torch.Size([6, 3])
    """
    stencil = values.unfold(0, 6, 1)
    base = stencil[:, 2]
    cells = _TO_MONOMIALS @ (stencil - base[:, None]).T
    cells[0] += base
    return cells.contiguous()


def interpolate(cells: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Values at positions >= 0, of any shape, counted in grid steps from the third grid point.

    >>> cells = quintics(torch.arange(8.0, dtype=torch.float64) ** 2)
    >>> interpolate(cells, torch.tensor([0.5], dtype=torch.float64))  # half a step beyond the third point
    tensor([6.2500], dtype=torch.float64)
    """
    flat = position.reshape(-1)
    index = flat.to(torch.int32).clamp_(max=cells.shape[1] - 1)
    t = flat - index
    out = cells[5].index_select(0, index)
    for j in (4, 3, 2, 1, 0):
        out.mul_(t).add_(cells[j].index_select(0, index))
    return out.reshape(position.shape)
