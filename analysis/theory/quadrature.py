"""Gauss-Legendre rules: on [-1, 1], built once, and composite ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=32)
def legendre(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [-1, 1], (order,) each, not to be written to: exact for polynomials of degree 2 order - 1.

    >>> nodes, weights = legendre(3)
    >>> round(float(weights @ nodes**4), 12)
    0.4
    """
    return np.polynomial.legendre.leggauss(order)


def panels(low: float, high: float, width: float, order: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Composite Gauss-Legendre nodes and weights on [low, high] with panels no wider than `width`.

    >>> nodes, weights = panels(0.0, 1.0, 0.3)
    >>> len(nodes), round(float(weights @ np.exp(nodes)), 10)
    (32, 1.7182818285)
    """
    nodes, weights = legendre(order)
    edges = np.linspace(low, high, int(np.ceil((high - low) / width)) + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half + half * nodes).ravel(), (half * weights).ravel()
