"""Shapes as types: what the axes of a tensor mean, and what a law keeps of a point, said once.

n points, q noise levels each, width (d, or m + 1 in reduced coordinates), m core coordinates, B coefficients.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import torch

__all__ = [
    "BlockStatistics",
    "Bounds",
    "Coefficients",
    "CorePoints",
    "Level",
    "Levels",
    "MixtureStatistics",
    "NormStatistics",
    "PlaneStatistics",
    "PointStatistics",
    "Points",
    "RadiusStatistics",
    "Rows",
    "SquareStatistics",
    "Statistics",
    "Values",
]

Points: TypeAlias = torch.Tensor
"""(n, width) float64: points of a space, or what a denoiser makes of them."""

CorePoints: TypeAlias = torch.Tensor
"""(n, m) float64: core coordinates; for a law that absorbs the normal coordinates (n, 1), the norm."""

Rows: TypeAlias = torch.Tensor
"""(n,) float64: one number a point."""

Level: TypeAlias = float | torch.Tensor
"""A noise standard deviation: a number, or one a point (n,)."""

Levels: TypeAlias = torch.Tensor
"""(n, q) or (1, q) float64: noise standard deviations, q a point."""

Values: TypeAlias = torch.Tensor
"""(n, q) float64: one number a point and level."""

Coefficients: TypeAlias = torch.Tensor
"""(n, q, B) float64: of the vectors that `Core.assemble` combines."""

Bounds: TypeAlias = tuple[float, float]
"""Lower and upper bound of one number."""

Statistics: TypeAlias = tuple[Any, ...]
"""What a posterior needs of points and does not depend on sigma: tensors with n rows, in a (named, nested) tuple."""


class PointStatistics(NamedTuple):
    """The points themselves (atoms, cube, Gaussians with an axis each)."""

    u: CorePoints


class NormStatistics(NamedTuple):
    """Points and their norms (sphere, ball)."""

    u: CorePoints
    norm: Rows


class SquareStatistics(NamedTuple):
    """Points and their squared norms (isotropic Gaussian)."""

    u: CorePoints
    norm2: Rows


class PlaneStatistics(NamedTuple):
    """Points plane by plane, (n, k, 2), and the norms there, (n, k) (torus)."""

    planes: torch.Tensor
    norm: torch.Tensor


class RadiusStatistics(NamedTuple):
    """Norms alone (laws that fill their space and depend on |y| only)."""

    rho: Rows


class BlockStatistics(NamedTuple):
    """Of each factor of a product."""

    blocks: tuple[Statistics, ...]


class MixtureStatistics(NamedTuple):
    """Of each component; squared distances (n, J) to the components' affine subspaces; <u, c_j> - |c_j|^2/2, (n, J),
    for their shifts c_j; and |u| (n,) of points that are far from all of them, 0 of others."""

    parts: tuple[Statistics, ...]
    normal2: torch.Tensor
    toward: torch.Tensor
    far: torch.Tensor
