"""Gauss rules of a Gamma law that is cut at one end, for every position of the cut, from one small table.

An end of the noise prior cuts the Gamma law of sigma^-2 that the normal coordinates induce. For one shape A the Gauss
rules of the cut law are smooth functions of one number, the cut's normal score: they are computed at Chebyshev points of
it (Stieltjes' procedure on a fine discretisation) and interpolated, so that a point with a cut peak needs as few nodes as
one without. The interpolant is kept as cubics on many equal cells, whichever the end: a point costs one look-up.
Nodes are offsets from the cut, in log sigma, in units of the scale on which the density falls there.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch

from manifolds.denoisers.rules import GaussRule, gauss

__all__ = ["cut_rule", "least_score", "normal_score"]

DEGREE = 80
_CELLS, _TERMS = 2048, 4  # 1e-11 of the Chebyshev series, 1e-10 at 12 nodes and the smallest shapes
_BEND = 8.0  # score above `least` that is the middle of the compactified variable
_DROP = 50.0
_GRID = 320


def normal_score(gamma: torch.Tensor, shape: float) -> torch.Tensor:
    """Normal score of a value of the Gamma(A, 1) law (Wilson-Hilferty, good to a few per cent in the far tails)."""
    root = torch.exp(torch.log(gamma / shape) / 3.0)  # the library's power takes thrice as long
    return 3.0 * shape**0.5 * (root - 1.0 + 1.0 / (9.0 * shape))


def least_score(shape: float, side: int, tail: float) -> float:
    """The score -`tail` below which a cut leaves out too little mass to matter; for a cut from below it is kept above that
    of a gamma of .05^3 A, where the skew law has lost less than that already."""
    return max(-tail, -2.85 * shape**0.5 + 1.0 / (3.0 * shape**0.5)) if side > 0 else -tail


def _scale(gamma, shape: float, side):
    """A length in log(gamma) like that on which the density falls from the cut inwards, smooth for the sake of the table."""
    fall = side * (gamma - shape)
    return 2.0 / (fall + (fall * fall + 40.0 * shape) ** 0.5)  # (of arrays of either library)


def cut_rule(shape: float, q: int, gamma: torch.Tensor, side: torch.Tensor, least: tuple[float, float]) -> GaussRule:
    """Gauss rules (n, q) of the law of log G, G ~ Gamma(A, 1), on the far side of cuts at gamma (n,); nodes from the cut.

    Args:
        shape: A.
        q: nodes.
        gamma: positions of the cuts; their scores times side must be above `least`.
        side: (n,) +1.0 for G > gamma, -1.0 for G < gamma.
        least: the scores at which a cut no longer matters, < 0, for sides -1 and +1.
    """
    cells = _cells(shape, q, least).to(gamma.device)
    # what depends on the side alone is written as a + b side
    middle, half = 0.5 * (least[1] + least[0]), 0.5 * (least[1] - least[0])
    depth = (normal_score(gamma, shape) - half).mul_(side).sub_(middle)
    far = [_CELLS / _farthest(shape, s, least[s > 0]) for s in (-1, 1)]
    position = depth.div_(depth + _BEND).mul_(torch.add(side.new_tensor(0.5 * (far[1] + far[0])), side, alpha=0.5 * (far[1] - far[0])))
    index = position.clamp_(0.0, _CELLS).to(torch.int32).clamp_(max=_CELLS - 1)
    x = position.sub_(index)[:, None]
    tails, bend, value, *terms = cells.index_select(0, torch.add(index, side > 0, alpha=_CELLS)).split(2 * q, dim=1)
    found = terms.pop()
    for term in (*reversed(terms), value):
        found = torch.addcmul(term, found, x)
    length, log_weight = found.split(q, dim=1)
    offset = (_scale(gamma, shape, side) * side).mul_(-0.5)[:, None] * length
    return GaussRule(offset, log_weight, torch.addcmul(tails, bend, x).split(q, dim=1))


def _farthest(shape: float, side: int, least: float) -> float:
    """The largest value of depth / (depth + _BEND): 1, or that at gamma = 0."""
    if side > 0:
        return 1.0
    depth = 3.0 * shape**0.5 - 1.0 / (3.0 * shape**0.5) - least
    return depth / (depth + _BEND)


@lru_cache(maxsize=256)
def _cells(shape: float, q: int, least: tuple[float, float]) -> torch.Tensor:
    """(2 CELLS, 12 q) coefficients of what `_table` holds, in rising powers of the position in a cell (0 to 1): two of the tails,
    which only estimate errors, and four of the rest. Cells are equal in depth / (depth + _BEND); those of side -1 come first."""
    x = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_TERMS) + 0.5) / _TERMS)
    t = 2.0 * (np.arange(_CELLS)[:, None] + x) / _CELLS - 1.0
    basis = np.cos(np.arccos(t)[..., None] * np.arange(DEGREE))
    inverse = np.linalg.inv(np.vander(x, increasing=True))
    sides = []
    for side in (-1, 1):
        terms = np.einsum("jx,cxk->jck", inverse, basis @ _table(shape, q, side, least[side > 0]))
        terms[1, :, 2 * q :] += terms[2:, :, 2 * q :].sum(axis=0)  # the chord of a cell
        sides.append(np.concatenate([*terms[:2, :, 2 * q :], *terms[:, :, : 2 * q]], axis=1))
    return torch.from_numpy(np.concatenate(sides))


def _table(shape: float, q: int, side: int, least: float) -> np.ndarray:
    """(DEGREE, 4 q) Chebyshev coefficients of the nodes, their log weights, and the two tails (see `GaussRule`)."""
    angle = np.pi * (np.arange(DEGREE) + 0.5) / DEGREE
    w = 0.5 * (np.cos(angle) + 1.0) * _farthest(shape, side, least)
    score = side * (least + _BEND * w / (1.0 - w))
    gamma = shape * (1.0 + score / (3.0 * np.sqrt(shape)) - 1.0 / (9.0 * shape)) ** 3
    scale = _scale(gamma, shape, side)
    nodes, vectors = gauss(*_discretised(gamma, scale, shape, side), q)
    first = vectors[:, 0]
    columns = np.concatenate([nodes, 2.0 * np.log(first), vectors[:, -1] / first, vectors[:, -2] / first], axis=1)
    transform = np.cos(np.arange(DEGREE)[:, None] * angle) * (2.0 / DEGREE)
    transform[0] *= 0.5
    return transform @ columns


def _discretised(gamma: np.ndarray, scale: np.ndarray, shape: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Points t (P, G) >= 0 and masses of the cut law in log(G / gamma) = side scale t, by two Gauss-Legendre panels."""

    def log_density(t: np.ndarray) -> np.ndarray:
        tau = side * scale[:, None] * t
        return shape * tau - gamma[:, None] * np.expm1(tau)

    # the peak, inside or at the cut, and where the density has fallen by e^-DROP beyond it (bisection on a concave function)
    peak = np.maximum(side * np.log(shape / gamma), 0.0) / scale
    top = log_density(peak[:, None])

    def fallen(start: np.ndarray, step: np.ndarray) -> np.ndarray:
        inside, outside = np.zeros_like(peak), np.ones_like(peak)
        while True:
            low = log_density((start + outside * step)[:, None])[:, 0] > top[:, 0] - _DROP
            if not (low & (outside < 1e6)).any():
                break
            outside = np.where(low, 2.0 * outside, outside)
        for _ in range(50):
            middle = 0.5 * (inside + outside)
            high = log_density((start + middle * step)[:, None])[:, 0] > top[:, 0] - _DROP
            inside, outside = np.where(high, middle, inside), np.where(high, outside, middle)
        return start + outside * step

    far = fallen(peak, np.ones_like(peak))
    near = np.where(log_density(np.zeros((len(peak), 1)))[:, 0] > top[:, 0] - _DROP, 0.0, fallen(peak, -peak))
    x, w = np.polynomial.legendre.leggauss(_GRID // 2)
    x, w = 0.5 * (x + 1.0), 0.5 * w
    left, right = peak - near, far - peak
    t = np.concatenate([near[:, None] + left[:, None] * x, peak[:, None] + right[:, None] * x], axis=1)
    mass = np.concatenate([left[:, None] * w, right[:, None] * w], axis=1) * np.exp(log_density(t) - top)
    return t, mass / mass.sum(axis=1, keepdims=True)
