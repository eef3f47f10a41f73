"""Quadrature rules for the noise posterior: Gauss rules of the Gamma law in log sigma, and Gauss-Legendre panels.

With n normal dimensions and a power-law prior, the normal coordinates alone make lambda = sigma^-2 a Gamma variable of
shape A = (n - e - 1)/2 and rate rho^2/2. A Gauss rule of that law, with polynomials in log sigma, carries the part of
the log weights that is of size n exactly, and leaves the core's density, which varies little over the peak: no
cancellation and no grid that could miss the peak, at any n. (Polynomials in lambda have a classical rule, but posterior
moments have poles at lambda = -1/s^2 for data of size s, that is close by at few dimensions; in log sigma they are pi/2
away.)
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from manifolds.special.quadrature import legendre

__all__ = ["GaussRule", "gauss", "gamma_rule", "normalised", "row_sums"]


class GaussRule(NamedTuple):
    """q-point rules, one (q,) or one a point (n, q).

    Attributes:
        ratio: nodes, as levels sigma over a reference level.
        log_weight: log weights, of weights that sum to one.
        tails: the orthonormal polynomials of degrees q - 1 and q - 2 at the nodes.
    """

    ratio: torch.Tensor
    log_weight: torch.Tensor
    tails: tuple[torch.Tensor, torch.Tensor]

    def to(self, device: torch.device) -> GaussRule:
        last, last_but_one = self.tails
        return GaussRule(self.ratio.to(device), self.log_weight.to(device), (last.to(device), last_but_one.to(device)))


@lru_cache(maxsize=1024)
def gamma_rule(shape: float, q: int) -> GaussRule:
    """The q-point rule of the law of -log(G / A)/2, G ~ Gamma(A, 1): levels over that at G = A."""
    x, w = (v.numpy() for v in legendre(400))
    # in t = sqrt(A) log(G/A): the log density is close to -t^2/2 on the right, and on the left falls no faster than
    # linearly
    right, left = 12.0, -12.0 - 60.0 / np.sqrt(shape)
    t = left + (right - left) * x
    tau = t / np.sqrt(shape)
    mass = w * np.exp(shape * (tau - np.expm1(tau)))
    nodes, vectors = gauss(t[None], mass[None] / mass.sum(), q)
    first = vectors[0, 0]
    last, last_but_one = (torch.from_numpy(vectors[0, -j] / first) for j in (1, 2))
    ratio = torch.from_numpy(np.exp(-0.5 * nodes[0] / np.sqrt(shape)))
    return GaussRule(ratio, torch.from_numpy(2.0 * np.log(first)), (last, last_but_one))


def gauss(t: np.ndarray, mass: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray]:
    """(nodes (P, q), eigenvectors (P, q, q)) of the Jacobi matrices of P discrete measures, by the Stieltjes procedure.

    The weights are the squares of the eigenvectors' first row, and row j over the first is the orthonormal polynomial
    of degree j at the nodes. The polynomials are carried as vectors, made orthogonal twice: no digits are lost.

    Args:
        t: (P, G) points of the measures.
        mass: (P, G) their masses.

    >>> nodes, vectors = gauss(np.array([[-1.0, 1.0]]), np.array([[0.5, 0.5]]), 2)
    >>> nodes.round(12), (vectors[:, 0] ** 2).round(12)
    (array([[-1., 1.]]), array([[0.5, 0.5]]))
    """
    count = len(t)
    root = np.sqrt(mass)
    basis = np.empty((q, *t.shape))
    basis[0] = root / np.linalg.norm(root, axis=1, keepdims=True)
    jacobi = np.zeros((count, q, q))
    for j in range(q):
        v = t * basis[j]
        jacobi[:, j, j] = (v * basis[j]).sum(axis=1)
        if j + 1 == q:
            break
        for _ in range(2):
            overlap = np.einsum("ipg,pg->ip", basis[: j + 1], v)
            v = v - np.einsum("ip,ipg->pg", overlap, basis[: j + 1])
        norm = np.linalg.norm(v, axis=1)
        jacobi[:, j, j + 1] = jacobi[:, j + 1, j] = norm
        basis[j + 1] = v / norm[:, None]
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, vectors * np.sign(vectors[:, :1])


def normalised(log_weight: torch.Tensor) -> torch.Tensor:
    """softmax (n, q), in place, over few columns; relative to the middle one.

    The others vary little about it: where by e^700, the weights are NaN.

    >>> normalised(torch.tensor([[0.0, 3.0], [5.0, 5.0]], dtype=torch.float64).exp().log1p())
    tensor([[0.0866, 0.9134],
            [0.5000, 0.5000]], dtype=torch.float64)
    """
    middle = log_weight.shape[1] // 2
    weight = log_weight.sub_(log_weight[:, middle, None].clone()).exp_()
    return weight.div_(row_sums(weight)[:, None])


def row_sums(values: torch.Tensor) -> torch.Tensor:
    """Sums (n,) over few columns, as a product: the library's sum over three takes ten times as long.

    >>> row_sums(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([3., 7.])
    """
    return values @ values.new_ones(values.shape[1])
