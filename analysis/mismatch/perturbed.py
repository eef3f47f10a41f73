"""Schedules that are wrong: the assumed level off by some per cent, the start off by a factor, the last step too large."""

from __future__ import annotations

import numpy as np
import torch

import manifolds
from analysis.mismatch.arms import build_arm
from analysis.mismatch.compare import squared_errors, summarise
from analysis.mismatch.settings import SIGMA_END, SIGMA_START, integrator_of, law_of, schedule_of
from analysis.samplers import Schedule, sample

__all__ = ["cell_perturbed"]


def cell_perturbed(params: dict, seed: int) -> list[dict]:
    """Blind, conditional and informed error for one perturbation of a run that is otherwise consistent.

    perturbation "told": a conditional denoiser is told (1 + size) times the level of the schedule;
    "start": the run starts at `size` times the first level; "last": the levels above `size` times the last one are those of
    a geometric grid, and one step leads from there to the last.
    """
    law, integrator, kind, size = (
        law_of(params["law"], params["ambient"]),
        integrator_of(params["integrator"]),
        params["perturbation"],
        params["size"],
    )
    schedule = (
        _with_large_last_step(params["a"], params["steps"], size)
        if kind == "last"
        else schedule_of("geometric", params["a"], params["steps"])
    )
    coefficients = integrator.coefficients(schedule)
    start = SIGMA_START * (size if kind == "start" else 1.0)
    told = {
        "blind": None,
        "conditional": coefficients.levels * (1 + size) if kind == "told" else None,
        "informed": coefficients.normal_variance(start**2).sqrt(),
    }
    built = {name: build_arm(name, law, schedule, coefficients) for name in told}
    squares = {name: np.empty((params["replicates"], 2)) for name in told}
    n, floors = params["samples"], np.empty(params["replicates"])
    for r in range(params["replicates"]):
        source = manifolds.stream(seed, "mismatch perturbed", params["law"], r)
        first = law.space.start(n, start, source.child("start"))
        outputs = [
            sample(
                built[name].f,
                law,
                schedule,
                n,
                source.child("run"),
                integrator,
                False,
                start=first,
                assumed_sigma=told[name],
            ).x
            for name in told
        ]
        floors[r], *errors = squared_errors(law, outputs, source)
        for name, error in zip(told, errors):
            squares[name][r] = error, errors[0]
    level = float(coefficients.normal_variance(start**2)[-1].sqrt())
    return [
        {"arm": name, "true_over_scheduled_end": level / SIGMA_END} | summarise(s[:, 0], floors, s[:, 1])
        for name, s in squares.items()
    ]


def _with_large_last_step(a: float, steps: int, size: float) -> Schedule:
    """Geometric levels down to `size` times the last level, then one step to the last level (size 1: no perturbation)."""
    if size <= 1:
        return Schedule.proportional(SIGMA_START, SIGMA_END, a, steps)
    levels = Schedule.proportional(SIGMA_START, size * SIGMA_END, a, steps - 1).sigma
    return Schedule.from_levels(torch.cat([levels, torch.tensor([SIGMA_END], dtype=torch.float64)]), a)
