"""Gauss rules, built once: Legendre on [0, 1], Laguerre on [0, inf) for the weight e^-w."""

from functools import lru_cache

import numpy as np
import torch


@lru_cache(maxsize=64)
def legendre(nodes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights (nodes,) on [0, 1], float64; not to be written to."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return torch.from_numpy((x + 1) / 2), torch.from_numpy(w / 2)


@lru_cache(maxsize=8)
def laguerre(nodes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes and weights (nodes,), float64; not to be written to."""
    w, weight = np.polynomial.laguerre.laggauss(nodes)
    return torch.from_numpy(w), torch.from_numpy(weight)
