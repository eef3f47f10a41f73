"""The path KL measured in one piece, without splitting it: what the sum of the terms is checked against."""

from __future__ import annotations

from collections.abc import Callable

import torch

from analysis.ledger.gaps import call
from analysis.ledger.initial import initial_term
from analysis.ledger.steps import check_frames, simulated_step
from analysis.ledger.telescope import level_within
from analysis.ledger.terms import Tally, Term
from analysis.samplers import Schedule
from analysis.samplers.ideal import earlier_point, is_brownian_reversal
from manifolds.denoisers import as_denoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["direct_total"]


def direct_total(law: Law, denoiser: Callable, schedule: Schedule, n: int, stream: Stream, substeps: int = 8) -> Term:
    """init + sum_i int E|f_{sigma_t}(X_t) - f^(X_{t_i})|^2 / (4 a_t) dt by Monte Carlo of that integrand itself.

    At a = 1/2 from the exact joint law of (X_t, X_{t_i}), t stratified in each step; otherwise from simulated stretches.
    With `ConditionalDenoiser(law)` it is init + discretisation. The per-step values are without init.
    """
    f = as_denoiser(denoiser, law.space)
    check_frames(law)
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
    steps, init = tally.term(), initial_term(law, sigma[0], n, stream.child("init"))
    total = steps + init
    return Term(total.value, total.standard_error, steps.per_step, steps.per_step_error)
