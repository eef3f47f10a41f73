"""The calculation of the error ledger (arXiv 2602.09639, section 3; the exact split is derived here).

By Girsanov, between the ideal process (law p_{sigma_t}) and a run that freezes f^ over each step (exponential Euler):

    KL = KL(p_{sigma_0} || N) + sum_i int_{t_i}^{t_{i+1}} E|f_{sigma_t}(X_t) - f^(X_{t_i})|^2 / (4 a_t) dt,

which bounds KL(p_{sigma_T} || law of the run). At a = 1/2 it is init + blind + discretisation + learning + cross without an
inequality, and cross = 0 at every number of steps for the aligned prior of the schedule.
"""

from __future__ import annotations

from typing import Any, Callable

import torch

from analysis.ledgers.gaps import measure_gap, resolve_reference
from analysis.ledgers.initial import initial_term
from analysis.ledgers.record import Ledger
from analysis.ledgers.steps import martingale_steps, simulated_step
from analysis.ledgers.telescope import telescope_term
from analysis.ledgers.terms import Tally, Term
from analysis.samplers import Schedule
from analysis.samplers.ideal import is_brownian_reversal
from manifolds.checks import positive_int
from manifolds.denoisers import ConditionalDenoiser, as_denoiser
from manifolds.denoisers.prior import check_prior
from manifolds.law import Law
from manifolds.space import Draw
from manifolds.streams import Stream

__all__ = ["ledger"]

# points of several steps are evaluated at once, up to this many, and numbers in them
_ROWS, _ELEMENTS = 4096, 1 << 22


def ledger(
    law: Law,
    denoiser: Callable,
    schedule: Schedule,
    n: int,
    stream: Stream,
    *,
    reference: Any = None,
    substeps: int = 8,
    callback: Callable[[int], None] | None = None,
) -> Ledger:
    """The ledger of any denoiser f(y) or f(y, sigma) on a schedule that injects noise.

    Args:
        n: samples per step (fresh ones at every step).
        reference: the blind f* that splits the denoiser's gap into blind and learning: "aligned", a NoisePrior or a blind
            denoiser; None chooses (see `analysis.ledgers.gaps.resolve_reference`).
        substeps: fine steps per step for the ideal process at a != 1/2.
        callback: called with the index of each finished step.

    Raises:
        ValueError: bad arguments, in one line.
    """
    n = positive_int(n, "n")
    if n < 2:
        raise ValueError(f"n must be at least 2 for standard errors, got {n}")
    weights = schedule.kl_weights
    if not bool(torch.isfinite(weights).all()):
        raise ValueError("schedule must inject noise in every step (a > 0), or the path KL is infinite")
    check_prior(denoiser, schedule.sigma)
    f = as_denoiser(denoiser, law.space)
    best = resolve_reference(law, f, schedule, reference)
    reversal = is_brownian_reversal(schedule)
    exact_disc = telescope_term(law, schedule) if reversal else None
    martingale = reversal and exact_disc is None
    names = ("blind", "learning", "cross_prior", "discretisation", "cross_steps", "all")
    tallies = {name: Tally() for name in names}
    sigma = schedule.sigma.tolist()
    # a denoiser that someone brings may take no more than one level at once
    together = reversal and (f.blind or isinstance(f, ConditionalDenoiser))
    size = max(min(_ROWS, _ELEMENTS // law.space.width) // n, 1) if together else 1
    for start in range(0, schedule.steps, size):
        steps = range(start, min(start + size, schedule.steps))
        own = [stream.child("ledger", i) for i in steps]
        x = torch.cat([law.sample(n, child.child("data")) for child in own])
        draw = Draw.stack([law.space.draw(n, child.child("noise")) for child in own])
        level = schedule.sigma[steps.start : steps.stop].repeat_interleave(n) if together else sigma[start]
        weight = weights[steps.start : steps.stop].repeat_interleave(n)
        y = law.space.perturb(x, level, draw)
        mean, trace = law.mean_and_trace(y, level) if martingale else (law.denoise(y, level), None)
        gap = measure_gap(y, level, mean, f, best)
        parts = {"blind": weight * gap.blind, "learning": weight * gap.learning, "cross_prior": weight * gap.cross}
        parts["cross_steps"] = torch.zeros_like(weight)
        if exact_disc is not None:
            parts["discretisation"] = exact_disc.per_step[steps.start : steps.stop].repeat_interleave(n)
        elif martingale:
            parts["discretisation"] = martingale_steps(law, schedule, steps, x, draw, trace, [child.child("time") for child in own])
        else:
            parts["discretisation"], parts["cross_steps"] = simulated_step(law, schedule, start, y, gap.difference, substeps, own[0].child("ideal"))
        parts["all"] = sum(parts.values())
        for name, samples in parts.items():
            for of_step in samples.split(n):
                tallies[name].add(of_step)
        if callback is not None:
            for i in steps:
                callback(i)
    terms = {name: tally.term() for name, tally in tallies.items()}
    if exact_disc is not None:
        terms["discretisation"] = exact_disc
    init = initial_term(law, sigma[0], n, stream.child("init"))
    prior, steps = terms["cross_prior"], terms["cross_steps"]
    return Ledger(
        init=init,
        blind=terms["blind"],
        discretisation=terms["discretisation"],
        learning=terms["learning"],
        cross=_pooled(prior, steps),
        total=_with_start(terms["all"], init),
        cross_prior=prior,
        cross_steps=steps,
        levels=schedule.sigma[:-1],
        weights=weights,
        log_widths=-schedule.sigma.log().diff(),
        n=n,
        exact=tuple(
            name for name, term in (("init", init), ("discretisation", terms["discretisation"])) if term.standard_error == 0
        ),
    )


def _with_start(steps: Term, init: Term) -> Term:
    """The whole; its per-step values are without init."""
    whole = steps + init
    return Term(whole.value, whole.standard_error, steps.per_step, steps.per_step_error)


def _pooled(first: Term, second: Term) -> Term:
    """Sum of two terms measured on the same samples; its error is bounded by the sum of theirs."""
    error = first.per_step_error + second.per_step_error
    return Term.of_steps(first.per_step + second.per_step, error)
