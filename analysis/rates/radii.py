"""Exact laws of |u| under p_sigma, u the core coordinates, for laws that are rotation invariant in their core."""

from __future__ import annotations

import math
from typing import Callable

import numpy as np
from scipy import stats

from manifolds.gaussian import IsotropicGaussian
from manifolds.law import Law
from manifolds.sphere import Sphere

__all__ = ["radial_quantile"]


def radial_quantile(law: Law, sigma: float) -> Callable[[np.ndarray], np.ndarray] | None:
    """Quantile function of |u|, u = X + sigma Z in R^m; None where the law is not rotation invariant.

    Gaussian: sqrt(s^2 + sigma^2) chi_k. Sphere: sigma times the root of a noncentral chi-square, k + 1 degrees, R^2/sigma^2.
    """
    core = law.core
    if isinstance(core, IsotropicGaussian):
        scale = math.sqrt(core.scale**2 + sigma**2)
        return lambda p: scale * stats.chi.ppf(p, core.core_dim)
    if isinstance(core, Sphere):
        grid = np.concatenate([[1e-9, 1e-7, 1e-5], np.linspace(1e-4, 1 - 1e-4, 4001), [1 - 1e-5, 1 - 1e-7, 1 - 1e-9]])
        radius = sigma * np.sqrt(stats.ncx2.ppf(grid, core.core_dim, (core.radius / sigma) ** 2))
        return lambda p: np.interp(p, grid, radius)  # ncx2.ppf costs milliseconds a point
    return None
