"""Every law by name. A new law is one file and one line here; the contract tests pick it up by themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NamedTuple

from manifolds.checks import positive_int
from manifolds.core import Core
from manifolds.law import Law
from manifolds.laws.atoms import atoms, random_code
from manifolds.laws.ball import ball
from manifolds.laws.cube import Cube
from manifolds.laws.gaussian import gaussian
from manifolds.laws.images import bars, blobs, discs
from manifolds.laws.mixture import low_rank_mixture
from manifolds.laws.product import sphere_times_cube
from manifolds.laws.scale_mixture import full_gaussian, scale_mixture, two_scale
from manifolds.laws.sphere import Sphere
from manifolds.laws.surfaces import ellipse, moebius, swiss_roll, trefoil
from manifolds.laws.torus import Torus
from manifolds.laws.unions import mixture_of_spheres, union_of_subspaces
from manifolds.special.flats import random_frames
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
    "atoms": Entry(atoms, "N weighted points of R^m, any data set; R = largest norm", "softmax of squared distances"),
    "ball": Entry(ball, "uniform on a k-ball of radius R; m = k", "sphere posterior, radius by quadrature (1e-11)"),
    "bars": Entry(
        bars, "soft bars on N x N pixels; k = 2..4, m = numerical span", "quadrature, error 1e-8 at its finest sigma"
    ),
    "blobs": Entry(
        blobs,
        "Gaussian bumps on N x N pixels; k = 2..4, m = numerical span",
        "quadrature, error 1e-8 at its finest sigma",
    ),
    "cube": Entry(Cube, "uniform on [-L, L]^k; m = k, R = L sqrt(k)", "truncated normal"),
    "discs": Entry(
        discs, "soft discs on N x N pixels; k = 2..4, m = numerical span", "quadrature, error 1e-8 at its finest sigma"
    ),
    "ellipse": Entry(
        ellipse,
        "arc length on an ellipse of semi-axes 2, .5; k = 1, m = 2, R = 2",
        "quadrature, error 1e-10 at its finest sigma",
    ),
    "full_gaussian": Entry(
        full_gaussian, "N(0, s^2 I_d), k = d: noise level not identifiable; m = 0, R = inf", "conjugate normal"
    ),
    "gaussian": Entry(gaussian, "Gaussian on a k-subspace; m = k, R = inf", "conjugate normal"),
    "mixture": Entry(
        low_rank_mixture, "4 Gaussians on k-subspaces of R^4k; m = 4k, R = inf", "conjugate normal, log-sum-exp"
    ),
    "mixture_of_spheres": Entry(
        mixture_of_spheres, "3 spheres S^k in R^3(k+1); m = 3 (k + 1)", "von Mises-Fisher, log-sum-exp"
    ),
    "moebius": Entry(
        moebius, "area on a Moebius band; k = 2, m = 3, R = r + width/2", "quadrature, error 1e-10 at its finest sigma"
    ),
    "product": Entry(sphere_times_cube, "S^(k-1) x [-L, L]; m = k + 1, R^2 = r^2 + L^2", "independent blocks"),
    "random_code": Entry(
        random_code, "e^k random points of a sphere of radius R in R^8k; m = 8k", "softmax of squared distances"
    ),
    "scale_mixture": Entry(
        scale_mixture, "sum_j w_j N(0, s_j^2 I_d), k = d; m = 0, R = inf", "conjugate normal, log-sum-exp"
    ),
    "sphere": Entry(Sphere, "uniform on S^k of radius R; m = k + 1", "von Mises-Fisher posterior"),
    "swiss_roll": Entry(
        swiss_roll,
        "area on a swiss roll; k = 2, m = 3, R^2 = s^2 + (height/2)^2",
        "quadrature, error 1e-10 at its finest sigma",
    ),
    "torus": Entry(
        Torus, "product of k circles; m = 2k, R^2 = sum of squared radii", "von Mises posterior in each plane"
    ),
    "trefoil": Entry(
        trefoil, "arc length on a trefoil knot; k = 1, m = 3, R = s", "quadrature, error 1e-10 at its finest sigma"
    ),
    "two_scale": Entry(
        two_scale,
        "1/2 delta_0 + 1/2 N(0, (k level^2/d) I_d): worst case; m = 0, R = inf",
        "conjugate normal, log-sum-exp",
    ),
    "union_of_subspaces": Entry(
        union_of_subspaces, "k-balls in 3 subspaces of R^3k; m = 3k, R = radius", "ball posterior, log-sum-exp"
    ),
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
    missing = [p.name for p in allowed.values() if p.default is p.empty and p.name not in ("dim", "ambient", *options)]
    if missing:
        raise ValueError(f"{missing[0]} must be given for {name}")
    if "ambient" in allowed:
        options["ambient"] = ambient
    core = build(dim, **options)
    frame = None if reduced or rotation is not None else getattr(core, "natural_frame", None)
    if rotation is not None and not reduced and 0 < core.core_dim <= ambient:
        frame = random_frames(1, ambient, core.core_dim, stream(rotation, "rotation"))[0]
    return Law(core, ambient, reduced, frame)
