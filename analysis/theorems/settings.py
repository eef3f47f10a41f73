"""The laws on which the theorems are measured, each with its range of noise levels, and the sizes of the profiles."""

from __future__ import annotations

import torch

import manifolds
from analysis.ledger.sizes import resolved_level, scale
from manifolds.law import Law
from manifolds.references import cached

__all__ = ["ANY_LEVEL", "CASES", "CLOSED", "IMAGE_SIDE", "PAPER", "SIZES", "case", "levels"]

PAPER = "arXiv 2602.09639"
SIZES = {"smoke": 0.1, "paper": 1.0, "full": 8.0}  # points of a cell, relative to the paper profile
IMAGE_SIDE = 16  # pixels; an image manifold keeps its shape in a larger space, the further coordinates hold noise alone
_CANTOR_DEPTH = 9  # generations: 512 points, self-similar from 1 down to 3^-9

# name -> (k, options of the law); surfaces at the finest level that a thousand quadrature nodes or so resolve
CASES: dict[str, tuple[int, dict]] = {
    "gaussian": (4, {}),
    "sphere": (4, {}),
    "torus": (4, {}),
    "cube": (4, {}),
    "product": (4, {}),
    "mixture": (4, {}),
    "random_code": (3, {}),
    "two_atoms": (1, {}),
    "cantor": (1, {}),
    "ellipse": (1, {"finest": 0.05}),
    "trefoil": (1, {"finest": 0.05}),
    "moebius": (2, {"finest": 0.25}),
    "swiss_roll": (2, {"finest": 0.2}),
    "blobs": (2, {}),
    "discs": (2, {}),
    "bars": (2, {}),
}
# laws whose posterior is a closed form or a product of such; of the others it is a sum over many points: fewer samples
CLOSED = ("gaussian", "sphere", "torus", "cube", "product", "mixture")
# laws whose noise levels may be as fine as one likes
ANY_LEVEL = (*CLOSED, "random_code", "two_atoms", "cantor")


@cached(8)
def _core_law(name: str) -> Law:
    """The law in the smallest space that its constructor takes; kept, since image manifolds tabulate their nodes."""
    k, options = CASES[name]
    if name == "two_atoms":  # at distance 2, R = 1
        return manifolds.make("atoms", dim=k, ambient=2, reduced=True, points=((-1.0,), (1.0,)))
    if name == "cantor":
        return manifolds.make("atoms", dim=k, ambient=2, reduced=True, points=_cantor(_CANTOR_DEPTH))
    ambient = IMAGE_SIDE**2 if name in ("blobs", "discs", "bars") else 100
    return manifolds.make(name, dim=k, ambient=ambient, reduced=True, **options)


def _cantor(depth: int) -> list[tuple[float]]:
    """Left ends of the 2^depth intervals of Cantor's set, centred."""
    points = torch.zeros(1, dtype=torch.float64)
    for generation in range(depth):
        points = torch.cat([points, points + 2.0 * 3.0 ** -(generation + 1)])
    return [(float(p),) for p in points - points.mean()]


def case(name: str, ambient: int) -> Law:
    """A law of the catalogue in R^ambient, quotient coordinates."""
    return _core_law(name).with_ambient(ambient)


def levels(law: Law, end: float) -> tuple[float, float]:
    """(sigma_T, sigma_0) = (end, 20) in units of the data's size; sigma_T no finer than the law's nodes resolve."""
    size = scale(law)
    return resolved_level(law, end * size), 20.0 * size
