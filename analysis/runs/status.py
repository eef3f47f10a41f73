"""What a results folder holds of each experiment, and what the rest will cost. Looking changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.runs import manifest, screen
from analysis.runs.encoding import canonical, digest
from analysis.runs.experiment import Experiment
from analysis.runs.fingerprint import Code
from analysis.runs.places import default_folder, results_root
from analysis.runs.planning import expected_seconds, plan
from analysis.runs.store import Store, peek
from analysis.runs.sweep import Planned, prepare


@dataclass(frozen=True)
class Status:
    """Cells of one experiment. `stale`: finished, but by an earlier version of the code; `remaining`: seconds expected.

    `results`: what is published in the folder: nothing, a run with the code and arguments of now, or another one.
    """

    name: str
    total: int
    done: int
    failed: int
    stale: int
    missing: int
    remaining: float
    results: str


def configuration(experiment: Experiment, options: Any, planned: Sequence[Planned]) -> str:
    """Digest of what determines a run's numbers, as far as it is known before the run."""
    own = {a.attribute: getattr(options, a.attribute) for a in experiment.arguments}
    code = {p.cell.part: p.key.fingerprint for p in planned}
    shared = {"experiment": experiment.name, "profile": options.profile, "seed": options.seed}
    return digest(canonical({**shared, "arguments": own, "code": code}))


def status_of(experiment: Experiment, options: Any, store: Store | None, entry: Mapping[str, Any]) -> Status:
    """Counts for one selection; `entry` is the experiment's in the folder's manifest.

    Time left is the plan's cost of the unfinished cells, scaled by how long finished ones took compared with theirs:
    those of the store, or else those of the last run that a manifest tells of (the folder's, or that of the committed
    results).
    """
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
    scale = real_cost / planned_cost if planned_cost > 0 and real_cost > 0 else _past(experiment, entry)
    seconds = scale * expected_seconds(left, options.jobs)
    results = _results(entry, configuration(experiment, options, planned))
    return Status(experiment.name, len(planned), done, failed, stale, missing, seconds, results)


def _past(experiment: Experiment, entry: Mapping[str, Any]) -> float:
    """Seconds that a cell took for each second planned, in the last run that a manifest tells of; 1 if none does."""
    committed = manifest.read(results_root() / manifest.NAME).get(experiment.name, {})
    for known in (entry, committed):
        real, expected = known.get("cell_seconds"), known.get("planned_seconds")
        if isinstance(real, int | float) and isinstance(expected, int | float) and real > 0 and expected > 0:
            return real / expected
    return 1.0


def _results(entry: Mapping[str, Any], configured: str) -> str:
    if not entry:
        return "-"
    if entry.get("config") != configured or not Code().holds(entry.get("used", {})):
        return "of other code or arguments"
    return "up to date"


def forecast(experiment: Experiment, options: Any) -> Status:
    """For --dry-run: how many cells, how many of them are in the store, and the time that the others will take."""
    if options.out is None and options.profile == "smoke":  # a smoke run begins in a new temporary folder
        return status_of(experiment, options, None, {})
    out = Path(options.out or default_folder(experiment.name, options.profile, options.changed))
    entry = manifest.read(out / manifest.NAME).get(experiment.name, {})
    store = None if options.fresh else peek(out)
    with closing(store) if store else nullcontext():
        return status_of(experiment, options, store, entry)


def forecast_line(found: Status, jobs: int) -> str:
    stored = f", {found.done} of them in the store" if found.done else ""
    return f"{found.name}: {found.total} cells{stored}, about {screen.duration(found.remaining)} with {jobs} jobs"


def table(experiments: Sequence[Experiment], all_options: Sequence[Any], out: Path) -> str:
    store, entries = peek(out), manifest.read(out / manifest.NAME)
    with closing(store) if store else nullcontext():
        pairs = zip(experiments, all_options, strict=True)
        found = [status_of(e, o, store, entries.get(e.name, {})) for e, o in pairs]
    rows = [
        (s.name, s.total, s.done, s.failed, s.stale, s.missing, screen.duration(s.remaining), s.results) for s in found
    ]
    header = ("experiment", "cells", "done", "failed", "stale", "missing", "time left", "results")
    return screen.columns(header, rows, width=100)
