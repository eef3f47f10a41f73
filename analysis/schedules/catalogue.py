"""Which registered laws an experiment on low-dimensional data runs over, at sizes where its premise holds."""

from __future__ import annotations

import functools

import manifolds
from manifolds.core import Core
from manifolds.law import Law

__all__ = ["build", "cases", "in_space"]

_SPARE = 4  # the core may fill at most this part of the ambient space: (d - m) must dominate


@functools.lru_cache(maxsize=8)
def build(name: str, dim: int, ambient: int) -> Law:
    """A registered law in quotient coordinates; kept, since image manifolds tabulate their quadrature nodes."""
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=True)


def in_space(core: Core, ambient: int) -> Law:
    """A core law in R^ambient in quotient coordinates, ambient = m allowed: the case without a normal direction, where blindness fails."""
    core.needs_normal = False
    return Law(core, ambient, reduced=True)


def _usable(name: str, dim: int, ambient: int) -> bool:
    """Whether the law exists at this size, is carried by a proper subspace and has k well below d."""
    try:
        law = build(name, dim, ambient)
    except ValueError:
        return False
    return not law.core.absorbs_normal and law.core_dim * _SPARE <= law.ambient_dim and law.intrinsic_dim > 0


@functools.lru_cache(maxsize=32)
def cases(dims: tuple[int, ...], ambient: int, names: tuple[str, ...] | None = None) -> tuple[tuple[str, int], ...]:
    """(name, dim) of every registered law, at the first of `dims` at which it exists with the given ambient dimension.

    Laws whose core is the whole space (full-rank Gaussians, scale mixtures) are the controls of other claims, not cases.
    """
    found = []
    for name in manifolds.names() if names is None else names:
        dim = next((k for k in dims if _usable(name, k, ambient)), None)
        if dim is not None:
            found.append((name, dim))
    return tuple(found)
