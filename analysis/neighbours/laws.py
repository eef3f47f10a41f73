"""The laws that tell the theorems apart, by a short name: `family size`, in R^100000, in quotient coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from manifolds.core import Core
from manifolds.law import Law
from manifolds.laws.atoms import Atoms, random_code
from manifolds.laws.ball import ball
from manifolds.laws.cube import Cube
from manifolds.laws.gaussian import gaussian
from manifolds.laws.isotropic_mixture import Smoothed, isotropic_mixture
from manifolds.laws.mixture import low_rank_mixture
from manifolds.laws.product import sphere_times_cube
from manifolds.laws.sphere import Sphere
from manifolds.laws.torus import Torus
from manifolds.laws.uneven_union import uneven_union
from manifolds.references import cached
from manifolds.streams import stream

__all__ = ["AMBIENT", "build", "line_mixture", "size", "zipf_weights"]

AMBIENT = 10**5


def zipf_weights(n: int) -> torch.Tensor:
    """p_i ~ i^-1.5: in the limit the entropy is finite, the Renyi-1/2 entropy is not.

    >>> w = zipf_weights(1000)
    >>> round(float(w.sum()), 12), bool((w.diff() < 0).all())
    (1.0, True)
    """
    w = torch.arange(1, n + 1, dtype=torch.float64) ** -1.5
    return w / w.sum()


def _zipf(n: int) -> Atoms:
    """n atoms on a sphere of radius 1 in R^64, at random, with Zipf weights."""
    points = stream(0, "zipf", n).normal(n, 64)
    return Atoms(points / points.norm(dim=1, keepdim=True), zipf_weights(n), name="zipf")


def _rare(n: int) -> Atoms:
    """Two atoms at distance 2, the one with probability 1/n."""
    return Atoms([[-1.0], [1.0]], [1.0 - 1.0 / n, 1.0 / n], name="rare")


def _ellipsoid(k: int) -> Core:
    """N(0, diag(j^-2)), j = 1 .. k: the number of directions that stand above the noise varies with the level."""
    return gaussian(k, [1.0 / j for j in range(1, k + 1)])


def line_mixture(separation: float, components: int = 2, width: float = 1.0) -> Smoothed:
    """Equal Gaussians on a line, neighbours at this distance, about the origin.

    >>> line_mixture(4.0).second_moment
    5.0
    """
    places = separation * (torch.arange(components, dtype=torch.float64) - (components - 1) / 2)
    return Smoothed(Atoms(places[:, None]), width)


_FAMILIES: dict[str, Callable[[int], Core]] = {
    "gaussian": gaussian,
    "wide": lambda k: gaussian(k, 1e3),
    "ellipsoid": _ellipsoid,
    "sphere": Sphere,
    "sphere_root": lambda k: Sphere(k, math.sqrt(k)),  # as large in each direction at every k
    "torus": Torus,
    "cube": Cube,
    "ball": ball,
    "product": sphere_times_cube,
    "mixture": low_rank_mixture,
    "isotropic": lambda n: isotropic_mixture(8, components=n),
    "random_code": random_code,
    "zipf": _zipf,
    "rare": _rare,
    "uneven": lambda k: uneven_union([1, 2, 4, k]),
}


@cached(64)
def build(name: str, ambient: int = AMBIENT) -> Law:
    """A law by its short name.

    >>> build("sphere 8").core_dim, build("ellipsoid 4").second_moment < build("gaussian 4").second_moment
    (9, True)
    """
    family, number = name.split()
    return Law(_FAMILIES[family](int(number)), ambient, reduced=True)


def size(name: str) -> int:
    """The number in a short name."""
    return int(name.split()[1])
