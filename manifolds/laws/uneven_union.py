"""Unions of Gaussians on affine subspaces of DIFFERENT dimensions: the local dimension varies within the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.mixture import Component, Mixture

__all__ = ["uneven_union"]


def uneven_union(dims: Sequence[int], separation: float = 100.0, scale: float = 1.0) -> Mixture:
    """sum_j (1/J) N(c_j, scale^2 I on a k_j-plane), the planes and the shifts c_j all orthogonal: m = sum k_j + J.

    Args:
        dims: the k_j.
        separation: distance between any two centres.
        scale: standard deviation within the planes.

    Raises:
        ValueError: no dimension, one that is not an integer >= 1, or separation or scale <= 0.

    >>> core = uneven_union([1, 2, 4, 8])
    >>> core.core_dim, core.intrinsic_dim
    (19, 8)
    """
    if not len(dims):
        raise ValueError("dims must hold at least one dimension")
    dims = [positive_int(k, "dims") for k in dims]
    distance = positive_number(separation, "separation") / math.sqrt(2.0)
    axes = torch.eye(sum(dims) + len(dims), dtype=torch.float64)
    parts, used = [], len(dims)
    for j, k in enumerate(dims):
        parts.append(Component(IsotropicGaussian(k, scale), axes[:, used : used + k], distance * axes[:, j]))
        used += k
    return Mixture(parts, name="uneven_union")
