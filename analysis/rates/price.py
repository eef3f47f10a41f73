"""The price of blindness int E|f* - f_sigma|^2 sigma^-3 d sigma by stratified Monte Carlo over log sigma."""

from __future__ import annotations

import math
from typing import Callable

import torch

from analysis.metrics.intervals import Estimate, mean
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["price_of_blindness"]

_BATCH = 1 << 14


def price_of_blindness(
    law: Law, f: Callable, low: float, high: float, n: int, stream: Stream, rival: Callable | None = None
) -> Estimate:
    """int_low^high E|f(Y) - f_sigma(Y)|^2 sigma^-3 d sigma in nats (a = 1/2), with its 95 % interval.

    Args:
        f: the blind denoiser f(y).
        n: points; log sigma is stratified over each batch, and batches are independent.
        rival: f(y, sigma) to be used instead of f(y), for controls that know the level.
    """
    batches = max(8, n // _BATCH)
    size = max(n // batches, 2)
    width = math.log(high / low)
    values = []
    for b in range(batches):
        own = stream.child("price", b)
        u = (torch.arange(size, dtype=torch.float64) + own.child("level").uniform(size)) / size
        sigma = low * torch.exp(width * u)
        y = law.add_noise(law.sample(size, own.child("data")), sigma, own.child("noise"))
        guess = f(y) if rival is None else rival(y, sigma, own)
        gap = law.space.sqnorm(guess - law.denoise(y, sigma))
        values.append(float((gap / sigma**2).mean()) * width)
    return mean(values)
