"""The first term: KL(p_{sigma_0} || N(mean, sigma_0^2 I)), the price of starting from a Gaussian."""

from __future__ import annotations

import math

import numpy as np
import torch

from analysis.ledger.record import Term
from manifolds.checks import positive_int, positive_number
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["initial_term"]

_NODES, _WEIGHTS = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(64))


def initial_term(law: Law, sigma: float, n: int, stream: Stream) -> Term:
    """KL(p_sigma || N(E X, sigma^2 I)).

    From the MMSE curve where the law has it, by the I-MMSE identity (arXiv 2302.03792; exact up to quadrature):

        KL = int_sigma^inf (E|X - E X|^2 - mmse(s)) s^-3 ds
           = int_0^1 (E|X - E X|^2 - mmse(sigma / sqrt(v))) dv / (2 sigma^2).

    Else by Monte Carlo of the log ratio L; below one nat of L - 1 + e^{-L}, which has the same mean, is never negative
    and has a relative error that does not grow as KL -> 0 (above it the mean of e^{-L}, 1, is that of rare points).

    Raises:
        ValueError: sigma not positive and finite, or n < 2.

    >>> import manifolds
    >>> term = initial_term(manifolds.make("gaussian", dim=4, ambient=100, reduced=True), 1.0, 2, manifolds.stream(0))
    >>> round(term.value - 2 * (1 - math.log(2)), 12)  # (k/2)(r - log(1 + r)), r = 1
    0.0
    """
    positive_number(sigma, "sigma")
    if positive_int(n, "n") < 2:
        raise ValueError(f"n must be at least 2 for standard errors, got {n}")
    v = (_NODES + 1) / 2
    mmse = law.mmse(sigma / v.sqrt())
    if mmse is not None:
        spread = law.second_moment - float(law.core.mean.square().sum())
        return Term(float((_WEIGHTS / 2 * (spread - mmse)).sum()) / (2 * sigma**2))
    y = law.add_noise(law.sample(n, stream.child("data")), sigma, stream.child("noise"))
    ratio = _log_ratio(law, y, sigma)
    samples = ratio + torch.expm1(-ratio) if float(ratio.mean()) < 1 else ratio
    return Term(float(samples.mean()), float(samples.std()) / math.sqrt(n))


def _log_ratio(law: Law, y: torch.Tensor, sigma: float) -> torch.Tensor:
    """log p_sigma(y) - log N(y; E X, sigma^2 I); the normal coordinates cancel, and are left out to cancel exactly."""
    if law.core.absorbs_normal:
        dim, square = law.ambient_dim, law.space.sqnorm(y)
        log_p = law.log_marginal(y, sigma)
    else:
        stats, _ = law.statistics(y)
        post = law.core.posterior(stats, torch.full((len(y), 1), sigma, dtype=torch.float64), 0)
        log_p = (post.log_p + post.offset)[:, 0]
        u, _ = law.space.split(y)
        dim, square = law.core_dim, (u - law.core.mean).square().sum(dim=1)
    return log_p + dim * (math.log(sigma) + 0.5 * math.log(2 * math.pi)) + square / (2 * sigma**2)
