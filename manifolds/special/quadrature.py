"""Gauss rules, built once: Legendre on [0, 1], Laguerre on [0, inf) for the weight e^-w."""

from functools import lru_cache

import numpy as np
import torch


@lru_cache(maxsize=64)
def legendre(nodes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights (nodes,) on [0, 1], float64; not to be written to.

    >>> nodes, weights = legendre(5)
    >>> round(float(weights @ nodes**9), 12)
    0.1
    """
    x, w = np.polynomial.legendre.leggauss(nodes)
    return torch.from_numpy((x + 1) / 2), torch.from_numpy(w / 2)


@lru_cache(maxsize=8)
def laguerre(nodes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights (nodes,), float64; not to be written to.

    >>> nodes, weights = laguerre(5)
    >>> round(float(weights @ nodes**3), 9)
    6.0
    """
    w, weight = np.polynomial.laguerre.laggauss(nodes)
    return torch.from_numpy(w), torch.from_numpy(weight)
