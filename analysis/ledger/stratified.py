"""Integrals over the noise level, int E g(Y, sigma) d log sigma, by stratified sampling that goes where the integrand is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch

from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["integrate_levels"]

_BINS, _PILOT, _BATCHES = 24, 128, 16


def integrate_levels(
    law: Law, low: float, high: float, n: int, stream: Stream, integrands: Mapping[str, Callable], pilot: Callable
) -> dict[str, np.ndarray]:
    """{name: (16,) independent estimates} of int_low^high E g(Y, sigma) d log sigma, all from the same points.

    Args:
        integrands: g(y, sigma, stream) -> (n,), y of noise levels sigma (n,).
        pilot: a cheap g(y, sigma, stream) that says where the integrands live: the density of log sigma is proportional
            to its root mean square in each of 24 bins, with a floor that keeps the weights bounded.
    """
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
