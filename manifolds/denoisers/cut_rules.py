"""Gauss rules of a Gamma law that is cut at one end, for every position of the cut, from one small table.

An end of the noise prior cuts the Gamma law of sigma^-2 that the normal coordinates induce. For one shape A the Gauss
rules of the cut law are smooth functions of one number, the cut's normal score: they are computed at Chebyshev points of
it (Stieltjes' procedure on a fine discretisation) and interpolated, so that a point with a cut peak needs as few nodes as
one without. The interpolant is kept as quartics on equal cells, whichever the end: a point costs one look-up.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.polynomial import chebyshev
from scipy import special

from manifolds.denoisers.rules import GaussRule, gauss
from manifolds.special.quadrature import legendre

__all__ = ["cut_rule", "unfelt"]

_DEGREE = 100
_CELLS, _TERMS = 512, 5
_BEND = 8.0  # depth that is the middle of the compactified variable
_DROP = 50.0
_GRID = 320


def unfelt(shape: float, score: float) -> tuple[float, float]:
    """The two values of G ~ Gamma(A, 1) beyond which is the mass of a normal law beyond `score`: above the first, and below
    the second. Cuts that leave out no more are not felt."""
    mass = special.ndtr(-score)
    return float(special.gammainccinv(shape, mass)), float(special.gammaincinv(shape, mass))


def _score(gamma):
    """Fisher's: 2 sqrt(G) is close to normal, of unit variance."""
    return 2.0 * gamma**0.5  # (of arrays of either library)


def _scale(gamma: np.ndarray, shape: float, side: int) -> np.ndarray:
    """A length in log(gamma) like that on which the density falls from the cut inwards."""
    fall = side * (gamma - shape)
    return 2.0 / (fall + np.sqrt(fall * fall + 40.0 * shape))


def cut_rule(shape: float, q: int, gamma: torch.Tensor, side: torch.Tensor, ends: tuple[float, float]) -> GaussRule:
    """Gauss rules (n, q) of the law of -log(G)/2, G ~ Gamma(A, 1), on the far side of cuts at gamma (n,).

    Nodes are levels over that at the cut.

    Args:
        shape: A.
        q: nodes.
        gamma: positions of the cuts: below the first of `ends` where side is -1, above the second where it is +1.
        side: (n,) +1.0 for G > gamma, -1.0 for G < gamma.
        ends: where a cut is no longer felt (see `unfelt`).
    """
    cells = _cells(shape, q, ends).to(gamma.device)
    # what depends on the side alone is written as a + b side
    first, last = (math.sqrt(end) for end in ends)
    depth = _score(gamma).sub_(first + last).mul_(side).add_(first - last)
    below, above = (_CELLS / _farthest(s, ends) for s in (-1, 1))
    position = depth.div_(depth + _BEND).mul_(torch.add(side.new_tensor(0.5 * (above + below)), side, alpha=0.5 * (above - below)))
    index = position.clamp_(0.0, _CELLS).to(torch.int32).clamp_(max=_CELLS - 1)
    x = position.sub_(index)[:, None]
    tails, bend, value, *terms = cells.index_select(0, torch.add(index, side > 0, alpha=_CELLS)).split(2 * q, dim=1)
    found = terms.pop()
    for term in (*reversed(terms), value):
        found = torch.addcmul(term, found, x)
    return GaussRule(*found.split(q, dim=1), torch.addcmul(tails, bend, x).split(q, dim=1))


def _farthest(side: int, ends: tuple[float, float]) -> float:
    """The largest value of depth / (depth + _BEND): 1, or that at gamma = 0."""
    depth = _score(ends[0])
    return 1.0 if side > 0 else depth / (depth + _BEND)


@lru_cache(maxsize=256)
def _cells(shape: float, q: int, ends: tuple[float, float]) -> torch.Tensor:
    """(2 CELLS, 14 q) coefficients of what `_table` holds, in rising powers of the position in a cell (0 to 1): two of the tails,
    which only estimate errors, and five of the rest. Cells are equal in depth / (depth + _BEND); those of side -1 come first."""
    x = 0.5 + 0.5 * chebyshev.chebpts1(_TERMS)
    t = 2.0 * (np.arange(_CELLS)[:, None] + x) / _CELLS - 1.0
    inverse = np.linalg.inv(np.vander(x, increasing=True))
    sides = []
    for side in (-1, 1):
        values = chebyshev.chebval(t, _table(shape, q, side, ends))  # (4 q, cells, points in a cell)
        terms = np.einsum("jx,kcx->jck", inverse, values)
        terms[1, :, 2 * q :] += terms[2:, :, 2 * q :].sum(axis=0)  # the chord of a cell
        sides.append(np.concatenate([*terms[:2, :, 2 * q :], *terms[:, :, : 2 * q]], axis=1))
    return torch.from_numpy(np.ascontiguousarray(np.concatenate(sides)))


def _table(shape: float, q: int, side: int, ends: tuple[float, float]) -> np.ndarray:
    """(DEGREE + 1, 4 q) Chebyshev coefficients of nodes, their log weights, and the two tails (see `GaussRule`)."""

    def columns(x: np.ndarray) -> np.ndarray:
        w = 0.5 * (x + 1.0) * _farthest(side, ends)
        gamma = 0.25 * (_score(ends[side > 0]) + side * _BEND * w / (1.0 - w)) ** 2
        scale = _scale(gamma, shape, side)
        nodes, vectors = gauss(*_discretised(gamma, scale, shape, side), q)
        first = vectors[:, 0]
        ratio = np.exp(-0.5 * side * scale[:, None] * nodes)
        return np.concatenate([ratio, 2.0 * np.log(first), vectors[:, -1] / first, vectors[:, -2] / first], axis=1)

    return chebyshev.chebinterpolate(columns, _DEGREE)


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
    x, w = (v.numpy() for v in legendre(_GRID // 2))
    left, right = peak - near, far - peak
    t = np.concatenate([near[:, None] + left[:, None] * x, peak[:, None] + right[:, None] * x], axis=1)
    mass = np.concatenate([left[:, None] * w, right[:, None] * w], axis=1) * np.exp(log_density(t) - top)
    return t, mass / mass.sum(axis=1, keepdims=True)
