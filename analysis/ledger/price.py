"""The price of blindness int E|f* - f_sigma|^2 sigma^-3 d sigma (a = 1/2, nats), and what stands in for f* in controls.

Integrals over the noise level, int E g(Y, sigma) d log sigma, are sampled where the integrand is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np
import torch

from analysis.metrics.intervals import Estimate, mean
from analysis.samplers.grids import check_range
from manifolds.checks import positive_int
from manifolds.denoisers import as_denoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["integrate_levels", "price_of_blindness", "prices"]

_BINS, _PILOT, _BATCHES = 24, 128, 16


def price_of_blindness(law: Law, f: Callable, low: float, high: float, n: int, stream: Stream) -> Estimate:
    """int_low^high E|f(Y) - f_sigma(Y)|^2 sigma^-3 d sigma of a blind denoiser f(y), with its 95 % interval.

    Args:
        n: points in all, over the noise levels; 16 batches of at least 24.

    Raises:
        ValueError: unless 0 < low < high and n >= 1, or if f is not blind.

    >>> import manifolds
    >>> from manifolds.denoisers import BlindDenoiser, NoisePrior
    >>> law = manifolds.make("gaussian", dim=2, ambient=10**5, reduced=True)
    >>> f = BlindDenoiser(law, NoisePrior.power(-3.0, 0.05, 20.0))
    >>> price = price_of_blindness(law, f, 0.05, 20.0, 4000, manifolds.stream(0))
    >>> price.low < 1e-5 < price.high  # k/(2(d-k)) nats
    True
    """
    _check(law, f)
    sensitivity = _sensitivity(law)
    return mean(
        integrate_levels(law, low, high, n, stream, {"price": _price(law, f, sensitivity, law.denoise)}, sensitivity)[
            "price"
        ]
    )


def prices(
    law: Law,
    f: Callable,
    low: float,
    high: float,
    n: int,
    stream: Stream,
    readings: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """16 independent estimates each, from common points, of

    price: that of f;
    J: int sigma^-6 E|W|^2 d log sigma, W = Cov(X, |X-Y|^2 | Y), whose J/(2d) is the price to leading order;
    efficient: in place of f, f_sigma at an unbiased reading of log sigma of variance 1/(2d), the least possible (null);
    the sabotages of `readings`: f that is shown normal coordinates this many times too long, so that it reads every
    level so many times too high, which multiplies the price by about 1 + 2 d (factor - 1)^2.

    Raises:
        ValueError: as `price_of_blindness`; a reading called like one of the others.

    >>> import manifolds
    >>> from manifolds.denoisers import BlindDenoiser, NoisePrior
    >>> law = manifolds.make("gaussian", dim=2, ambient=10**5, reduced=True)
    >>> f = BlindDenoiser(law, NoisePrior.power(-3.0, 0.05, 20.0))
    >>> found = prices(law, f, 0.05, 20.0, 400, manifolds.stream(0), {"misread": 1.1})
    >>> sorted(found), found["J"].shape
    (['J', 'efficient', 'misread', 'price'], (16,))
    """
    _check(law, f)
    # every integrand asks for it at the same points
    told = lru_cache(1)(law.denoise)
    sensitivity, d = _sensitivity(law), law.ambient_dim

    def efficient(y, sigma, own):
        error = own.child("guess").normal(len(y)) / math.sqrt(2 * d)
        gap = law.space.sqnorm(law.denoise(y, sigma * torch.exp(error)) - told(y, sigma)) / sigma**2
        return gap - sensitivity(y, sigma, own) * (error**2 - 1 / (2 * d))

    integrands = {"price": _price(law, f, sensitivity, told), "J": sensitivity, "efficient": efficient}
    for name, factor in (readings or {}).items():
        if name in integrands:
            raise ValueError(f"readings must be called otherwise than price, J, efficient and once each, got {name!r}")
        integrands[name] = _price(law, partial(_misled, law, f, factor), sensitivity, told, factor - 1)
    return integrate_levels(law, low, high, n, stream, integrands, sensitivity)


def _misled(law: Law, f: Callable, factor: float, y: torch.Tensor) -> torch.Tensor:
    """f of y with normal coordinates `factor` times too long."""
    core = law.core_dim
    return f(torch.cat([y[:, :core], factor * y[:, core:]], dim=1))


def _check(law: Law, f: Callable) -> None:
    if not as_denoiser(f, law.space).blind:
        raise ValueError("f must be blind, got a denoiser that takes sigma")


def _sensitivity(law: Law) -> Callable:
    """|sigma d f_sigma / d sigma|^2 / sigma^2 = |W|^2 / sigma^6: what an error of log sigma costs, to first order."""
    return lambda y, sigma, own: law.space.sqnorm(law.distance_covariance(y, sigma)) / sigma**6


def _price(law: Law, f: Callable, sensitivity: Callable, told: Callable, bias: float = 0.0) -> Callable:
    def gap(y, sigma):
        return law.space.sqnorm(f(y) - told(y, sigma)) / sigma**2

    if law.core.absorbs_normal:  # no coordinate holds noise alone
        return lambda y, sigma, own: gap(y, sigma)
    n = law.space.normal_dim

    def controlled(y, sigma, own):
        """The gap less its first-order form, whose mean is known: E (log sigma_hat/sigma)^2 = 1/(2n) + bias^2."""
        error = (law.space.split(y)[1] / (n * sigma**2) - 1) / 2 + bias
        return gap(y, sigma) - sensitivity(y, sigma, own) * (error**2 - bias**2 - 1 / (2 * n))

    return controlled


def integrate_levels(
    law: Law, low: float, high: float, n: int, stream: Stream, integrands: Mapping[str, Callable], pilot: Callable
) -> dict[str, np.ndarray]:
    """{name: (16,) independent estimates} of int_low^high E g(Y, sigma) d log sigma, all from the same points.

    Args:
        integrands: g(y, sigma, stream) -> (n,), y of noise levels sigma (n,).
        pilot: a cheap g(y, sigma, stream) that says where the integrands live: the density of log sigma is proportional
            to its root mean square in each of 24 bins, with a floor that keeps the weights bounded.

    Raises:
        ValueError: unless 0 < low < high and n >= 1.

    >>> import manifolds
    >>> law, one = manifolds.make("sphere", dim=2, ambient=9, reduced=True), lambda y, sigma, stream: 1 + 0 * sigma
    >>> found = integrate_levels(law, 0.1, 10.0, 400, manifolds.stream(0), {"one": one}, one)["one"]
    >>> round(float(found.mean()) - math.log(100), 12)
    0.0
    """
    check_range(high, low)
    positive_int(n, "n")
    width = math.log(high / low)
    inner = (torch.arange(_PILOT, dtype=torch.float64) + 0.5) / _PILOT
    p = ((torch.arange(_BINS)[:, None] + inner) / _BINS).reshape(-1)
    y, sigma = _draw(law, low, width, p, stream.child("pilot"))
    size = pilot(y, sigma, stream.child("pilot")).reshape(_BINS, _PILOT).square().mean(1).sqrt()
    share = size / size.sum()
    share = 0.8 * share + 0.2 / _BINS
    edges = torch.cat([torch.zeros(1, dtype=torch.float64), share.cumsum(0)])
    found: dict[str, list[float]] = {name: [] for name in integrands}
    points = max(n // _BATCHES, _BINS)
    for batch in range(_BATCHES):
        own = stream.child("batch", batch)
        v = (torch.arange(points, dtype=torch.float64) + own.child("level").uniform(points)) / points
        b = (torch.searchsorted(edges, v, right=True) - 1).clamp(0, _BINS - 1)
        y, sigma = _draw(law, low, width, (b + (v - edges[b]) / share[b]) / _BINS, own)
        weight = width / (_BINS * share[b])
        for name, g in integrands.items():
            found[name].append(float((weight * g(y, sigma, own)).mean()))
    return {name: np.array(values) for name, values in found.items()}


def _draw(law: Law, low: float, width: float, p: torch.Tensor, stream: Stream) -> tuple[torch.Tensor, torch.Tensor]:
    """Y = X + sigma Z at log sigma = log low + width p."""
    sigma = low * torch.exp(width * p)
    return law.add_noise(law.sample(len(p), stream.child("data")), sigma, stream.child("noise")), sigma
