"""Every law by name. A new law is one file and one line here; the contract tests pick it up by themselves."""

from __future__ import annotations

import inspect
from typing import Callable, NamedTuple

from manifolds.checks import positive_int
from manifolds.core import Core
from manifolds.gaussian import gaussian
from manifolds.law import Law
from manifolds.mixture import low_rank_mixture, random_frames
from manifolds.sphere import Sphere
from manifolds.streams import stream

__all__ = ["Entry", "REGISTRY", "make", "names"]


class Entry(NamedTuple):
    """How a law is built, and one line of truth about it.

    Attributes:
        build: build(dim, **options) -> Core; a law that fills its whole space also takes `ambient`.
        summary: what it is, its k, m and R.
        source: where the formula of its posterior comes from.
    """

    build: Callable[..., Core]
    summary: str
    source: str


REGISTRY: dict[str, Entry] = {
    "gaussian": Entry(gaussian, "Gaussian on a k-subspace; m = k, R = inf", "conjugate normal"),
    "mixture": Entry(low_rank_mixture, "4 Gaussians on k-subspaces of R^4k; m = 4k, R = inf", "conjugate normal, log-sum-exp"),
    "sphere": Entry(Sphere, "uniform on S^k of radius R; m = k + 1", "von Mises-Fisher posterior"),
}


def names() -> list[str]:
    """Every registered law, sorted."""
    return sorted(REGISTRY)


def make(name: str, dim: int, ambient: int, reduced: bool = False, rotation: int | None = None, **options) -> Law:
    """A registered law.

    Args:
        name: one of `names()`.
        dim: k, the intrinsic dimension.
        ambient: d, the ambient dimension.
        reduced: quotient coordinates (n, m + 1) instead of dense points (n, d).
        rotation: seed of a random orientation of the core in R^d (dense form); None is the first m axes.
        options: of the law itself, for instance scale=2.0.

    Raises:
        ValueError: unknown name or option, or a value that is not allowed (one line says which).
    """
    if name not in REGISTRY:
        raise ValueError(f"law must be one of {', '.join(names())}; got {name!r}")
    dim, ambient = positive_int(dim, "dim"), positive_int(ambient, "ambient")
    build = REGISTRY[name].build
    allowed = inspect.signature(build).parameters
    for option in options:
        if option not in allowed:
            known = ", ".join(p for p in allowed if p not in ("dim", "ambient")) or "none"
            raise ValueError(f"{option} is not an option of {name}; its options are: {known}")
    if "ambient" in allowed:
        options["ambient"] = ambient
    core = build(dim, **options)
    frame = None
    if rotation is not None and not reduced and 0 < core.core_dim <= ambient:
        frame = random_frames(1, ambient, core.core_dim, stream(rotation, "rotation"))[0]
    return Law(core, ambient, reduced, frame)
