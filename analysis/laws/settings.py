"""The laws under test, the dimensions in which they exist, and the noise levels at which they are tested.

Shared by the questions of `analysis.laws` and of `analysis.noise_level`.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import NamedTuple

import torch

import manifolds
from analysis.runs import Argument, one_of
from manifolds import Law, Stream
from manifolds.denoisers import NoisePrior
from manifolds.references import cached, is_reference
from manifolds.registry import builder, law_name

__all__ = [
    "LAW", "SPAN", "Shape", "build", "case", "catalogue", "level_range", "node_count", "noise_sqnorm", "noisy",
    "prior_around", "rms", "shape",
]  # fmt: skip

# a prior that reaches this factor below and above the true level does not cut the noise posterior
SPAN = 8.0
# laws that are nothing without data are tested on these
_OPTIONS = {
    "atoms": {
        "points": ((1.0, 0.0, 0.2), (-0.7, 0.7, 0.0), (0.1, -0.9, 0.5), (0.0, 0.2, -1.0)),
        "weights": (0.4, 0.3, 0.2, 0.1),
    }
}
_PROBE = 10**6  # an ambient dimension in which every low-dimensional law exists, in reduced coordinates, but for images
_SMALL_IMAGE = 8 * 8


class Shape(NamedTuple):
    """Where a law exists.

    Attributes:
        dim: k as asked for, or the nearest k that the law has; None if it exists at k = d alone.
        core_dim: m; 0 for laws that depend on |y| alone.
        low_dimensional: its support lies in a proper subspace of R^d.
        atoms: its `node_count`.
        finest: the smallest noise level that those nodes resolve, in units of the data's rms size; 0 if there is none.
        image: it exists at d = N^2 alone; its m depends on N and is that of 8 x 8 pixels here.
    """

    dim: int | None
    core_dim: int
    low_dimensional: bool
    atoms: int = 0
    finest: float = 0.0
    image: bool = False


def catalogue() -> tuple[str, ...]:
    """The registered laws that need no more than dimensions, or data that are given here."""
    return tuple(name for name in manifolds.names() if name in _OPTIONS or not _needs(manifolds.REGISTRY[name].build))


def of_catalogue(text: str) -> str:
    """`text` where it names one of them, or is `module:object` of a law: the type of a command line's argument."""
    if not is_reference(text):
        return one_of(*catalogue())(text)
    if _needs(builder(law_name(text))):
        raise ValueError(f"must be a law of dimensions alone, {text} needs more than dimensions")
    return text


def _needs(constructor: Callable) -> bool:
    """Whether it has arguments without a default other than dimensions."""
    arguments = inspect.signature(constructor).parameters.items()
    return any(a.default is a.empty and name not in ("dim", "ambient") for name, a in arguments)


def _make(name: str, dim: int, ambient: int, reduced: bool, rotation: int | None = None, **options) -> Law:
    options = _OPTIONS.get(name, {}) | options
    return manifolds.make(name, dim=dim, ambient=ambient, reduced=reduced, rotation=rotation, **options)


def node_count(law: Law) -> int:
    """The number of atoms or quadrature nodes that the law's posterior sums over; 0 for closed forms."""
    return len(getattr(law.core, "points", ()))


def _finest(law: Law) -> float:
    return getattr(law.core, "finest_sigma", 0.0)


@cached(None)
def shape(name: str, dim: int) -> Shape:
    """The shape of a registered law at intrinsic dimension dim, or at the nearest one it has."""
    for ambient in (_PROBE, _SMALL_IMAGE):
        for k in sorted((dim, 1, 2, 3, 4), key=lambda candidate: abs(candidate - dim)):
            try:
                law = _make(name, k, ambient, True)
            except ValueError:
                continue  # this law has no such k or d
            image = ambient == _SMALL_IMAGE
            return Shape(k, law.core_dim, not law.core.absorbs_normal, node_count(law), _finest(law) / rms(law), image)
    return Shape(None, 0, False)


def case(name: str, dim: int, normal_dim: int) -> dict:
    """Parameters of the law with about `normal_dim` directions normal to its span: law, dim, ambient.

    Images: of 8 x 8 pixels, or of the smallest power of two a side that is at least that many.
    """
    found = shape(name, dim)
    ambient = found.core_dim + normal_dim
    if found.image:
        ambient = _SMALL_IMAGE
        while ambient < normal_dim:
            ambient *= 4
    return {"law": name, "dim": ambient if found.dim is None else found.dim, "ambient": ambient}


def build(params: dict, reduced: bool = False, rotation: int | None = None) -> Law:
    """The law of a cell; `rotation` seeds an orientation of its core in R^d. Surfaces may be given a finest level."""
    options = {"finest": params["finest"]} if "finest" in params else {}
    return _make(params["law"], params["dim"], params["ambient"], reduced, rotation, **options)


def rms(law: Law) -> float:
    """sqrt(E|X - E X|^2): the length in units of which noise levels are given."""
    return math.sqrt(law.second_moment - float(law.core.mean.square().sum()))


def noisy(law: Law, sigma: float | torch.Tensor, n: int, stream: Stream) -> tuple[torch.Tensor, torch.Tensor]:
    """(x, x + sigma z), n draws each."""
    x = law.sample(n, stream)
    return x, law.add_noise(x, sigma, stream)


def noise_sqnorm(law: Law, x: torch.Tensor, y: torch.Tensor, sigma: float) -> torch.Tensor | None:
    """|z|^2 (n,) of y = x + sigma z, chi-square with d degrees of freedom: a control variate; None if y hides it."""
    if law.core.absorbs_normal and law.reduced:
        return None
    return law.space.sqnorm(y - x) / sigma**2


def level_range(law: Law, sigma: float) -> tuple[float, float]:
    """A range of levels with sigma well inside, as far as the law's quadrature nodes resolve it."""
    return max(sigma / SPAN, _finest(law)), sigma * SPAN


def prior_around(law: Law, sigma: float, exponent: float = -3.0) -> NoisePrior:
    """A power prior on that range."""
    return NoisePrior.power(exponent, *level_range(law, sigma))


LAW = Argument("--law", type=of_catalogue, nargs="+", default=catalogue, metavar="LAW",
               help="laws to show and check",
               by_profile={"smoke": ("atoms", "ellipse", "gaussian", "sphere", "two_scale")})  # fmt: skip
