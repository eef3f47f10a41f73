"""The MMSE of laws that know it, as a function that may be asked for any number of levels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.polynomial import chebyshev

from manifolds.law import Law

__all__ = ["known_mmse"]

_PANEL, _TERMS = 0.5, 16  # 1e-13 of every law that knows its curve


def known_mmse(law: Law, low: float, high: float) -> Callable[[np.ndarray], np.ndarray] | None:
    """sigma (any shape) in [low, high] to E tr Cov[X | Y]; None where `law.mmse` is.

    A law may take a quadrature for each level. It is asked at Chebyshev points of equal panels of log sigma, and the
    polynomials through its answers, over sigma^2, are returned: their number does not depend on what is asked of them.

    >>> from manifolds import make
    >>> curve = known_mmse(make("gaussian", dim=2, ambient=9), 0.1, 10.0)
    >>> round(float(curve(np.array(1.0))), 10)
    1.0
    """
    if law.mmse(torch.tensor([high], dtype=torch.float64)) is None:
        return None
    start, panels = math.log(low), max(1, math.ceil(math.log(high / low) / _PANEL))
    width = math.log(high / low) / panels

    def asked(x: np.ndarray) -> np.ndarray:
        levels = np.exp(start + width * (np.arange(panels) + 0.5 + 0.5 * x[:, None]))
        found = law.mmse(torch.from_numpy(levels.reshape(-1)))
        assert found is not None
        return found.numpy().reshape(levels.shape) / levels**2

    interpolate: Callable[..., np.ndarray] = chebyshev.chebinterpolate  # its stubs know functions to numbers only
    coefficients = interpolate(asked, _TERMS - 1)

    def curve(sigma: np.ndarray) -> np.ndarray:
        sigma = np.asarray(sigma, dtype=float)
        position = (np.log(sigma) - start) / width
        panel = np.clip(position.astype(int), 0, panels - 1)
        return chebyshev.chebval(2.0 * (position - panel) - 1.0, coefficients[:, panel], tensor=False) * sigma**2

    return curve
