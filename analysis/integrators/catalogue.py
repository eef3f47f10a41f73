"""Which registered laws an experiment on low-dimensional data runs over, at sizes where its premise holds."""

from __future__ import annotations

import inspect

import manifolds
from manifolds.core import Core
from manifolds.law import Law
from manifolds.laws.ball import Ball
from manifolds.laws.mixture import Mixture
from manifolds.references import cached

__all__ = ["affordable", "build", "cases", "end_level", "in_space", "is_discrete"]

_SPARE = 4  # the core may fill at most this part of the ambient space: (d - m) must dominate
_MANY = 100  # terms that cost about as much as a closed form


@cached(64)
def build(name: str, dim: int, ambient: int) -> Law:
    """A registered law in quotient coordinates; kept, since image manifolds tabulate their quadrature nodes."""
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=True)


def end_level(name: str, dim: int, ambient: int, sigma_T: float) -> float:
    """sigma_T, or the smallest noise level that the law's quadrature nodes resolve where that is larger."""
    return max(sigma_T, 1.001 * getattr(build(name, dim, ambient).core, "finest_sigma", 0.0))


def is_discrete(name: str, dim: int, ambient: int) -> bool:
    """Whether the data are finitely many points, as opposed to a continuous law or to its quadrature nodes."""
    core = build(name, dim, ambient).core
    return hasattr(core, "points") and not hasattr(core, "finest_sigma")


def _terms(core: Core) -> int:
    """How many terms a posterior of this core is a sum of, in units of a point mass; a closed form counts as a few."""
    if isinstance(core, Mixture):
        return sum(_terms(part.core) for part in core.components)
    return (
        300 if isinstance(core, Ball) else len(getattr(core, "points", range(10)))
    )  # a ball: a quadrature of Bessel functions


def affordable(name: str, dim: int, ambient: int, n: int) -> int:
    """n, or fewer samples (at least 100) for a law whose posterior is a long sum."""
    return max(min(n, n * _MANY // _terms(build(name, dim, ambient).core)), 100)


def in_space(core: Core, ambient: int) -> Law:
    """A core law in R^ambient in quotient coordinates, ambient = m allowed (where blindness fails)."""
    core.needs_normal = False
    return Law(core, ambient, reduced=True)


def _usable(name: str, dim: int, ambient: int) -> bool:
    """Whether the law exists at this size, is carried by a proper subspace and has k well below d."""
    wanted = inspect.signature(manifolds.REGISTRY[name].build).parameters.values()
    if any(p.default is p.empty and p.name not in ("dim", "ambient") for p in wanted):
        return False  # it is made of data that the caller brings
    try:
        law = build(name, dim, ambient)
    except ValueError:
        return False
    return not law.core.absorbs_normal and law.core_dim * _SPARE <= law.ambient_dim and law.intrinsic_dim > 0


@cached(32)
def cases(dims: tuple[int, ...], ambient: int, names: tuple[str, ...] | None = None) -> tuple[tuple[str, int], ...]:
    """(name, dim) of every registered law, at the first of `dims` at which it exists with this ambient dimension.

    Laws whose core is the whole space (full-rank Gaussians, scale mixtures) are controls of other claims, not cases.
    """
    found = []
    for name in manifolds.names() if names is None else names:
        dim = next((k for k in dims if _usable(name, k, ambient)), None)
        if dim is not None:
            found.append((name, dim))
    return tuple(found)
