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
from manifolds.checks import positive_int
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
    "check_run",
    "martingale_steps",
    "measure_gap",
    "resolve_reference",
    "simulated_step",
]

# what splits the gap: "aligned", a prior, a blind denoiser, or None to choose
Reference = str | NoisePrior | Callable | None


def check_run(law: Law, schedule: Schedule, n: int, substeps: int = 2) -> None:
    """Raise ValueError, in one line, for what no ledger can be made of.

    >>> check_run("sphere", None, 10)
    Traceback (most recent call last):
    ValueError: law must be a Law, got str
    """
    for name, value, kind in (("law", law, Law), ("schedule", schedule, Schedule)):
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be a {kind.__name__}, got {type(value).__name__}")
    if positive_int(n, "n") < 2:
        raise ValueError(f"n must be at least 2 for standard errors, got {n}")
    if positive_int(substeps, "substeps") % 2:
        raise ValueError(f"substeps must be even, for Simpson's rule, got {substeps}")
    if not bool(torch.isfinite(schedule.kl_weights).all()):
        raise ValueError("schedule must inject noise in every step (a > 0), or the path KL is infinite")


class Gap(NamedTuple):
    """Squared distances at the sampled points, each (n,); `difference` (n, width) is f_sigma - f^."""

    blind: torch.Tensor
    learning: torch.Tensor
    cross: torch.Tensor
    difference: torch.Tensor


def call(f: Denoiser, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    """f(y), or f(y, sigma) if it is not blind; without gradients.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True)
    >>> call(as_denoiser(lambda y, sigma: y / (1 + sigma**2), law.space), torch.tensor([[4.0, 0.0]]), 1.0)
    tensor([[2., 0.]])
    """
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

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=1, ambient=9, reduced=True), Schedule.proportional(5.0, 0.1, 0.5, 4)
    >>> resolve_reference(law, as_denoiser(lambda y: y, law.space), run, "aligned").prior.levels.shape
    torch.Size([4])
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
    """The split at points y ~ p_sigma, (n, width), given f_sigma(y) in `conditional`; no reference: all is learning.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=9, reduced=True)
    >>> y = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    >>> float(measure_gap(y, 1.0, law.denoise(y, 1.0), as_denoiser(lambda y: 0 * y, law.space), None).learning)
    1.0
    """
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
    """Raise ValueError for a law whose denoised values at two points have, in reduced form, no common frame.

    >>> import manifolds
    >>> check_frames(manifolds.make("two_scale", dim=2, ambient=9, reduced=True))
    Traceback (most recent call last):
    ValueError: law must be dense for this calculation: two_scale absorbs its normal coordinates
    """
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

    Returns:
        (b n,) contributions in nats; their mean over the n samples of a step is the step's.

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=2, ambient=9, reduced=True), Schedule.proportional(5.0, 0.1, 0.5, 4)
    >>> stream = manifolds.stream(0)
    >>> x, draw = law.sample(3, stream), law.space.draw(3, stream)
    >>> first = law.posterior_trace(law.space.perturb(x, 5.0, draw), 5.0)
    >>> bool((martingale_steps(law, run, range(1), x, draw, first, [stream]) > 0).all())
    True
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

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=2, ambient=9, reduced=True), Schedule.proportional(5.0, 0.1, 0.3, 4)
    >>> y = law.add_noise(law.sample(3, manifolds.stream(0)), 5.0, manifolds.stream(1))
    >>> bool((simulated_step(law, run, 0, y, 0 * y, 8, manifolds.stream(2)).discretisation > 0).all())
    True
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
