"""What one step contributes, sample by sample: the gap of the denoiser at its level, and the discretisation.

The gap is split by a reference blind denoiser f*:

    |f_sigma - f^|^2 = |f_sigma - f*|^2 (blind) + |f* - f^|^2 (learning) + 2 <f_sigma - f*, f* - f^> (cross).

The discretisation comes from the joint law of (X_{t_i}, X_t) of the ideal process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from analysis.ledger.telescope import level_within
from analysis.samplers import Schedule
from analysis.samplers.ideal import simulate
from manifolds.denoisers import BlindDenoiser, Denoiser, NoisePrior, as_denoiser
from manifolds.law import Law
from manifolds.space import Draw
from manifolds.streams import Stream

__all__ = [
    "Gap",
    "Reference",
    "Step",
    "call",
    "check_frames",
    "martingale_steps",
    "measure_gap",
    "resolve_reference",
    "simulated_step",
]

# what splits the gap: "aligned", a prior, a blind denoiser, or None to choose
Reference = str | NoisePrior | Callable | None


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


def resolve_reference(law: Law, denoiser: Denoiser, schedule: Schedule, reference: Reference) -> Denoiser | None:
    """The f* that splits the gap, or None where the gap is not split.

    Args:
        reference: "aligned" (exact blind denoiser of the schedule's aligned prior), a NoisePrior, any blind denoiser,
            or None: a conditional denoiser is not split (its gap is all learning), an exact blind one is its own f*
            (its gap is all blindness), any other blind one is split by the aligned prior.

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
        return as_denoiser(BlindDenoiser(law, reference), law.space)
    best = as_denoiser(reference, law.space)
    if not best.blind:
        raise ValueError("reference must be blind, got a denoiser that takes sigma")
    return best


def measure_gap(
    y: torch.Tensor,
    sigma: float | torch.Tensor,
    conditional: torch.Tensor,
    denoiser: Denoiser,
    reference: Denoiser | None,
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


def check_frames(law: Law) -> None:
    """Raise ValueError for a law whose denoised values at two points have, in reduced form, no common frame."""
    if law.core.absorbs_normal and law.reduced:
        raise ValueError(f"law must be dense for this calculation: {law.name} absorbs its normal coordinates")


class Step(NamedTuple):
    """Weighted contributions (n,) of a step: discretisation, and its product with the gap."""

    discretisation: torch.Tensor
    cross: torch.Tensor


def martingale_steps(
    law: Law,
    schedule: Schedule,
    steps: range,
    x: torch.Tensor,
    draw: Draw,
    first: torch.Tensor,
    streams: Sequence[Stream],
) -> torch.Tensor:
    """At a = 1/2: weight times tr C(x + sigma_i z) - tr C(x + sigma z), sigma stratified in each step, one z for both.

    Args:
        steps: b consecutive steps i, of n samples each.
        x, draw: points and draws of their noise, b n rows, step by step.
        first: (b n,) tr C(x + sigma_i z).
        streams: one a step.
    """
    n, sigma = len(x) // len(steps), schedule.sigma.tolist()
    u = [(torch.arange(n, dtype=torch.float64) + stream.uniform(n)) / n for stream in streams]
    level = torch.cat([level_within(sigma[i], sigma[i + 1], part) for i, part in zip(steps, u)])
    later = law.posterior_trace(law.space.perturb(x, level, draw), level)
    return schedule.kl_weights[steps.start : steps.stop].repeat_interleave(n) * (first - later)


def simulated_step(
    law: Law, schedule: Schedule, i: int, y: torch.Tensor, difference: torch.Tensor, substeps: int, stream: Stream
) -> Step:
    """Any a_t: the ideal process from y = X_{t_i} on a fine grid, Simpson's rule in time.

    Args:
        difference: f_{sigma_i}(y) - f^(y), (n, width).
        substeps: even number of fine steps; raised where the step is long.
    """
    check_frames(law)
    substeps = max(substeps, 2 * math.ceil(8 * float(schedule.h[i])))
    fine = schedule.window(i, i + 1).refine(substeps)
    weights = torch.full((substeps + 1,), 2.0, dtype=torch.float64)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    weights = weights / 3 * float(schedule.h[i]) / substeps / (4 * fine.a(fine.t))
    square, cross = torch.zeros(len(y), dtype=y.dtype), torch.zeros(len(y), dtype=y.dtype)
    first = None
    for weight, (_, fy) in zip(weights.tolist(), simulate(law, y, fine, stream)):
        first = fy if first is None else first
        moved = fy - first
        square += weight * moved.square().sum(1)
        cross += 2 * weight * (moved * difference).sum(1)
    return Step(square, cross)
