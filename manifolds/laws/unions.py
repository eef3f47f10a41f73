"""Unions of manifolds as mixtures: bounded flats in general position, and spheres apart from each other."""

from __future__ import annotations

import math

import torch

from manifolds.checks import positive_int, positive_number
from manifolds.laws.ball import ball
from manifolds.laws.mixture import Component, Mixture
from manifolds.laws.sphere import Sphere
from manifolds.special.flats import random_frames
from manifolds.streams import stream

__all__ = ["mixture_of_spheres", "union_of_subspaces"]


def union_of_subspaces(dim: int, components: int = 3, radius: float = 1.0, geometry_seed: int = 0) -> Mixture:
    """Uniform on k-balls of radius R in J random k-subspaces through the origin of R^m, m = J k: they cross at the
    origin.

    Raises:
        ValueError: a size is not an integer >= 1, or radius <= 0.

    >>> core = union_of_subspaces(2)
    >>> core.core_dim, core.radius
    (6, 1.0)
    """
    dim, components = positive_int(dim, "dim"), positive_int(components, "components")
    core_dim = components * dim
    source = stream(geometry_seed, "union of subspaces", dim, components)
    shift = torch.zeros(core_dim, dtype=torch.float64)
    frames = random_frames(components, core_dim, dim, source)
    return Mixture([Component(ball(dim, radius), frame, shift) for frame in frames], name="union_of_subspaces")


def mixture_of_spheres(
    dim: int, components: int = 3, radius: float = 1.0, separation: float = 3.0, geometry_seed: int = 0
) -> Mixture:
    """J spheres S^k of radius R in random (k+1)-planes of R^m, m = J (k+1), with centres at `separation` R from the
    origin.

    Raises:
        ValueError: a size is not an integer >= 1, radius <= 0, or separation < 0.

    >>> mixture_of_spheres(1, components=2).core_dim
    4
    """
    dim, components, radius = (
        positive_int(dim, "dim"),
        positive_int(components, "components"),
        positive_number(radius, "radius"),
    )
    if not 0 <= separation < math.inf:
        raise ValueError(f"separation must be >= 0 and finite, got {separation!r}")
    core_dim = components * (dim + 1)
    source = stream(geometry_seed, "mixture of spheres", dim, components)
    parts = []
    for j, frame in enumerate(random_frames(components, core_dim, dim + 1, source)):
        direction = source.child("shift", j).normal(core_dim)
        parts.append(Component(Sphere(dim, radius), frame, separation * radius * direction / direction.norm()))
    return Mixture(parts, name="mixture_of_spheres")
