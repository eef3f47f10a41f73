"""The calculation of the error ledger (arXiv 2602.09639, section 3; the exact split is derived here).

By Girsanov, between the ideal process (law p_{sigma_t}) and a run that freezes f^ over each step (exponential Euler):

    KL = KL(p_{sigma_0} || N) + sum_i int_{t_i}^{t_{i+1}} E|f_{sigma_t}(X_t) - f^(X_{t_i})|^2 / (4 a_t) dt,

which bounds KL(p_{sigma_T} || law of the run). At a = 1/2 it is init + blind + discretisation + learning + cross
without an inequality, and cross = 0 at every number of steps for the aligned prior of the schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import torch

from analysis.ledger.initial import initial_term
from analysis.ledger.record import Ledger, StepTerm, Tally
from analysis.ledger.steps import (
    Reference,
    check_run,
    martingale_steps,
    measure_gap,
    resolve_reference,
    simulated_step,
)
from analysis.ledger.telescope import telescope_term
from analysis.samplers import Schedule
from analysis.samplers.ideal import is_brownian_reversal
from manifolds.checks import instance
from manifolds.denoisers import ConditionalDenoiser, Denoiser, as_denoiser
from manifolds.denoisers.prior import check_prior
from manifolds.law import Law
from manifolds.space import Draw
from manifolds.streams import Stream

__all__ = ["ledger"]

_PARTS = ("blind", "learning", "cross_prior", "discretisation", "cross_steps")
# points of several steps are evaluated at once, up to this many, and numbers in them
_ROWS, _ELEMENTS = 4096, 1 << 22


def ledger(
    law: Law,
    denoiser: Callable,
    schedule: Schedule,
    n: int,
    stream: Stream,
    *,
    reference: Reference = None,
    substeps: int = 8,
    callback: Callable[[int], None] | None = None,
) -> Ledger:
    """The ledger of any denoiser f(y) or f(y, sigma) on a schedule that injects noise.

    Args:
        n: samples per step (fresh ones at every step).
        reference: the blind f* that splits the denoiser's gap into blind and learning: "aligned", a NoisePrior or a
            blind denoiser; None chooses (see `analysis.ledger.steps.resolve_reference`).
        substeps: fine steps per step for the ideal process at a != 1/2; even.
        callback: called with the index of each finished step.

    Raises:
        ValueError: bad arguments, in one line.

    >>> import manifolds
    >>> law, run = manifolds.make("gaussian", dim=4, ambient=1000, reduced=True), Schedule.proportional(20.0, 0.05)
    >>> found = ledger(law, ConditionalDenoiser(law), run, 100, manifolds.stream(0))
    >>> print(found)
    term                 nats      s.e.
    init             6.24e-06     exact
    blind                   0         0
    discretisation     0.9903     exact
    learning                0         0
    cross                   0         0
    total              0.9903         0
    total variation at most 0.7037; 64 steps from sigma = 20 to 0.05, 100 samples a step
    """
    check_run(law, schedule, n, substeps)
    instance(stream, Stream, "stream")
    check_prior(denoiser, schedule.sigma)
    f = as_denoiser(denoiser, law.space)
    best = resolve_reference(law, f, schedule, reference)
    reversal = is_brownian_reversal(schedule)
    exact_disc = telescope_term(law, schedule) if reversal else None
    tallies = {name: Tally() for name in (*_PARTS, "all")}
    # a denoiser that someone brings may take no more than one level at once
    together = reversal and (f.blind or isinstance(f, ConditionalDenoiser))
    size = max(min(_ROWS, _ELEMENTS // law.space.width) // n, 1) if together else 1
    for first in range(0, schedule.steps, size):
        steps = range(first, min(first + size, schedule.steps))
        parts = _contributions(
            law, schedule, steps, n, [stream.child("ledger", i) for i in steps], f, best, exact_disc, substeps
        )
        for name, samples in (parts | {"all": reduce(torch.add, parts.values())}).items():
            for of_step in samples.split(n):
                tallies[name].add(of_step)
        if callback is not None:
            for i in steps:
                callback(i)
    terms = {name: tally.term() for name, tally in tallies.items()}
    if exact_disc is not None:
        terms["discretisation"] = exact_disc
    init = initial_term(law, float(schedule.sigma[0]), n, stream.child("init"))
    return Ledger(
        init=init,
        blind=terms["blind"],
        discretisation=terms["discretisation"],
        learning=terms["learning"],
        cross=_pooled(terms["cross_prior"], terms["cross_steps"]),
        total=terms["all"].with_start(init),
        cross_prior=terms["cross_prior"],
        cross_steps=terms["cross_steps"],
        levels=schedule.sigma[:-1],
        weights=schedule.kl_weights,
        log_widths=-schedule.sigma.log().diff(),
        n=n,
        exact=tuple(
            name
            for name, term in (("init", init), ("discretisation", terms["discretisation"]))
            if term.standard_error == 0
        ),
    )


def _contributions(
    law: Law,
    schedule: Schedule,
    steps: range,
    n: int,
    streams: Sequence[Stream],
    f: Denoiser,
    best: Denoiser | None,
    exact_disc: StepTerm | None,
    substeps: int,
) -> dict[str, torch.Tensor]:
    """Of b consecutive steps (one, unless a = 1/2), n samples each: contributions (b n,) to each part, step by step."""
    part = slice(steps.start, steps.stop)
    x = torch.cat([law.sample(n, own.child("data")) for own in streams])
    draw = Draw.stack([law.space.draw(n, own.child("noise")) for own in streams])
    weight = schedule.kl_weights[part].repeat_interleave(n)
    level = schedule.sigma[part].repeat_interleave(n) if len(steps) > 1 else float(schedule.sigma[part])
    y = law.space.perturb(x, level, draw)
    reversal = is_brownian_reversal(schedule)
    if reversal and exact_disc is None:
        mean, trace = law.mean_and_trace(y, level)
        disc = martingale_steps(law, schedule, steps, x, draw, trace, [own.child("time") for own in streams])
    else:
        mean = law.denoise(y, level)
    gap = measure_gap(y, level, mean, f, best)
    crossed = torch.zeros_like(weight)
    if exact_disc is not None:
        disc = exact_disc.per_step[part].repeat_interleave(n)
    elif not reversal:
        disc, crossed = simulated_step(
            law, schedule, steps.start, y, gap.difference, substeps, streams[0].child("ideal")
        )
    return dict(
        zip(_PARTS, (weight * gap.blind, weight * gap.learning, weight * gap.cross, disc, crossed), strict=True)
    )


def _pooled(first: StepTerm, second: StepTerm) -> StepTerm:
    """Sum of two terms measured on the same samples; its error is bounded by the sum of theirs."""
    error = first.per_step_error + second.per_step_error
    return StepTerm.of_steps(first.per_step + second.per_step, error)
