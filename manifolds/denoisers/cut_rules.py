"""Gauss rules of a Gamma law that is cut at one end, for every position of the cut, from one small table.

An end of the noise prior cuts the Gamma law of lambda = sigma^-2 that the normal coordinates induce, of density
lambda^(A-1) e^(-lambda rho^2/2). The end is fixed, and rho^2 only tilts the law: the Gauss rule of one rho^2, tilted by
e^(-lambda (rho^2 - rho_c^2)/2), is exact for all others close to it. So positions of the cut are put into narrow cells,
a rule is kept for the middle of each (Stieltjes' procedure on a fine discretisation), and a point costs one look-up.
What the tilt adds to the error is seen by the estimate that judges the rule, since it sees the weights.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from scipy import special

from manifolds.core import Core
from manifolds.denoisers.rules import GaussRule, gauss
from manifolds.special.quadrature import legendre

__all__ = ["AffineRules", "CutRules", "cut_rules", "unfelt"]

# cells are equal in log(1 + depth / BEND), RATE to a unit: a small tilt over half a cell
_BEND, _RATE = 8.0, 256.0
# scores over those of the whole law at which the last cell beyond the high end lies
_FAR = 100.0
# the least score of a cut that has a rule of its own
_LEAST = 1e-3
_DROP = 50.0


def unfelt(shape: float, score: float) -> tuple[float, float]:
    """The values of G ~ Gamma(A, 1) beyond which is the mass of a normal law beyond `score`.

    Above the first, and below the second. Cuts that leave out no more are not felt.

    >>> above, below = unfelt(50.0, 2.0)
    >>> round(above, 2), round(below, 2)  # Gamma(50, 1) has the mean 50 and a standard deviation of about 7
    (65.12, 36.88)
    """
    mass = special.ndtr(-score)
    return float(special.gammainccinv(shape, mass)), float(special.gammaincinv(shape, mass))


class CutRules(NamedTuple):
    """Gauss rules of q nodes for points whose noise posterior one end of the prior cuts.

    Attributes:
        cells: (C, 5 q + 1) rules, those at the low end first: levels sigma, log weights, slopes of the log weights in
            rho^2, the orthonormal polynomials of degrees q - 1 and q - 2, and the rho^2 that they are made for.
        place: (2, 2) for the low end and for the high one, (a, b): the cell of a point is RATE log(a + b rho).
    """

    cells: torch.Tensor
    place: torch.Tensor

    def at(self, rho2: torch.Tensor, high: torch.Tensor) -> GaussRule:
        """The rules, of levels sigma, of points (n,) that the high end of the prior cuts, or else the low one."""
        found = self.cells.to(rho2.device).index_select(0, self.find(rho2, high))
        sigma, log_weight, slope, last, last_but_one, middle = _split(found, 5)
        return GaussRule(sigma, torch.addcmul(log_weight, slope, rho2[:, None] - middle), (last, last_but_one))

    def find(self, rho2: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """The cells (n,) of points."""
        (a_low, b_low), (a_high, b_high) = self.place.to(rho2.device).unbind()
        place = torch.addcmul(torch.where(high, a_high, a_low), torch.where(high, b_high, b_low), rho2.sqrt())
        return place.log_().mul_(_RATE).clamp_(max=len(self.cells) - 1).to(torch.int32)

    def with_density(self, core: Core) -> AffineRules:
        """The same for a law whose log density is affine (`manifolds.core.Core.affine`)."""
        sigma, log_weight, slope, last, last_but_one, middle = _split(self.cells, 5)
        constant, factor, coef = core.affine(sigma * sigma)
        constant, factor = (value - value[:, sigma.shape[1] // 2, None] for value in (log_weight + constant, factor))
        return AffineRules(torch.cat([coef, constant, slope, last, last_but_one, factor, middle], dim=1), self)


class AffineRules(NamedTuple):
    """Cut rules for laws of log density a(sigma) + b(sigma) t(u): what depends on the level alone is in the cells too.

    Attributes:
        cells: (C, 6 q + 1) coefficients of the mean, log weights and their slopes in rho^2, polynomials, and slopes in
            t, the log weights relative to that of the middle node; and the rho^2 that they are made for.
        rules: the rules without a density.
    """

    cells: torch.Tensor
    rules: CutRules

    def at(self, rho2: torch.Tensor, high: torch.Tensor, t: torch.Tensor) -> GaussRule:
        """The rules, of coefficients, of points (n,) with statistics t (n,); log weights are those of the posterior."""
        found = self.cells.to(rho2.device).index_select(0, self.rules.find(rho2, high))
        coef, log_weight, slope, last, last_but_one, factor, middle = _split(found, 6)
        log_weight = torch.addcmul(log_weight, slope, rho2[:, None] - middle).addcmul_(factor, t[:, None])
        return GaussRule(coef, log_weight, (last, last_but_one))


def _split(cells: torch.Tensor, parts: int) -> tuple[torch.Tensor, ...]:
    """Parts of as many columns each, and a last column."""
    return cells.split((cells.shape[1] // parts,) * parts + (1,), dim=1)


@lru_cache(maxsize=256)
def cut_rules(shape: float, q: int, low: float, high: float, ends: tuple[float, float]) -> CutRules:
    """The table of one law and prior.

    Args:
        shape: A.
        q: nodes.
        low, high: ends of the prior.
        ends: values of lambda rho^2/2 at the low end below which that cuts, and at the high end above which that does.

    >>> rules = cut_rules(50.0, 8, 0.5, 2.0, unfelt(50.0, 6.5))
    >>> rule = rules.at(torch.tensor([25.0, 400.0], dtype=torch.float64), torch.tensor([False, True]))
    >>> rule.ratio.shape, bool((rule.ratio[0] >= 0.5).all()), bool((rule.ratio[1] <= 2.0).all())
    (torch.Size([2, 8]), True, True)
    """
    cells, place, first = [], [], 0
    for side, end, edge, most in ((-1, low, ends[0], _score(ends[0])), (1, high, ends[1], _FAR * _score(shape))):
        count = int(_RATE * math.log1p(most / _BEND) + 0.5) + 1
        depth = _BEND * np.expm1(np.arange(count) / _RATE)
        gamma = 0.25 * np.maximum(_score(edge) + side * depth, _LEAST) ** 2
        cells.append(_rules(shape, q, side, end, gamma))
        # depth = side (sqrt(2) rho / end - score); cells reach half a step to either side
        factor = math.exp((first + 0.5) / _RATE)
        place.append([factor * (1.0 - side * _score(edge) / _BEND), factor * side * math.sqrt(2.0) / (end * _BEND)])
        first += count
    return CutRules(torch.from_numpy(np.concatenate(cells)), torch.tensor(place, dtype=torch.float64))


def _score(gamma: float) -> float:
    """Fisher's: 2 sqrt(G) is close to normal, of unit variance."""
    return 2.0 * math.sqrt(gamma)


def _rules(shape: float, q: int, side: int, end: float, gamma: np.ndarray) -> np.ndarray:
    """(C, 5 q + 1) rules of the laws of G > gamma (side 1) or G < gamma (side -1), as `CutRules` holds them."""
    scale = _scale(gamma, shape, side)
    nodes, vectors = gauss(*_discretised(gamma, scale, shape, side, max(32, 8 * q)), q)
    tau = side * scale[:, None] * nodes  # log(G / gamma), that is 2 log(end / sigma)
    tau = np.maximum(tau, 0.0) if side > 0 else np.minimum(tau, 0.0)  # rounding must not put a node beyond the end
    middle = tau[:, q // 2, None]
    # lambda less that of the middle node: log weights are used relative to it
    slope = -0.5 * np.exp(middle) * np.expm1(tau - middle) / end**2
    first = vectors[:, 0]
    sigma, log_weight = end * np.exp(-0.5 * tau), 2.0 * np.log(first)
    return np.concatenate(
        [sigma, log_weight, slope, vectors[:, -1] / first, vectors[:, -2] / first, 2.0 * end**2 * gamma[:, None]],
        axis=1,
    )


def _scale(gamma: np.ndarray, shape: float, side: int) -> np.ndarray:
    """A length in log(gamma) like that on which the density falls from the cut inwards."""
    fall = side * (gamma - shape)
    return 2.0 / (fall + np.sqrt(fall * fall + 40.0 * shape))


def _discretised(
    gamma: np.ndarray, scale: np.ndarray, shape: float, side: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points t (P, 2 count) >= 0 and masses of the cut law in log(G / gamma) = side scale t.

    By two Gauss-Legendre panels.
    """

    def log_density(t: np.ndarray) -> np.ndarray:
        tau = side * scale[:, None] * t
        return shape * tau - gamma[:, None] * np.expm1(tau)

    # the peak, inside or at the cut, and where the density has fallen by e^-DROP beyond it (bisection on a concave
    # function)
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
    x, w = (v.numpy() for v in legendre(count))
    left, right = peak - near, far - peak
    t = np.concatenate([near[:, None] + left[:, None] * x, peak[:, None] + right[:, None] * x], axis=1)
    mass = np.concatenate([left[:, None] * w, right[:, None] * w], axis=1) * np.exp(log_density(t) - top)
    return t, mass / mass.sum(axis=1, keepdims=True)
