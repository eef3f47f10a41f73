"""One run of one experiment: plan, sweep, tables, figures, claims, manifest."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.runs import backends, claims_file, drawing, manifest, screen, tables
from analysis.runs.claims import Claim, Measurement, Verdict, judge_all, undecided
from analysis.runs.experiment import Cell, Experiment
from analysis.runs.files import Publication, remove
from analysis.runs.options import command
from analysis.runs.places import default_folder, shown
from analysis.runs.planning import plan
from analysis.runs.pooling import of_seed
from analysis.runs.status import configuration, forecast, forecast_line
from analysis.runs.store import Store
from analysis.runs.sweep import Planned, Tally, prepare, sweep
from analysis.runs.worker import peak_memory

# Below this many expected seconds in all, starting worker processes costs more than it saves.
WORTH_WORKERS = 2.0


def execute(experiment: Experiment, options: Any, refresh_report: bool = False) -> int:
    """Run, publish, print; returns the exit status. On demand a report that is there already is written again."""
    cells = plan(experiment, options)
    if options.dry_run:
        print(f"{forecast_line(forecast(experiment, options), options.jobs)}; nothing was computed")
        return 0
    planned = prepare(experiment, cells, options.seed)
    backend = _backend(experiment, options, cells)
    options.out = Path(options.out or default_folder(experiment.name, options.profile, options.changed)).absolute()
    for checked in (manifest.NAME, claims_file.CLAIMS, claims_file.CONTROLS):
        _check_mergeable(options.out / checked)
    begun, cpu = time.perf_counter(), time.process_time()
    with Store(options.out) as store:
        tally = sweep(experiment, planned, store, backend.run, backend.jobs, options.fresh, options.cell_timeout)
        if tally.failed == len(planned):  # nothing to publish; what an earlier run published stays
            print(f"{experiment.name}: {_failures(tally)[0]}", file=sys.stderr)
            return 1
        by_seed = tables.build(planned, tally.records)
        results = {part: table.pooled(experiment.values(part)) for part, table in by_seed.items()}
        frames = tables.frames(results)
        problems = _failures(tally)
        derived = _derive(experiment, frames, options, tally, problems)
        frames |= derived
        verdicts = _decide(experiment, frames, _alone(experiment, by_seed, options, tally), options, tally, problems)
        files = {f"tables/{part}.csv": table.csv() for part, table in results.items()}
        files |= {f"tables/{name}.csv": tables.csv_of_frame(frame) for name, frame in derived.items()}
        seeded = {part: table for part, table in by_seed.items() if table.seeds > 1}
        files |= {f"tables/seeds/{part}.csv": table.csv() for part, table in seeded.items()}
        # workers that have computed cells draw too; starting some for figures alone would take longer than these
        files |= _figures(experiment, files, options, problems, backend if tally.computed else backends.HERE)
        entry = _entry(
            experiment, options, planned, tally, backend, time.perf_counter() - begun, time.process_time() - cpu
        )
        _publish(experiment, options, store, files, verdicts, entry)
    if refresh_report and (options.out / "REPORT.md").is_file():
        # Found by name, like a figure: the engine depends on neither.
        importlib.import_module("analysis.report").write(options.out)
    missing = undecided(experiment.claims, verdicts)
    if missing and options.profile != "smoke" and not options.changed:
        problems += [f"claim {c.id} is not decided by the default arguments" for c in missing if c.due(options.profile)]
    problems += [
        f"claim {v.claim.id} is {v.outcome}, registered as {v.claim.expected}" for v in verdicts if not v.as_registered
    ]
    _show(experiment, frames, options, verdicts, missing, tally)
    for problem in problems:
        print(f"{experiment.name}: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _check_mergeable(path: Path) -> None:
    """Refuse a file of the folder that this run could not merge its own rows into, before anything is computed."""
    if path.name == manifest.NAME:
        manifest.read(path)
    else:
        columns = claims_file.CLAIM_COLUMNS if path.name == claims_file.CLAIMS else claims_file.CONTROL_COLUMNS
        claims_file.read(path, columns)


def _backend(experiment: Experiment, options: Any, cells: Sequence[Cell]) -> backends.Backend:
    if options.backend == "dask":
        return backends.cluster(options.address, experiment)
    jobs = min(options.jobs, len(cells))
    if options.cell_timeout is not None:  # a cell that cannot be interrupted takes its worker with it, not this process
        return backends.processes(jobs)
    if jobs == 1 or sum(c.cost for c in cells) < WORTH_WORKERS:
        return backends.HERE
    return backends.processes(jobs)


def _failures(tally: Tally) -> list[str]:
    failed = [r for r in tally.records if not r.done]
    if not failed:
        return []
    how_many = "every cell" if len(failed) == len(tally.records) else f"{len(failed)} of {len(tally.records)} cells"
    return [f"{how_many} failed, the first with {failed[0].error.splitlines()[0]}"]


def _derive(experiment: Experiment, frames, options, tally: Tally, problems: list[str]) -> dict[str, Any]:
    """Tables computed from the cells' tables. Failed cells may leave too little to compute them from: then none is
    written.
    """
    try:
        return dict(experiment.derive(frames, options))
    except Exception as error:
        if not tally.failed:
            raise
        problems.append(f"derived tables cannot be computed without the failed cells ({type(error).__name__}: {error})")
        return {}


def _alone(experiment: Experiment, by_seed, options, tally: Tally) -> list[dict[str, Any]]:
    """The tables as each seed alone would have them; empty where nothing is seeded, or where cells failed."""
    seeds = max((table.seeds for table in by_seed.values()), default=1)
    if seeds == 1 or tally.failed:
        return []
    found = []
    for seed in range(seeds):
        frames = {part: of_seed(frame, seed) for part, frame in tables.frames(by_seed).items()}
        found.append(frames | experiment.derive(frames, options))
    return found


def _decide(experiment: Experiment, frames, alone, options, tally: Tally, problems: list[str]) -> list[Verdict]:
    """Verdicts on exact values. With failed cells every verdict is inconclusive: the data are not as registered."""
    unfinished = f"{tally.failed} of {len(tally.records)} cells failed" if tally.failed else ""
    try:
        together = experiment.decide(frames, options)
        by_claim: dict[str, list[Measurement]] = {}
        for tables_of_one in alone:
            for m in experiment.decide(tables_of_one, options):
                by_claim.setdefault(m.claim, []).append(m)
        measured = [m if m.seeds else with_seeds(m, by_claim.get(m.claim, [])) for m in together]
        return judge_all(experiment.claims, measured, unfinished, seeded=options.profile != "smoke")
    except Exception as error:
        if not tally.failed:
            raise
        problems.append(f"claims cannot be decided without the failed cells ({type(error).__name__}: {error})")
        return []


def with_seeds(together: Measurement, alone: Sequence[Measurement]) -> Measurement:
    """What is pooled, and what each seed alone says: by its own worst cell, and in the cell that decides."""
    seeds = tuple((m.measured, m.low, m.high) for m in alone)
    if all(one == seeds[0] for one in seeds):  # what does not depend on the seed is no evidence of several
        return together
    found = tuple(m.cells[together.cell] for m in alone if together.cell in m.cells)
    return replace(together, seeds=seeds, beside=found if len(found) == len(seeds) else ())


def _figures(
    experiment: Experiment, files: dict[str, bytes], options: Any, problems: list[str], backend: backends.Backend
) -> dict[str, bytes]:
    """Figures drawn from the tables as written, so that anyone can draw them again from the CSV alone."""
    seen = {name: data for name, data in files.items() if not name.startswith("tables/seeds/")}
    as_read = {name[len("tables/") : -len(".csv")]: tables.frame_from_csv(data) for name, data in seen.items()}
    drawn: dict[str, bytes] = {}
    kinds = drawing.kinds(options.profile)
    wanted = [(experiment.drawn_in, name, as_read, kinds) for name in experiment.figures]
    for found in backend.spread(drawing.attempt, wanted, drawing.lost):
        if isinstance(found, str):
            problems.append(found)
        else:
            drawn |= {f"figures/{file}": data for file, data in found.items()}
    return drawn


def _entry(experiment, options, planned: Sequence[Planned], tally: Tally, backend, wall: float, cpu: float) -> dict:
    own = {a.attribute: getattr(options, a.attribute) for a in experiment.arguments}
    fingerprints = {p.cell.part: p.key.fingerprint for p in planned}
    used: dict[str, str] = {}
    for text in {r.used for r in tally.records}:
        used |= json.loads(text)
    return {
        **manifest.code_state(),
        "summary": experiment.summary,
        "command": command(experiment, options),
        "profile": options.profile,
        "seed": options.seed,
        "arguments": own,
        "config": configuration(experiment, options, planned),
        "code": fingerprints,
        "used": used,
        "versions": manifest.versions(),
        "machine": manifest.machine(),
        "backend": options.backend,
        "jobs": backend.jobs,
        "threads_per_job": 1,
        "cells": {"total": len(planned), "computed": tally.computed, "reused": tally.reused, "failed": tally.failed},
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu + (0.0 if backend is backends.HERE else tally.cpu), 2),
        "planned_seconds": round(sum(p.cell.cost for p in planned), 2),
        "cell_seconds": round(sum(r.wall for r in tally.records), 2),
        "cell_cpu_seconds": round(sum(r.cpu for r in tally.records), 2),
        "peak_memory_mb": round(max([peak_memory(), *(r.peak for r in tally.records)]) / 2**20),
    }


def _publish(experiment, options, store: Store, files: dict[str, bytes], verdicts: list[Verdict], entry: dict) -> None:
    """Write all files together; the merge into shared files happens under the store's lock."""
    out: Path = options.out
    with store.exclusive(), Publication(out) as publication:
        before = manifest.read(out / manifest.NAME).get(experiment.name, {}).get("files", {})
        carried: list[Claim] = []  # of an experiment without claims
        for relative, data in files.items():
            publication.add(relative, data)
        if experiment.claims:
            # a longer profile's verdicts stand in the same table, marked, beside a run of everything
            open_ones = () if options.profile == "smoke" or options.changed else undecided(experiment.claims, verdicts)
            longer, beside, carried = claims_file.elsewhere(out, open_ones, experiment.name)
            claims = claims_file.claim_rows(verdicts, experiment.name) + longer
            controls = claims_file.control_rows(verdicts, experiment.name) + beside
            for name, header, rows in (
                (claims_file.CLAIMS, claims_file.CLAIM_COLUMNS, claims),
                (claims_file.CONTROLS, claims_file.CONTROL_COLUMNS, controls),
            ):
                publication.add(name, claims_file.merge(out / name, header, rows, experiment.name))
        entry["files"] = dict(sorted(publication.checksums.items()))
        entry["claims"] = {
            v.claim.id: {
                "kind": v.claim.kind,
                "expected": v.claim.expected,
                "reason": v.reason,
                "note": v.measurement.note,
            }
            for v in verdicts
        } | {c.id: {"kind": c.kind, "expected": c.expected, "profile": c.profile} for c in carried}
        publication.add(manifest.NAME, manifest.merge(out / manifest.NAME, experiment.name, entry))
        publication.commit()
        # What an earlier selection of this experiment left behind would pass for a result of this one.
        for relative in set(before) - set(entry["files"]):
            remove(out, relative)


def _show(experiment: Experiment, frames, options, verdicts, missing, tally: Tally) -> None:
    try:
        text = experiment.show(frames, options)
    except Exception as error:
        if not tally.failed:
            raise
        text = f"nothing to show without the failed cells ({type(error).__name__}: {error})"
    if text:
        print(text.rstrip("\n") + "\n")
    claims = screen.claims(verdicts, missing)
    if claims:
        print(claims + "\n")
    reused = f", {tally.reused} of them from the store" if tally.reused else ""
    cells = f"{len(tally.records)} cells{reused}"
    print(f"{experiment.name}: {cells}, {screen.duration(tally.wall)}; files in {shown(options.out)}")
