"""What a results folder holds of each experiment, and what the rest will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.runs import screen
from analysis.runs.experiment import Experiment
from analysis.runs.places import default_folder
from analysis.runs.planning import expected_seconds, plan
from analysis.runs.store import Store, peek
from analysis.runs.sweep import prepare


@dataclass(frozen=True)
class Status:
    """Cells of one experiment. `stale`: finished, but by an earlier version of the code; `remaining`: expected
    seconds.
    """

    name: str
    total: int
    done: int
    failed: int
    stale: int
    missing: int
    remaining: float


def status_of(experiment: Experiment, options: Any, store: Store | None) -> Status:
    """Counts for one selection. Time left is the plan's cost of the unfinished cells, scaled by how long the finished
    ones took compared with theirs."""
    planned = prepare(experiment, plan(experiment, options), options.seed)
    done = failed = stale = missing = 0
    planned_cost = real_cost = 0.0
    left = []
    for p in planned:
        record = store.get(p.key) if store else None
        if record is not None and record.done:
            done += 1
            planned_cost += p.cell.cost
            real_cost += record.wall
            continue
        left.append(p.cell)
        if record is not None:
            failed += 1
        elif store is not None and store.stale(p.key):
            stale += 1
        else:
            missing += 1
    scale = real_cost / planned_cost if planned_cost > 0 and real_cost > 0 else 1.0
    return Status(
        experiment.name, len(planned), done, failed, stale, missing, scale * expected_seconds(left, options.jobs)
    )


def forecast(experiment: Experiment, options: Any) -> str:
    """One line for --dry-run: how many cells, how many of them are in the store, and the time that the others will
    take.
    """
    store = None
    if options.out is not None or options.profile != "smoke":  # a smoke run begins in a new temporary folder
        out = options.out or default_folder(experiment.name, options.profile, options.changed)
        store = None if options.fresh else peek(Path(out))
    try:
        found = status_of(experiment, options, store)
    finally:
        if store:
            store.close()
    stored = f", {found.done} of them in the store" if found.done else ""
    left = screen.duration(found.remaining)
    return f"{experiment.name}: {found.total} cells{stored}, about {left} with {options.jobs} jobs"


def table(experiments: Sequence[Experiment], all_options: Sequence[Any], out: Path) -> str:
    store = peek(out)
    try:
        found = [status_of(e, o, store) for e, o in zip(experiments, all_options, strict=True)]
    finally:
        if store:
            store.close()
    rows = [(s.name, s.total, s.done, s.failed, s.stale, s.missing, screen.duration(s.remaining)) for s in found]
    return screen.columns(("experiment", "cells", "done", "failed", "stale", "missing", "time left"), rows)
