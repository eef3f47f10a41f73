"""Exact laws of |u| under p_sigma, u the core coordinates, for laws that are rotation invariant in their core."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from manifolds.law import Law
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.sphere import Sphere

__all__ = ["radial_quantile"]

_GRID = np.concatenate([[1e-9, 1e-7, 1e-5], np.linspace(1e-4, 1 - 1e-4, 4001), [1 - 1e-5, 1 - 1e-7, 1 - 1e-9]])


def radial_quantile(law: Law, sigma: float) -> Callable[[np.ndarray], np.ndarray] | None:
    """Quantile function of |u|, u = X + sigma Z in R^m; None where the law is not rotation invariant.

    Gaussian: sqrt(s^2 + sigma^2) chi_k. Sphere: sigma times the root of a noncentral chi-square, k + 1 degrees, R^2/sigma^2.
    """
    core = law.core
    if isinstance(core, IsotropicGaussian):
        radius = math.sqrt(core.scale**2 + sigma**2) * stats.chi.ppf(_GRID, core.core_dim)
    elif isinstance(core, Sphere):
        radius = sigma * np.sqrt(stats.ncx2.ppf(_GRID, core.core_dim, (core.radius / sigma) ** 2))
    else:
        return None
    return lambda p: np.interp(p, _GRID, radius)  # the exact quantiles cost up to milliseconds a point
