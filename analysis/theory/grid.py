"""Which noise levels are best for a given number of steps, at a = 1/2, given the MMSE curve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import optimize

from .checks import decreasing_levels, noise_range
from .discretisation import discretisation_from_mmse

Curve = Callable[[np.ndarray], np.ndarray]  # mmse(sigma) = E tr Cov(X|Y), vectorised

_STEP = 1e-5  # of log lambda, for the central difference of the MMSE: error 1e-10 relative


def constant_levels(sigma_0: float, sigma_T: float, steps: int) -> np.ndarray:
    """Geometric levels (steps+1,): constant h of a proportional schedule.

    >>> constant_levels(8.0, 1.0, steps=3)
    array([8., 4., 2., 1.])
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    return np.geomspace(sigma_0, sigma_T, steps + 1)


def _mmse_slope(log_lambda: np.ndarray, mmse: Curve) -> np.ndarray:
    """d mmse/d log lambda (<= 0)."""
    values = [np.asarray(mmse(np.exp(-0.5 * (log_lambda + e))), dtype=float) for e in (-_STEP, _STEP)]
    return (values[1] - values[0]) / (2.0 * _STEP)


def equidistributed_levels(
    sigma_0: float, sigma_T: float, steps: int, mmse: Curve, resolution: int = 4096
) -> np.ndarray:
    """Levels (steps+1,) with density sqrt(-dmmse/dlambda) in lambda: the optimal grid to leading order in 1/steps.

    Derived here: disc = (1/4) sum (-dmmse/dlambda) (Delta lambda)^2 to leading order; Cauchy-Schwarz gives equal
    sqrt(.) Delta lambda. resolution: points at which the density is read.

    >>> mmse = lambda sigma: sigma**2 / (1 + sigma**2)  # log(1 + lambda) in equal parts
    >>> equidistributed_levels(1.0, 1 / 7**0.5, 2, mmse).round(4)
    array([1.    , 0.5774, 0.378 ])
    """
    first, last = np.log(constant_levels(sigma_0, sigma_T, steps)[[0, -1]] ** -2.0)
    z = np.linspace(first, last, resolution)
    # sqrt(-m'(lambda)) d lambda = sqrt(-dm/dz lambda) dz
    density = np.sqrt(np.maximum(-_mmse_slope(z, mmse), 0.0) * np.exp(z))
    density = np.maximum(density, 1e-9 * density.max())  # a flat stretch of the curve still needs an invertible map
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    inner = np.interp(np.linspace(0.0, 1.0, steps + 1) * mass[-1], mass, z)
    return np.exp(-0.5 * inner)


def optimal_levels(sigma_0: float, sigma_T: float, steps: int, mmse: Curve) -> np.ndarray:
    """Levels (steps+1,) that minimise disc at a = 1/2 for this number of steps; the ends are fixed.

    Derived here: with F = (1/2) sum mmse(lambda_i)(lambda_{i+1} - lambda_i), dF/dlambda_i = (mmse_{i-1} - mmse_i +
    mmse'_i (lambda_{i+1} - lambda_i))/2. L-BFGS on the logarithms of the increments of log lambda, from the
    equidistributed grid (a local minimum).

    >>> mmse = lambda sigma: sigma**2 / (1 + sigma**2)  # the middle of log(1 + lambda), whatever the ends
    >>> optimal_levels(1.0, 1 / 7**0.5, 2, mmse).round(4)
    array([1.    , 0.5774, 0.378 ])
    """
    start = np.log(equidistributed_levels(sigma_0, sigma_T, steps, mmse) ** -2.0)
    if steps == 1:
        return np.exp(-0.5 * start)
    first, span = start[0], start[-1] - start[0]

    def points(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        share = np.exp(logits - logits.max())
        share /= share.sum()
        return first + span * np.concatenate([[0.0], np.cumsum(share)]), share

    def objective(logits: np.ndarray) -> tuple[float, np.ndarray]:
        z, share = points(logits)
        lam, value = np.exp(z), np.asarray(mmse(np.exp(-0.5 * z)), dtype=float)
        slope_z = 0.5 * lam[1:-1] * (value[:-2] - value[1:-1])
        slope_z += 0.5 * _mmse_slope(z[1:-1], mmse) * np.diff(lam)[1:]
        # share j moves every later inner point
        per_share = span * np.concatenate([np.cumsum(slope_z[::-1])[::-1], [0.0]])
        return 0.5 * float(np.sum(value[:-1] * np.diff(lam))), share * (per_share - share @ per_share)

    scale = abs(objective(np.log(np.diff(start)))[0])
    result = optimize.minimize(
        lambda x: tuple(part / scale for part in objective(x)),
        np.log(np.diff(start)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 4000, "maxcor": 30, "ftol": 1e-14, "gtol": 1e-10},
    )
    levels = np.exp(-0.5 * points(result.x)[0])
    levels[0], levels[-1] = sigma_0, sigma_T
    return decreasing_levels(levels)


def gaussian_optimal_limit(k: float, s: float, sigma_0: float, sigma_T: float) -> float:
    """lim N * (smallest disc with N steps) = (k/4) log^2((1 + s^2/sigma_T^2)/(1 + s^2/sigma_0^2)), Gaussian subspace, a
    = 1/2.

    Derived here: (1/4)(int sqrt(-dmmse/dlambda) dlambda)^2 with -dmmse/dlambda = k s^4/(1 + s^2 lambda)^2.

    >>> round(float(gaussian_optimal_limit(k=2, s=1.0, sigma_0=20.0, sigma_T=0.02)), 3)
    30.591
    """
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    return 0.25 * k * (np.log1p((s / sigma_T) ** 2) - np.log1p((s / sigma_0) ** 2)) ** 2


def constant_over_optimal(sigma_0: float, sigma_T: float, steps: int, mmse: Curve) -> float:
    """disc of the geometric grid over disc of the optimal grid, at the same number of steps (>= 1).

    >>> mmse = lambda sigma: sigma**2 / (1 + sigma**2)
    >>> round(constant_over_optimal(10.0, 0.01, 16, mmse), 3)
    1.463
    """
    best = discretisation_from_mmse(optimal_levels(sigma_0, sigma_T, steps, mmse), mmse)
    return discretisation_from_mmse(constant_levels(sigma_0, sigma_T, steps), mmse) / best
