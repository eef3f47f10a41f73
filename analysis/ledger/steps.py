"""The discretisation of one step, sample by sample, from the joint law of (X_{t_i}, X_t) of the ideal process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from analysis.ledger.telescope import level_within
from analysis.samplers import Schedule
from analysis.samplers.ideal import simulate
from manifolds.law import Law
from manifolds.space import Draw
from manifolds.streams import Stream

__all__ = ["Step", "check_frames", "martingale_steps", "simulated_step"]


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
    """At a = 1/2: weight times tr C(x + sigma_i z) - tr C(x + sigma z), sigma stratified over each step, one z for both.

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
