"""Quadrature rules for the noise posterior: Gauss rules of the Gamma law, and Gauss-Legendre panels.

With n normal dimensions and a power-law prior, the normal coordinates alone make lambda = sigma^-2 a Gamma variable of
shape A = (n - e - 1)/2 and rate rho^2/2. A Gauss rule of that law in the standardised variable x = (lambda rho^2/2 - A)/sqrt(A)
carries the part of the log weights that is of size n exactly, and leaves the core's density, which varies little
over the peak: no cancellation and no grid that could miss the peak, at any n.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal

__all__ = ["GammaRule", "gamma_rule", "legendre_panel"]


class GammaRule(NamedTuple):
    """A q-point Gauss rule of the standardised Gamma law.

    Attributes:
        x: (q,) nodes, (Gamma - A)/sqrt(A).
        log_weight: (q,) log weights, of weights that sum to one.
        polynomials: (q, q) orthonormal polynomials, row j of degree j, at the nodes.
    """

    x: torch.Tensor
    log_weight: torch.Tensor
    polynomials: torch.Tensor


@lru_cache(maxsize=4096)
def gamma_rule(shape: float, q: int) -> GammaRule:
    """The q-point Gauss rule of (G - A)/sqrt(A), G ~ Gamma(A, 1), by the eigenvalues of its Jacobi matrix (Golub-Welsch).

    The matrix (diagonal 2 j / sqrt(A), off-diagonal sqrt(j (j + A - 1) / A)) tends to that of the Hermite rule as A grows.
    """
    j = np.arange(q, dtype=np.float64)
    off = np.sqrt(j[1:] * (1.0 + (j[1:] - 1.0) / shape))
    nodes, vectors = eigh_tridiagonal(2.0 * j / np.sqrt(shape), off)
    first = np.abs(vectors[0])
    polynomials = vectors / vectors[0]  # p_j(x_i) = v_ji / v_0i, with p_0 = 1
    log_weight = 2.0 * np.log(np.maximum(first, 1e-150))
    return GammaRule(torch.from_numpy(nodes), torch.from_numpy(log_weight), torch.from_numpy(polynomials))


@lru_cache(maxsize=None)
def legendre_panel(q: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights (q,) of the Gauss-Legendre rule on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(q)
    return torch.from_numpy(0.5 * (nodes + 1.0)), torch.from_numpy(0.5 * weights)
