"""What the sum of the terms is checked against: the path KL in one piece, or beside its parts on the same samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from analysis.ledger.initial import initial_term
from analysis.ledger.record import StepTerm, Tally
from analysis.ledger.steps import call, check_frames, check_run, simulated_step
from analysis.ledger.telescope import level_within
from analysis.samplers import Schedule
from analysis.samplers.ideal import earlier_point, is_brownian_reversal
from manifolds.denoisers import as_denoiser
from manifolds.denoisers.prior import check_prior
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["Parts", "direct_total", "measure_parts", "perturbed"]


def perturbed(f: Callable) -> Callable:
    """.93 f + .02 sin: a smooth wrong denoiser, too small and with an error of its own in every coordinate.

    >>> perturbed(lambda y: y)(torch.tensor([1.0]))
    tensor([0.9468])
    """
    return lambda y: 0.93 * f(y) + 0.02 * torch.sin(y)


def direct_total(
    law: Law, denoiser: Callable, schedule: Schedule, n: int, stream: Stream, substeps: int = 8
) -> StepTerm:
    """init + sum_i int E|f_{sigma_t}(X_t) - f^(X_{t_i})|^2 / (4 a_t) dt by Monte Carlo of that integrand itself.

    At a = 1/2 from the exact joint law of (X_t, X_{t_i}), t stratified in each step; else from simulated stretches.
    With `ConditionalDenoiser(law)` it is init + discretisation. The per-step values are without init.

    Raises:
        ValueError: as `ledger` does; a law without a common frame (see `check_frames`).

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=4, ambient=1000, reduced=True), Schedule.proportional(20.0, 0.05)
    >>> found = direct_total(law, lambda y, sigma: law.denoise(y, sigma), run, 400, manifolds.stream(0))
    >>> abs(found.value - 0.9903) < 4 * found.standard_error < 0.1
    True
    """
    check_run(law, schedule, n, substeps)
    check_prior(denoiser, schedule.sigma)
    check_frames(law)
    f = as_denoiser(denoiser, law.space)
    sigma, weights, tally = schedule.sigma.tolist(), schedule.kl_weights.tolist(), Tally()
    for i in range(schedule.steps):
        own = stream.child("direct", i)
        x = law.sample(n, own.child("data"))
        if is_brownian_reversal(schedule):
            u = (torch.arange(n, dtype=torch.float64) + own.child("time").uniform(n)) / n
            level = level_within(sigma[i], sigma[i + 1], u)
            later = law.add_noise(x, level, own.child("noise"))
            first = earlier_point(law, later, level, sigma[i], own.child("back"))
            gap = law.denoise(later, level) - call(f, first, sigma[i])
            tally.add(weights[i] * gap.square().sum(1))
        else:
            y = law.add_noise(x, sigma[i], own.child("noise"))
            offset = law.denoise(y, sigma[i]) - call(f, y, sigma[i])
            step = simulated_step(law, schedule, i, y, offset, substeps, own)
            tally.add(step.discretisation + step.cross + weights[i] * offset.square().sum(1))
    return tally.term().with_start(initial_term(law, sigma[0], n, stream.child("init")))


class Parts(NamedTuple):
    """Sums over the steps, each (n,) and independent over samples, in nats and without init."""

    total: torch.Tensor
    blind: torch.Tensor
    discretisation: torch.Tensor
    learning: torch.Tensor

    @property
    def difference(self) -> torch.Tensor:
        """total less the sum of its parts: the cross terms."""
        return self.total - self.blind - self.discretisation - self.learning


def measure_parts(law: Law, denoiser: Callable, best: Callable, schedule: Schedule, n: int, stream: Stream) -> Parts:
    """The integrand |f_{sigma_t}(X_t) - f^(X_{t_i})|^2 and its parts, at points of the exact law of (X_t, X_{t_i}).

    Args:
        denoiser: f^; best: the blind f* that splits its gap from the conditional one.

    Raises:
        ValueError: a schedule with a != 1/2, where the joint law of two times is not known.

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=2, ambient=15), Schedule.proportional(8.0, 0.1, 0.5, 4)
    >>> parts = measure_parts(law, lambda y: 0 * y + 0.1, lambda y: 0 * y, run, 100, manifolds.stream(0))
    >>> round(float(parts.learning.mean() / (15 * 0.1**2 * run.kl_weights.sum())), 6)
    1.0
    """
    check_run(law, schedule, n)
    if not is_brownian_reversal(schedule):
        raise ValueError("schedule must have a = 1/2, where the joint law of two times is known")
    sigma, weights = schedule.sigma.tolist(), schedule.kl_weights.tolist()
    f, f_star = as_denoiser(denoiser, law.space), as_denoiser(best, law.space)
    sums = [torch.zeros(n, dtype=torch.float64) for _ in range(4)]
    for i, weight in enumerate(weights):
        own = stream.child("parts", i)
        u = (torch.arange(n, dtype=torch.float64) + own.child("time").uniform(n)) / n
        # a random order: the same sample is not early in every step
        level = level_within(sigma[i], sigma[i + 1], u[torch.from_numpy(own.child("order").numpy.permutation(n))])
        later = law.add_noise(law.sample(n, own.child("data")), level, own.child("noise"))
        first = earlier_point(law, later, level, sigma[i], own.child("back"))
        ideal, frozen = law.denoise(later, level), law.denoise(first, sigma[i])
        star, estimate = call(f_star, first, sigma[i]), call(f, first, sigma[i])
        for k, gap in enumerate((ideal - estimate, frozen - star, ideal - frozen, star - estimate)):
            sums[k] += weight * law.space.sqnorm(gap)
    return Parts(*sums)
