"""Decreasing grids of noise levels: geometric, Karras, cosine. Plain functions of numbers.

Each returns steps + 1 levels (float64) from sigma_start down to sigma_end, end points exact.
"""

from __future__ import annotations

import math

import torch

from manifolds.checks import positive_int, positive_number

__all__ = ["geometric_levels", "karras_levels", "cosine_levels", "check_range"]


def check_range(sigma_start: float, sigma_end: float) -> None:
    """Raise ValueError, in one line, unless 0 < sigma_end < sigma_start < infinity.

    >>> check_range(1.0, 2.0)
    Traceback (most recent call last):
    ValueError: sigma_end must be below sigma_start = 1.0, got 2.0
    """
    positive_number(sigma_start, "sigma_start")
    if positive_number(sigma_end, "sigma_end") >= sigma_start:
        raise ValueError(f"sigma_end must be below sigma_start = {sigma_start!r}, got {sigma_end!r}")


def _fractions(steps: int) -> torch.Tensor:
    steps = positive_int(steps, "steps")
    return torch.arange(steps + 1, dtype=torch.float64) / steps


def _pinned(levels: torch.Tensor, sigma_start: float, sigma_end: float) -> torch.Tensor:
    levels[0], levels[-1] = sigma_start, sigma_end
    return levels


def geometric_levels(sigma_start: float, sigma_end: float, steps: int) -> torch.Tensor:
    """Constant ratio sigma_{i+1} / sigma_i: the grid of a constant step h in the proportional family.

    >>> [round(s, 12) for s in geometric_levels(8.0, 1.0, 3).tolist()]
    [8.0, 4.0, 2.0, 1.0]
    """
    check_range(sigma_start, sigma_end)
    levels = sigma_start * torch.exp(_fractions(steps) * math.log(sigma_end / sigma_start))
    return _pinned(levels, sigma_start, sigma_end)


def karras_levels(sigma_start: float, sigma_end: float, steps: int, rho: float = 7.0) -> torch.Tensor:
    """Equal steps in sigma^(1/rho) (Karras et al., arXiv 2206.00364, eq. 5, without the final level 0).

    >>> karras_levels(9.0, 1.0, 2, rho=2.0).tolist()
    [9.0, 4.0, 1.0]
    """
    check_range(sigma_start, sigma_end)
    positive_number(rho, "rho")
    first, last = sigma_start ** (1 / rho), sigma_end ** (1 / rho)
    return _pinned((first + _fractions(steps) * (last - first)) ** rho, sigma_start, sigma_end)


def cosine_levels(sigma_start: float, sigma_end: float, steps: int, scale: float = 1.0) -> torch.Tensor:
    """Equal steps in arctan(sigma / scale): the cosine schedule of arXiv 2102.09672 (eq. 17) read as levels.

    Args:
        scale: standard deviation of the data that the schedule is meant for.

    >>> [round(s**2, 12) for s in cosine_levels(3**0.5, 3**-0.5, 2).tolist()]  # angles of 60, 45, 30 degrees
    [3.0, 1.0, 0.333333333333]
    """
    check_range(sigma_start, sigma_end)
    positive_number(scale, "scale")
    first, last = math.atan(sigma_start / scale), math.atan(sigma_end / scale)
    levels = scale * torch.tan(first + _fractions(steps) * (last - first))
    return _pinned(levels, sigma_start, sigma_end)
