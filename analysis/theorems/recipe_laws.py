"""Bounded laws that no rotation leaves unchanged, for the recipe of Corollary 3.10, named by `module:object`."""

from __future__ import annotations

import torch

from manifolds.checks import positive_int
from manifolds.laws.cube import Cube
from manifolds.laws.mixture import Component, Mixture
from manifolds.laws.surfaces import Axis, Surface

__all__ = ["cap", "unequal_cubes"]

_WEIGHTS = (0.46, 0.18, 0.18, 0.18)


def unequal_cubes(dim: int) -> Mixture:
    """Cubes of half width .1 in the same k coordinates, four of them at distance 1 along axes of their own; weights
    .46, .18, .18, .18; m = k + 4.

    >>> unequal_cubes(2).core_dim, round(unequal_cubes(2).radius, 3)
    (6, 1.01)
    """
    k = positive_int(dim, "dim")
    axes = torch.eye(k + 4, dtype=torch.float64)
    parts = [Component(Cube(k, 0.1), axes[:, :k].clone(), axes[k + j].clone()) for j in range(4)]
    return Mixture(parts, _WEIGHTS, "unequal_cubes")


def cap(dim: int = 2, finest: float = 0.05) -> Surface:
    """A four-sided cap of the unit sphere, (a, b, 1)/|(a, b, 1)| with |a|, |b| <= 1: a sixth of it; k = 2, m = 3.

    Its mean, .83 along the last axis, is no point of the sphere's centre: the law is off-centre.

    >>> round(float(cap(finest=0.2).mean[2]), 3)
    0.831
    """
    if dim != 2:
        raise ValueError(f"dim must be 2 for cap, got {dim}")

    def chart(p: torch.Tensor) -> torch.Tensor:
        face = torch.cat([p, torch.ones_like(p[:, :1])], dim=1)
        return face / face.norm(dim=1, keepdim=True)

    return Surface(chart, [Axis(-1.0, 1.0), Axis(-1.0, 1.0)], finest, 1.0, "cap")
