"""Exact marginal law of a run, by carrying its density from step to step: no samples, no floor.

For laws that a one-dimensional coordinate carries: laws on a line, and rotation invariant ones through r = |u| (angles
stay uniform). The noise level is known to the run (d to infinity, where the blind denoiser is the conditional one), the
start is exactly p_{sigma_0}.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy import special

from analysis.samplers import Schedule
from manifolds.law import Law

__all__ = ["Divergence", "marginal_divergence"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_REACH = 9.0  # standard deviations of noise that the grid extends beyond the data
_FINER = 8
_PANEL = 1.5  # panel width in units of the kernel's standard deviation


class Divergence(NamedTuple):
    """KL(p_{sigma_T} || law of Y_N) in nats, their total variation, W_2, and the mass carried (1 on grids fine enough).

    W_2 of two rotation invariant laws is that of their radii: moving along the rays is optimal.
    """

    kl: float
    tv: float
    w2: float
    mass: float


def marginal_divergence(law: Law, schedule: Schedule, radial: bool, scale: float = 1.0) -> Divergence:
    """Divergence of the law of Y_N from p_{sigma_T}, along the coordinate u (m = 1) or r = |u| (rotation invariant).

    Args:
        scale: the run's denoiser is that many times the exact one (a sabotage).

    Raises:
        ValueError: not radial and the core is not a line, or a schedule that injects no noise in some step.

    >>> import manifolds
    >>> law = manifolds.make("cube", dim=1, ambient=9, reduced=True)
    >>> found = marginal_divergence(law, Schedule.proportional(5.0, 0.5, 0.5, 8), radial=False)
    >>> found.kl < 2 * found.tv < 0.1, round(found.mass, 9)
    (True, 1.0)
    """
    if not bool((schedule.ou_variance > 0).all()):
        raise ValueError("schedule must inject noise in every step (a > 0) for the law of a run to have a density")
    if not radial and law.core_dim != 1:
        raise ValueError(f"law must live on a line unless radial, got core dimension {law.core_dim}")
    sigma, c, eta = schedule.sigma.tolist(), torch.exp(-schedule.h).tolist(), schedule.ou_variance.sqrt().tolist()
    x, w = _grid(law, sigma[0], eta[0], radial)
    q = _density(law, x, sigma[0], radial)
    for i in range(schedule.steps):
        f = scale * _denoise(law, x, sigma[i])
        centre = f + c[i] * (x - f)
        # |p - q| has kinks: the last grid, on which nothing is carried further, is finer
        spread = eta[i + 1] if i + 1 < schedule.steps else eta[i] / _FINER
        x_next, w_next = _grid(law, sigma[i + 1], min(spread, sigma[i + 1]), radial)
        q = _kernel(x_next, centre, eta[i], law.core_dim if radial else 1, radial) @ (w * q)
        x, w = x_next, w_next
    p = _density(law, x, sigma[-1], radial)
    seen = (p > 0) & (q > 0)
    ratio = np.log(p[seen]) - np.log(q[seen])
    # p log(p/q) - p + q: the same integral, each term non-negative
    kl = float((w[seen] * (p[seen] * ratio - p[seen] + q[seen])).sum())
    return Divergence(kl, float(0.5 * (w * np.abs(p - q)).sum()), _wasserstein_2(x, w, p, q), float((w * q).sum()))


def _wasserstein_2(x: np.ndarray, w: np.ndarray, p: np.ndarray, q: np.ndarray) -> float:
    """W_2 on a line from densities at quadrature nodes: the root mean square of F_q^-1(F_p(x)) - x under p."""
    inside = (np.cumsum(w * v) - w * v / 2 for v in (p, q))
    of_p, of_q = (c / total for c, total in zip(inside, ((w * p).sum(), (w * q).sum())))
    # strictly increasing values are needed for an inverse; beyond them neither law has mass
    rising = np.concatenate([[True], np.diff(of_q) > 0])
    moved = np.interp(of_p, of_q[rising], x[rising]) - x
    return float(np.sqrt((w * p * moved**2).sum()))


def _grid(law: Law, sigma: float, kernel_sd: float, radial: bool) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre panels over all that p_sigma reaches, fine enough for a kernel of this standard deviation."""
    reach = law.radius + sigma * (_REACH + (math.sqrt(law.core_dim) if radial else 0.0))
    low = 0.0 if radial else -reach
    panels = math.ceil((reach - low) / (_PANEL * kernel_sd))
    half = (reach - low) / panels / 2
    centres = low + half * (2 * np.arange(panels)[:, None] + 1)
    return (centres + half * _NODES).ravel(), np.tile(half * _WEIGHTS, panels)


def _points(law: Law, x: np.ndarray) -> torch.Tensor:
    """The coordinate as points of the law's reduced form: along the first axis, no normal part."""
    y = torch.zeros(len(x), law.core_dim + 1, dtype=torch.float64)
    y[:, 0] = torch.from_numpy(x)
    return y


def _denoise(law: Law, x: np.ndarray, sigma: float) -> np.ndarray:
    return law.denoise(_points(law, x), sigma)[:, 0].numpy()


def _density(law: Law, x: np.ndarray, sigma: float, radial: bool) -> np.ndarray:
    """Density of the coordinate under p_sigma."""
    stats, _ = law.statistics(_points(law, x))
    post = law.core.posterior(stats, torch.full((len(x), 1), sigma, dtype=torch.float64), 0)
    log_p = (post.log_p + post.offset)[:, 0].numpy()
    if radial:
        m = law.core_dim
        log_p = log_p + (m - 1) * np.log(x) + math.log(2) + 0.5 * m * math.log(math.pi) - special.gammaln(m / 2)
    return np.exp(log_p)


def _kernel(x: np.ndarray, centre: np.ndarray, sd: float, m: int, radial: bool) -> np.ndarray:
    """Density at x of |centre e_1 + sd Z| in R^m (radial), or of centre + sd Z on the line; (len(x), len(centre))."""
    if not radial:
        return np.exp(-0.5 * ((x[:, None] - centre) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    a, b = x[:, None] / sd, np.abs(centre) / sd
    order = m / 2 - 1
    with np.errstate(divide="ignore"):
        log_bessel = np.log(special.ive(order, a * b))
        log_density = np.log(a) + order * np.log(a / b) + log_bessel - 0.5 * (a - b) ** 2
    return np.exp(log_density) / sd
