"""The learning term over the bound of arXiv 2602.09639, Theorem 3.12, and denoisers that are known to be wrong."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats

from analysis.learning.risk import DenoiserLike, prior_risk_difference
from analysis.theory.learning import learning_bound
from analysis.training.fit import Params, Row, row
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["Bent", "Bottom", "bottom_ratio", "sabotaged_bound", "theorem_row", "unit_bound"]

REACH, SIZE = 0.9, 0.2  # sigma_T; 10 sigma_T, so that what x adds to the difference of risks is small
SHORT = 200  # steps of the one-sided sum of a sabotaged A_T: 3 % too small
ABOVE = 1.05  # sigma_T: where a sabotaged minimum begins


class Bent:
    """.93 f* + .02 sin(coordinates): a perturbation of the optimum that no law has anything to do with."""

    blind = True

    def __init__(self, optimum: BlindDenoiser):
        self.optimum = optimum

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return 0.93 * self.optimum(y) + 0.02 * torch.sin(y)


class Bottom:
    """f* plus a constant vector of length `size` where the normal part of y reads a level below `reach`."""

    blind = True

    def __init__(self, optimum: BlindDenoiser, law: Law, reach: float, size: float):
        self.optimum, self.law, self.reach, self.size = optimum, law, reach, size

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        low = self.law.space.split(y)[1] / self.law.space.normal_dim < self.reach**2
        return self.optimum(y) + self.size / math.sqrt(y.shape[1]) * low[:, None].to(y)


def bottom_ratio(prior: NoisePrior, normal_dim: int, reach: float) -> float:
    """learn / bound of `Bottom`, which errs at level sigma with probability P(chi2_n < n reach^2/sigma^2)."""
    sigma = np.exp(np.linspace(math.log(prior.low), math.log(prior.high), 20_001))
    errs = stats.chi2.cdf(normal_dim * (reach / sigma) ** 2, normal_dim)
    density = torch.exp(prior.log_density(torch.from_numpy(sigma))).numpy()
    learned = np.trapezoid(errs * sigma**-3, sigma) * np.min(sigma**3 * density)
    return float(learned / np.trapezoid(errs * density, sigma))


def theorem_row(
    measure: str,
    f: DenoiserLike,
    law: Law,
    optimum: BlindDenoiser,
    params: Params,
    draws: Stream,
    bound: float | None = None,
) -> Row:
    """learn / bound at a = 1/2, the bound being that of Theorem 3.12.

    The theorem says <= 1 for every prior; for Theta proportional to sigma^-3 the ratio is 1 (derived here).

    Args:
        bound: of an excess risk of one; None is the theorem's for the prior of the optimum.
    """
    columns = prior_risk_difference(f, law, optimum, params["theorem_points"], draws)
    excess, learned = columns[:, 0], columns[:, 1] / 0.25
    unit = unit_bound(optimum.prior, levels=None) if bound is None else bound
    ratio = float(learned.mean() / (unit * excess.mean()))
    spread = (learned - ratio * unit * excess).std() / math.sqrt(len(excess)) / (unit * excess.mean()).abs()
    return row(measure, ratio, float(spread))


def unit_bound(prior: NoisePrior, levels: torch.Tensor | None) -> float:
    """The bound of Theorem 3.12 an excess risk of one, a = 1/2; the minimum over the whole range, or over some
    levels."""
    if levels is None:
        levels = torch.exp(torch.linspace(math.log(prior.low), math.log(prior.high), 513, dtype=torch.float64))
    levels = levels.clamp(prior.low, prior.high)
    return float(learning_bound(1.0, levels.numpy(), torch.exp(prior.log_density(levels)).numpy(), 0.5))


def sabotaged_bound(params: Params) -> float:
    """A wrong bound that a claim must notice: A_T by a one-sided sum for the equality, else a minimum that misses the
    lowest levels."""
    low, high = params["low"], params["high"]
    prior = NoisePrior.power(float(params["prior"]), low, high)
    if float(params["prior"]) == -3.0:
        step = math.log(high / low) / SHORT
        above = low * np.exp(step * np.arange(1, SHORT + 1))
        return float(4.0 * step * (above**-2.0).sum())  # int dt/a_t = 4 int sigma^-2 dlog sigma at a = 1/2
    return unit_bound(prior, torch.tensor([ABOVE * low, high], dtype=torch.float64))
