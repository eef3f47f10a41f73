"""How far a denoiser is from the conditional one at one noise level, split by a reference blind denoiser f*.

|f_sigma - f^|^2 = |f_sigma - f*|^2 (blind) + |f* - f^|^2 (learning) + 2 <f_sigma - f*, f* - f^> (cross), sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from manifolds.denoisers import BlindDenoiser, Denoiser, NoisePrior, as_denoiser
from manifolds.law import Law

__all__ = ["Gap", "call", "measure_gap", "resolve_reference"]


class Gap(NamedTuple):
    """Squared distances at the sampled points, each (n,); `difference` (n, width) is f_sigma - f^."""

    blind: torch.Tensor
    learning: torch.Tensor
    cross: torch.Tensor
    difference: torch.Tensor


def call(f: Denoiser, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    """f(y), or f(y, sigma) if it is not blind."""
    with torch.no_grad():
        return f(y) if f.blind else f(y, sigma)


def resolve_reference(law: Law, denoiser: Denoiser, schedule: Any, reference: Any) -> Denoiser | None:
    """The f* that splits the gap, or None where the gap is not split.

    Args:
        reference: "aligned" (exact blind denoiser of the schedule's aligned prior), a NoisePrior, any blind denoiser, or
            None: a conditional denoiser is not split (its gap is all learning), an exact blind one is its own f* (its gap
            is all blindness), any other blind one is split by the aligned prior.

    Raises:
        ValueError: something else, or a reference that is not blind.
    """
    if reference is None:
        if not denoiser.blind:
            return None
        if isinstance(denoiser, BlindDenoiser):
            return denoiser
        reference = "aligned"
    if isinstance(reference, str):
        if reference != "aligned":
            raise ValueError(f'reference must be "aligned", a NoisePrior or a blind denoiser, got {reference!r}')
        reference = NoisePrior.aligned(schedule)
    if isinstance(reference, NoisePrior):
        return BlindDenoiser(law, reference)
    reference = as_denoiser(reference, law.space)
    if not reference.blind:
        raise ValueError("reference must be blind, got a denoiser that takes sigma")
    return reference


def measure_gap(
    y: torch.Tensor, sigma: float, conditional: torch.Tensor, denoiser: Callable, reference: Callable | None
) -> Gap:
    """The split at points y ~ p_sigma, given f_sigma(y)."""
    estimate = call(denoiser, y, sigma)
    difference = conditional - estimate
    zero = torch.zeros(len(y), dtype=y.dtype)
    if reference is None:
        return Gap(zero, difference.square().sum(1), zero, difference)
    if reference is denoiser:
        return Gap(difference.square().sum(1), zero, zero, difference)
    best = call(reference, y, sigma)
    blindness, learning = conditional - best, best - estimate
    cross = 2 * (blindness * learning).sum(1)
    return Gap(blindness.square().sum(1), learning.square().sum(1), cross, difference)
