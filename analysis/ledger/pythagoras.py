"""Whether the terms of the ledger add up: the undivided integrand and its parts on the same samples, at a = 1/2."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from analysis.ledger.gaps import call
from analysis.ledger.telescope import level_within
from analysis.samplers import Schedule
from analysis.samplers.ideal import earlier_point, is_brownian_reversal
from manifolds.denoisers import as_denoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["Parts", "measure_parts"]


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
    """The integrand |f_{sigma_t}(X_t) - f^(X_{t_i})|^2 and its three parts at points of the exact joint law of (X_t, X_{t_i}).

    Args:
        denoiser: f^; best: the blind f* that splits its gap from the conditional one.

    Raises:
        ValueError: a schedule with a != 1/2, where the joint law of two times is not known.
    """
    if not is_brownian_reversal(schedule):
        raise ValueError("schedule must have a = 1/2, where the joint law of two times is known")
    sigma, weights = schedule.sigma.tolist(), schedule.kl_weights.tolist()
    denoiser, best = as_denoiser(denoiser, law.space), as_denoiser(best, law.space)
    sums = [torch.zeros(n, dtype=torch.float64) for _ in range(4)]
    for i, weight in enumerate(weights):
        own = stream.child("parts", i)
        u = (torch.arange(n, dtype=torch.float64) + own.child("time").uniform(n)) / n
        # a random order: the same sample is not early in every step
        level = level_within(sigma[i], sigma[i + 1], u[torch.from_numpy(own.child("order").numpy.permutation(n))])
        later = law.add_noise(law.sample(n, own.child("data")), level, own.child("noise"))
        first = earlier_point(law, later, level, sigma[i], own.child("back"))
        ideal, frozen = law.denoise(later, level), law.denoise(first, sigma[i])
        star, estimate = call(best, first, sigma[i]), call(denoiser, first, sigma[i])
        for k, gap in enumerate((ideal - estimate, frozen - star, ideal - frozen, star - estimate)):
            sums[k] += weight * law.space.sqnorm(gap)
    return Parts(*sums)
