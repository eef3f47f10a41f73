"""Gauss-Legendre rules on [-1, 1], built once."""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=32)
def legendre(order):
    """Nodes and weights (order,), not to be written to."""
    return np.polynomial.legendre.leggauss(order)
