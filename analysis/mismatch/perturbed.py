"""Who notices a schedule that is wrong: the assumed level is off, or the start, or the last step is too large?"""

from __future__ import annotations

import numpy as np
import torch

import manifolds
from analysis.mismatch.compare import build_arm, squared_errors, summarise
from analysis.mismatch.settings import (
    A_VALUES,
    AMBIENT,
    SIGMA_END,
    SIGMA_START,
    cost,
    integrator_of,
    law_of,
    listed,
    schedule_of,
)
from analysis.runs import Cell, Question
from analysis.samplers import Schedule, sample

__all__ = ["QUESTION", "cell_perturbed"]

TOLD = (-0.5, -0.2, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.2, 0.5)
_SIZE = {"smoke": (100, 2), "paper": (400, 6), "full": (2000, 8)}  # samples, replicates


def cells(options) -> list[Cell]:
    """One cell a perturbation of a run with coefficients that keep the level; the last step under plain Euler too."""
    samples, replicates = _SIZE[options.profile]
    chosen = [("told", off, 0.0, "exponential_euler") for off in TOLD]
    chosen += [("start", factor, a, "exponential_euler") for a in A_VALUES for factor in (0.5, 1.0, 2.0)]
    integrators = ("exponential_euler", "euler")
    chosen += [("last", jump, 0.0, integrator) for integrator in integrators for jump in (1.0, 3.0, 10.0, 30.0)]
    if options.profile == "smoke":
        chosen = [c for c in chosen if c[:3] in (("told", 0.5, 0.0), ("start", 2.0, 0.0), ("last", 10.0, 0.0))]
    common = {"law": "mixture", "ambient": options.ambient, "steps": 25, "samples": samples, "replicates": replicates}
    seconds = cost("mixture", samples, replicates, 25)
    return [
        Cell("mismatch_perturbed", {**common, "perturbation": kind, "size": size, "a": a, "integrator": name}, seconds)
        for kind, size, a, name in chosen
    ]


def cell_perturbed(params: dict, seed: int) -> list[dict]:
    """Blind, conditional and informed error for one perturbation of a run that is otherwise consistent.

    perturbation "told": a conditional denoiser is told (1 + size) times the level of the schedule;
    "start": the run starts at `size` times the first level; "last": the levels above `size` times the last one are
    those of a geometric grid, and one step leads from there to the last.
    """
    law, integrator = law_of(params["law"], params["ambient"]), integrator_of(params["integrator"])
    kind, size = params["perturbation"], params["size"]
    schedule = schedule_of("geometric", params["a"], params["steps"])
    if kind == "last":
        schedule = _with_large_last_step(params["a"], params["steps"], size)
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
        outputs = []
        for name, level in told.items():
            f, draws = built[name].f, source.child("run")
            run = sample(f, law, schedule, n, draws, integrator, False, start=first, assumed_sigma=level)
            outputs.append(run.x)
        floors[r], *errors = squared_errors(law, outputs, source)
        for name, error in zip(told, errors):
            squares[name][r] = error, errors[0]
    last = float(coefficients.normal_variance(start**2)[-1].sqrt())
    return [
        {"arm": name, "true_over_scheduled_end": last / SIGMA_END} | summarise(s[:, 0], floors, s[:, 1])
        for name, s in squares.items()
    ]


def _with_large_last_step(a: float, steps: int, size: float) -> Schedule:
    """Geometric levels down to `size` times the last level, then one step to it (size 1: no perturbation)."""
    if size <= 1:
        return Schedule.proportional(SIGMA_START, SIGMA_END, a, steps)
    levels = Schedule.proportional(SIGMA_START, size * SIGMA_END, a, steps - 1).sigma
    return Schedule.from_levels(torch.cat([levels, torch.tensor([SIGMA_END], dtype=torch.float64)]), a)


def show(tables, options) -> str | None:
    """Errors of the arms, a line a perturbation and arm."""
    shown = ["perturbation", "size", "a", "integrator", "arm", "error", "ratio", "ratio_low", "ratio_high"]
    return listed(tables, "mismatch_perturbed", "perturbed schedules", shown)


QUESTION = Question(
    cells=cells,
    parts={"mismatch_perturbed": cell_perturbed},
    arguments=(AMBIENT,),
    show=show,
    figures=("mismatch_perturbed",),
)
