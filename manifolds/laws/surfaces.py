"""Curves and surfaces of textbooks with the arc-length or area measure: ellipse, trefoil knot, swiss roll, Moebius band."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.laws.surface import Axis, Surface

__all__ = ["ellipse", "moebius", "swiss_roll", "trefoil"]

_TURN = 2.0 * math.pi


def _fixed_dim(dim: int, allowed: int, name: str) -> None:
    if positive_int(dim, "dim") != allowed:
        raise ValueError(f"dim must be {allowed} for {name}, got {dim}")


def ellipse(dim: int = 1, semi_axes: Sequence[float] = (2.0, 0.5), finest: float = 0.02) -> Surface:
    """(a cos t, b sin t) with the arc-length measure; m = 2, R = max(a, b). Figure 10 of arXiv 2602.09639 has (2, .5)."""
    _fixed_dim(dim, 1, "ellipse")
    if len(semi_axes) != 2:
        raise ValueError(f"semi_axes must be two numbers, got {len(semi_axes)}")
    a, b = (positive_number(float(value), "semi_axes") for value in semi_axes)

    def chart(t: torch.Tensor) -> torch.Tensor:
        return torch.cat([a * torch.cos(t), b * torch.sin(t)], dim=1)

    return Surface(chart, [Axis(0.0, _TURN, True)], finest, max(a, b), "ellipse")


def trefoil(dim: int = 1, scale: float = 1.0, finest: float = 0.02) -> Surface:
    """The knot s (sin t + 2 sin 2t, cos t - 2 cos 2t, -sin 3t)/3 with the arc-length measure; m = 3, R = s."""
    _fixed_dim(dim, 1, "trefoil")
    size = positive_number(scale, "scale") / 3.0

    def chart(t: torch.Tensor) -> torch.Tensor:
        x, y = torch.sin(t) + 2.0 * torch.sin(2.0 * t), torch.cos(t) - 2.0 * torch.cos(2.0 * t)
        return size * torch.cat([x, y, -torch.sin(3.0 * t)], dim=1)

    # |x|^2 = size^2 (5 - 4 c + 1 - c^2), c = cos 3t, largest at c = -1
    return Surface(chart, [Axis(0.0, _TURN, True)], finest, 3.0 * size, "trefoil")


def swiss_roll(
    dim: int = 2, scale: float = 1.0, height: float = 1.5, turns: float = 1.5, finest: float = 0.1
) -> Surface:
    """A spiral s t (cos t, sin t)/t_max, t in [3 pi/2, 3 pi/2 + 2 pi turns], times an interval; area measure; m = 3.

    Args:
        dim: 2.
        scale: s, the outer radius of the spiral.
        height: length of the interval, in units of s.
        turns: turns of the spiral; its layers are apart by 2 pi s/t_max.
        finest: smallest noise level to be asked.
    """
    _fixed_dim(dim, 2, "swiss_roll")
    scale, height, turns = (
        positive_number(scale, "scale"),
        positive_number(height, "height"),
        positive_number(turns, "turns"),
    )
    start = 1.5 * math.pi
    stop = start + _TURN * turns
    half = 0.5 * height * scale

    def chart(p: torch.Tensor) -> torch.Tensor:
        t, h = p[:, :1], p[:, 1:]
        return torch.cat([scale / stop * t * torch.cos(t), scale / stop * t * torch.sin(t), h], dim=1)

    return Surface(chart, [Axis(start, stop), Axis(-half, half)], finest, math.hypot(scale, half), "swiss_roll")


def moebius(dim: int = 2, radius: float = 1.0, width: float = 0.8, finest: float = 0.1) -> Surface:
    """The band ((r + w cos(t/2)) cos t, (r + w cos(t/2)) sin t, w sin(t/2)), |w| <= width/2; area measure; m = 3."""
    _fixed_dim(dim, 2, "moebius")
    radius, width = positive_number(radius, "radius"), positive_number(width, "width")
    if width >= 2.0 * radius:
        raise ValueError(f"width must be < 2 radius = {2 * radius:g} for moebius, got {width:g}")

    def chart(p: torch.Tensor) -> torch.Tensor:
        t, w = p[:, :1], p[:, 1:]
        reach = radius + w * torch.cos(0.5 * t)
        return torch.cat([reach * torch.cos(t), reach * torch.sin(t), w * torch.sin(0.5 * t)], dim=1)

    # (t + 2 pi, w) is (t, -w): with nodes symmetric in w the trapezoid rule in t closes up
    return Surface(
        chart, [Axis(0.0, _TURN, True), Axis(-0.5 * width, 0.5 * width)], finest, radius + 0.5 * width, "moebius"
    )
