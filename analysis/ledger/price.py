"""The price of blindness int E|f* - f_sigma|^2 sigma^-3 d sigma (a = 1/2, nats), and what stands in for f* in controls."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from analysis.ledger.stratified import integrate_levels
from analysis.metrics.intervals import Estimate, mean
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["price_of_blindness", "prices"]

_BIAS = 1.05  # the power control reads every level 5 % too high, whatever d


def price_of_blindness(law: Law, f: Callable, low: float, high: float, n: int, stream: Stream) -> Estimate:
    """int_low^high E|f(Y) - f_sigma(Y)|^2 sigma^-3 d sigma of a blind denoiser f(y), from n points, with its 95 % interval."""
    sensitivity = _sensitivity(law)
    return mean(
        integrate_levels(law, low, high, n, stream, {"price": _price(law, f, sensitivity)}, sensitivity)["price"]
    )


def prices(law: Law, f: Callable, low: float, high: float, n: int, stream: Stream) -> dict[str, np.ndarray]:
    """16 independent estimates each, from common points, of

    price: that of f; J: int sigma^-6 E|W|^2 d log sigma, W = Cov(X, |X-Y|^2 | Y), whose J/(2d) is the price to leading order;
    efficient: in place of f, f_sigma at an unbiased reading of log sigma of variance 1/(2d), the least possible (null control);
    biased: in place of f, f_sigma at a level 5 % too high (power control).
    """
    sensitivity, d = _sensitivity(law), law.ambient_dim

    def efficient(y, sigma, own):
        error = own.child("guess").normal(len(y)) / math.sqrt(2 * d)
        return _gap(law, law.denoise(y, sigma * torch.exp(error)), y, sigma) - sensitivity(y, sigma, own) * (
            error**2 - 1 / (2 * d)
        )

    def biased(y, sigma, own):
        return _gap(law, law.denoise(y, _BIAS * sigma), y, sigma)

    integrands = {"price": _price(law, f, sensitivity), "J": sensitivity, "efficient": efficient, "biased": biased}
    return integrate_levels(law, low, high, n, stream, integrands, sensitivity)


def _gap(law: Law, guess: torch.Tensor, y: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    return law.space.sqnorm(guess - law.denoise(y, sigma)) / sigma**2


def _sensitivity(law: Law) -> Callable:
    """|sigma d f_sigma / d sigma|^2 / sigma^2 = |W|^2 / sigma^6: what an error of log sigma costs, to first order."""
    return lambda y, sigma, own: law.space.sqnorm(law.distance_covariance(y, sigma)) / sigma**6


def _price(law: Law, f: Callable, sensitivity: Callable) -> Callable:
    if law.core.absorbs_normal:  # no coordinate holds noise alone
        return lambda y, sigma, own: _gap(law, f(y), y, sigma)
    n = law.space.normal_dim

    def controlled(y, sigma, own):
        """The gap less its first-order form, whose mean is known: sigma_hat^2 = rho^2/n, E (log sigma_hat/sigma)^2 = 1/(2n)."""
        error = (law.space.split(y)[1] / (n * sigma**2) - 1) / 2
        return _gap(law, f(y), y, sigma) - sensitivity(y, sigma, own) * (error**2 - 1 / (2 * n))

    return controlled
