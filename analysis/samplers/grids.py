"""Decreasing grids of noise levels: geometric, Karras, cosine, tangent law; and those adapted to an MMSE curve.

Each returns steps + 1 levels (float64) from sigma_start down to sigma_end, end points exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from manifolds.checks import positive_int, positive_number

__all__ = [
    "check_range",
    "cosine_levels",
    "geometric_levels",
    "karras_levels",
    "las_levels",
    "mmse_curve",
    "optimal_levels",
    "tangent_levels",
    "tangent_scale",
]

Curve = Callable[[np.ndarray], np.ndarray]  # levels to E tr Cov[X | Y] at them


def check_range(sigma_start: float, sigma_end: float) -> None:
    """Raise ValueError, in one line, unless 0 < sigma_end < sigma_start < infinity.

    >>> check_range(1.0, 2.0)
    Traceback (most recent call last):
    ValueError: sigma_end must be below sigma_start = 1.0, got 2.0
    """
    positive_number(sigma_start, "sigma_start")
    if positive_number(sigma_end, "sigma_end") >= sigma_start:
        raise ValueError(f"sigma_end must be below sigma_start = {sigma_start!r}, got {sigma_end!r}")


def _fractions(steps: int) -> torch.Tensor:
    steps = positive_int(steps, "steps")
    return torch.arange(steps + 1, dtype=torch.float64) / steps


def _pinned(levels: torch.Tensor, sigma_start: float, sigma_end: float) -> torch.Tensor:
    levels[0], levels[-1] = sigma_start, sigma_end
    return levels


def geometric_levels(sigma_start: float, sigma_end: float, steps: int) -> torch.Tensor:
    """Constant ratio sigma_{i+1} / sigma_i: the grid of a constant step h in the proportional family.

    >>> [round(s, 12) for s in geometric_levels(8.0, 1.0, 3).tolist()]
    [8.0, 4.0, 2.0, 1.0]
    """
    check_range(sigma_start, sigma_end)
    levels = sigma_start * torch.exp(_fractions(steps) * math.log(sigma_end / sigma_start))
    return _pinned(levels, sigma_start, sigma_end)


def karras_levels(sigma_start: float, sigma_end: float, steps: int, rho: float = 7.0) -> torch.Tensor:
    """Equal steps in sigma^(1/rho) (Karras et al., arXiv 2206.00364, eq. 5, without the final level 0).

    >>> karras_levels(9.0, 1.0, 2, rho=2.0).tolist()
    [9.0, 4.0, 1.0]
    """
    check_range(sigma_start, sigma_end)
    positive_number(rho, "rho")
    first, last = sigma_start ** (1 / rho), sigma_end ** (1 / rho)
    return _pinned((first + _fractions(steps) * (last - first)) ** rho, sigma_start, sigma_end)


def cosine_levels(sigma_start: float, sigma_end: float, steps: int, scale: float = 1.0) -> torch.Tensor:
    """Equal steps in arctan(sigma / scale): the cosine schedule of arXiv 2102.09672 (eq. 17) read as levels.

    Args:
        scale: standard deviation of the data that the schedule is meant for.

    >>> [round(s**2, 12) for s in cosine_levels(3**0.5, 3**-0.5, 2).tolist()]  # angles of 60, 45, 30 degrees
    [3.0, 1.0, 0.333333333333]
    """
    check_range(sigma_start, sigma_end)
    positive_number(scale, "scale")
    first, last = math.atan(sigma_start / scale), math.atan(sigma_end / scale)
    levels = scale * torch.tan(first + _fractions(steps) * (last - first))
    return _pinned(levels, sigma_start, sigma_end)


def tangent_scale(scales: Sequence[float], sigma_start: float, sigma_end: float) -> float:
    """Coefficient of the tangent law for N(0, diag(s_j^2)): the s_j itself if they are equal.

    On the levels c tan(theta), theta in equal steps, DDIM's log standard deviation in direction j is off by
    e_j / (2N), e_j = Theta int c^2 sec^4(theta) s_j^2 / (s_j^2 + c^2 tan^2(theta))^2 dtheta over a range of length
    Theta; KL ~ sum_j e_j^2 is minimised over c. Derived here. That a tangent law with a coefficient from the
    eigenvalues is optimal is arXiv 2601.13602's result, of which only the abstract was read: its coefficient may differ
    when the s_j do.

    >>> round(tangent_scale([0.5, 0.5], 20.0, 0.02), 6)
    0.5
    """
    from scipy.optimize import minimize_scalar  # slow to import, seldom needed

    check_range(sigma_start, sigma_end)
    s2 = np.array([positive_number(s, "scales") for s in scales]) ** 2
    if not len(s2):
        raise ValueError("scales must hold at least one standard deviation")
    nodes, weights = np.polynomial.legendre.leggauss(200)

    def cost(log_c: float) -> float:
        c = math.exp(log_c)
        # in the substitution sigma = c tan(theta) the integrand is (c^2 + sigma^2) s^2/(c (s^2 + sigma^2)^2) dsigma
        z = math.log(sigma_end) + (nodes + 1) / 2 * math.log(sigma_start / sigma_end)
        sigma = np.exp(z)
        span = math.atan(sigma_start / c) - math.atan(sigma_end / c)
        rate = (c**2 + sigma**2) / c * s2[:, None] / (s2[:, None] + sigma**2) ** 2 * sigma
        return float(((span * (rate @ weights)) ** 2).sum())

    low, high = 0.5 * math.log(s2.min()), 0.5 * math.log(s2.max())
    if high - low < 1e-9:
        return math.exp(low)
    return math.exp(minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-9}).x)


def tangent_levels(sigma_start: float, sigma_end: float, steps: int, scales: Sequence[float] = (1.0,)) -> torch.Tensor:
    """The tangent law sigma = c tan(theta), equal steps of theta (arXiv 2601.13602), c from the data's scales.

    >>> [round(s**2, 12) for s in tangent_levels(3**0.5, 3**-0.5, 2).tolist()]  # one scale: the cosine schedule's
    [3.0, 1.0, 0.333333333333]
    """
    return cosine_levels(sigma_start, sigma_end, steps, tangent_scale(scales, sigma_start, sigma_end))


def mmse_curve(mmse: Curve | tuple[Sequence[float], Sequence[float]]) -> Curve:
    """The curve itself, or through a table (levels, losses): mmse / sigma^2 a monotone cubic in log sigma.

    Raises:
        ValueError: a table that is not two lists of one length >= 2, levels increasing and > 0, losses finite and >= 0.

    >>> curve = mmse_curve(([0.1, 1.0, 10.0], [0.02, 1.0, 2.0]))  # training losses at three levels
    >>> curve(np.array([0.1, 1.0])).tolist()
    [0.02, 1.0]
    """
    if callable(mmse):
        return mmse
    from scipy.interpolate import PchipInterpolator

    levels, losses = (np.asarray(v, dtype=float) for v in mmse)
    if levels.ndim != 1 or levels.shape != losses.shape or len(levels) < 2:
        raise ValueError(f"mmse must be a function or two lists of one length >= 2, got {levels.shape}, {losses.shape}")
    if not ((levels[0] > 0) and (np.diff(levels) > 0).all() and np.isfinite(losses).all() and (losses >= 0).all()):
        raise ValueError("mmse must have levels > 0 in increasing order and finite losses >= 0")
    curve = PchipInterpolator(np.log(levels), losses / levels**2)
    ends = math.log(levels[0]), math.log(levels[-1])

    def through(sigma: np.ndarray) -> np.ndarray:
        sigma = np.asarray(sigma, dtype=float)
        return curve(np.clip(np.log(sigma), *ends)) * sigma**2

    return through


def las_levels(sigma_start: float, sigma_end: float, steps: int, mmse: Curve) -> torch.Tensor:
    """Loss-adaptive levels (arXiv 2601.21943): equal steps of int sqrt(-d mmse/d lambda) dlambda, lambda = sigma^-2.

    To leading order in 1/steps the least discretisation error at a = 1/2. The paper allocates steps by the same term of
    the path KL, read off the training loss; only its abstract was read, so its rule may differ beyond leading order.

    >>> levels = las_levels(10.0, 0.1, 2, lambda sigma: sigma**2 / (1 + sigma**2))  # N(0, 1): steps of log(1 + lambda)
    >>> round(math.log1p(float(levels[1]) ** -2) / math.log1p(100.0), 3)  # less the start's .01/4.6
    0.501
    """
    from analysis.theory.grid import equidistributed_levels

    check_range(sigma_start, sigma_end)
    levels = torch.from_numpy(equidistributed_levels(sigma_start, sigma_end, positive_int(steps, "steps"), mmse))
    return _pinned(levels, sigma_start, sigma_end)


def optimal_levels(sigma_start: float, sigma_end: float, steps: int, mmse: Curve) -> torch.Tensor:
    """The levels that minimise the discretisation error at a = 1/2 for this number of steps (a local minimum from LAS).

    disc = (1/2) sum_i int (mmse(sigma_i) - mmse(sigma)) dlambda, as in `analysis.theory.grid`. Derived here.

    >>> levels = optimal_levels(10.0, 0.1, 4, lambda sigma: sigma**2 / (1 + sigma**2))
    >>> bool((levels.diff() < 0).all()), float(levels[0]), float(levels[-1])
    (True, 10.0, 0.1)
    """
    from analysis.theory import grid

    check_range(sigma_start, sigma_end)
    levels = torch.from_numpy(np.array(grid.optimal_levels(sigma_start, sigma_end, positive_int(steps, "steps"), mmse)))
    return _pinned(levels, sigma_start, sigma_end)
