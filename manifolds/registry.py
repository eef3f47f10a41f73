"""Every law by name. A new law is one file and one line here; the contract tests pick it up by themselves.

Laws are named by `module:object` and loaded when they are made, so that the registry costs nothing and nobody depends
on a law that he does not use. Somebody's own law needs no line here: `make("package.module:Class", ...)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from manifolds.checks import positive_int
from manifolds.core import Core
from manifolds.law import Law
from manifolds.references import address, is_reference, load
from manifolds.special.flats import random_frames
from manifolds.streams import stream
from manifolds.tables import Table

__all__ = ["Entry", "REGISTRY", "builder", "law_name", "make", "names"]


class Entry:
    """How a law is built, and one line of truth about it.

    Args:
        build: build(dim, **options) -> Core, or its reference `module:object`; a law that fills its whole space also
            takes `ambient`.
        summary: what it is, its k, m and R.
        source: where the formula of its posterior comes from.

    >>> REGISTRY["sphere"].reference, REGISTRY["sphere"].build(2).core_dim
    ('manifolds.laws.sphere:Sphere', 3)
    """

    def __init__(self, build: Callable[..., Core] | str, summary: str, source: str) -> None:
        self._build, self.summary, self.source = build, summary, source

    @property
    def build(self) -> Callable[..., Core]:
        """The builder; a reference is loaded now."""
        return load(self._build, "law") if isinstance(self._build, str) else self._build

    @property
    def reference(self) -> str:
        """`module:object` of the builder."""
        return self._build if isinstance(self._build, str) else address(self._build)

    def __repr__(self) -> str:
        return f"Entry({self.reference!r}, {self.summary!r}, {self.source!r})"


REGISTRY: Table[Entry] = Table(
    "manifolds.registry:REGISTRY",
    {
        "atoms": Entry(
            "manifolds.laws.atoms:atoms",
            "N weighted points of R^m, any data set; R = largest norm",
            "softmax of squared distances",
        ),
        "ball": Entry(
            "manifolds.laws.ball:ball",
            "uniform on a k-ball of radius R; m = k",
            "sphere posterior, radius by quadrature (1e-11)",
        ),
        "bars": Entry(
            "manifolds.laws.images:bars",
            "soft bars on N x N pixels; k = 2..4, m = numerical span",
            "quadrature, error 1e-8 at its finest sigma",
        ),
        "blobs": Entry(
            "manifolds.laws.images:blobs",
            "Gaussian bumps on N x N pixels; k = 2..4, m = numerical span",
            "quadrature, error 1e-8 at its finest sigma",
        ),
        "cube": Entry("manifolds.laws.cube:Cube", "uniform on [-L, L]^k; m = k, R = L sqrt(k)", "truncated normal"),
        "discs": Entry(
            "manifolds.laws.images:discs",
            "soft discs on N x N pixels; k = 2..4, m = numerical span",
            "quadrature, error 1e-8 at its finest sigma",
        ),
        "ellipse": Entry(
            "manifolds.laws.surfaces:ellipse",
            "arc length on an ellipse of semi-axes 2, .5; k = 1, m = 2, R = 2",
            "quadrature, error 1e-10 at its finest sigma",
        ),
        "full_gaussian": Entry(
            "manifolds.laws.scale_mixture:full_gaussian",
            "N(0, s^2 I_d), k = d: noise level not identifiable; m = 0, R = inf",
            "conjugate normal",
        ),
        "gaussian": Entry(
            "manifolds.laws.gaussian:gaussian", "Gaussian on a k-subspace; m = k, R = inf", "conjugate normal"
        ),
        "mixture": Entry(
            "manifolds.laws.mixture:low_rank_mixture",
            "4 Gaussians on k-subspaces of R^4k; m = 4k, R = inf",
            "conjugate normal, log-sum-exp",
        ),
        "mixture_of_spheres": Entry(
            "manifolds.laws.unions:mixture_of_spheres",
            "3 spheres S^k in R^3(k+1); m = 3 (k + 1)",
            "von Mises-Fisher, log-sum-exp",
        ),
        "moebius": Entry(
            "manifolds.laws.surfaces:moebius",
            "area on a Moebius band; k = 2, m = 3, R = r + width/2",
            "quadrature, error 1e-10 at its finest sigma",
        ),
        "product": Entry(
            "manifolds.laws.product:sphere_times_cube",
            "S^(k-1) x [-L, L]; m = k + 1, R^2 = r^2 + L^2",
            "independent blocks",
        ),
        "random_code": Entry(
            "manifolds.laws.atoms:random_code",
            "e^k random points of a sphere of radius R in R^8k; m = 8k",
            "softmax of squared distances",
        ),
        "scale_mixture": Entry(
            "manifolds.laws.scale_mixture:scale_mixture",
            "sum_j w_j N(0, s_j^2 I_d), k = d; m = 0, R = inf",
            "conjugate normal, log-sum-exp",
        ),
        "sphere": Entry(
            "manifolds.laws.sphere:Sphere", "uniform on S^k of radius R; m = k + 1", "von Mises-Fisher posterior"
        ),
        "swiss_roll": Entry(
            "manifolds.laws.surfaces:swiss_roll",
            "area on a swiss roll; k = 2, m = 3, R^2 = s^2 + (height/2)^2",
            "quadrature, error 1e-10 at its finest sigma",
        ),
        "torus": Entry(
            "manifolds.laws.torus:Torus",
            "product of k circles; m = 2k, R^2 = sum of squared radii",
            "von Mises posterior in each plane",
        ),
        "trefoil": Entry(
            "manifolds.laws.surfaces:trefoil",
            "arc length on a trefoil knot; k = 1, m = 3, R = s",
            "quadrature, error 1e-10 at its finest sigma",
        ),
        "two_scale": Entry(
            "manifolds.laws.scale_mixture:two_scale",
            "1/2 delta_0 + 1/2 N(0, (k level^2/d) I_d): worst case; m = 0, R = inf",
            "conjugate normal, log-sum-exp",
        ),
        "union_of_subspaces": Entry(
            "manifolds.laws.unions:union_of_subspaces",
            "k-balls in 3 subspaces of R^3k; m = 3k, R = radius",
            "ball posterior, log-sum-exp",
        ),
    },
)


def names() -> list[str]:
    """Every registered law, sorted.

    >>> names()[:3]
    ['atoms', 'ball', 'bars']
    """
    return sorted(REGISTRY)


def make(name: str, dim: int, ambient: int, reduced: bool = False, rotation: int | None = None, **options) -> Law:
    """A registered law, or one of your own.

    Args:
        name: one of `names()`, or `package.module:object` of a class or function that builds a Core.
        dim: k, the intrinsic dimension.
        ambient: d, the ambient dimension.
        reduced: quotient coordinates (n, m + 1) instead of dense points (n, d).
        rotation: seed of a random orientation of the core in R^d (dense form); None is the first m axes.
        options: of the law itself, for instance scale=2.0.

    Raises:
        ValueError: unknown name or option, or a value that is not allowed (one line says which).

    >>> make("sphere", dim=2, ambient=10**9, reduced=True).core_dim
    3
    """
    build = builder(name)
    dim, ambient = positive_int(dim, "dim"), positive_int(ambient, "ambient")
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
    core = _build(name, build, dim, options)
    frame = None if reduced or rotation is not None else getattr(core, "natural_frame", None)
    if rotation is not None and not reduced and 0 < core.core_dim <= ambient:
        frame = random_frames(1, ambient, core.core_dim, stream(rotation, "rotation"))[0]
    return Law(core, ambient, reduced, frame)


def builder(name: str) -> Callable[..., Core]:
    """What builds the law of that name: build(dim, **options) -> Core.

    Raises:
        ValueError: no such name; a reference that does not load, or to something that builds nothing.

    >>> builder("cube")(3).core_dim
    3
    """
    if isinstance(name, str) and name in REGISTRY:
        return REGISTRY.build(name)
    if not is_reference(name):
        raise ValueError(f"law must be one of {', '.join(names())}, or package.module:object; got {name!r}")
    build = load(name, "law")
    if not callable(build) or "dim" not in inspect.signature(build).parameters:
        raise ValueError(f"law {name!r} must be a class or function of (dim, ...) that builds a manifolds.Core")
    return build


def law_name(text: str) -> str:
    """`text` where it names a law: the type of a command line's argument.

    Raises:
        ValueError: it is neither a registered name nor `package.module:object` of something that builds a law.

    >>> law_name("sphere"), law_name("manifolds.laws.sphere:Sphere")
    ('sphere', 'manifolds.laws.sphere:Sphere')
    """
    if text not in REGISTRY and not is_reference(text):
        raise ValueError(f"must be one of {', '.join(names())}, or package.module:object, got {text!r}")
    builder(text)
    return text


def _build(name: str, build: Callable[..., Any], dim: int, options: dict[str, Any]) -> Core:
    """The core; where the code is not ours its exceptions become one line."""
    try:
        core = build(dim, **options)
    except Exception as error:
        if name in REGISTRY or isinstance(error, ValueError):
            raise
        raise ValueError(f"law {name!r} cannot be built ({type(error).__name__}: {error})") from error
    if not isinstance(core, Core):
        raise ValueError(f"law {name!r} must build a manifolds.Core, got {type(core).__name__}")
    return core
