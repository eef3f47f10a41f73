"""Several experiments after one another, with one folder, one closing table and one exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from analysis import registry
from analysis.runs import claims_file, manifest, screen, tally
from analysis.runs.command import INTERRUPTED, guarded
from analysis.runs.experiment import Experiment
from analysis.runs.options import complete
from analysis.runs.places import default_folder, shown
from analysis.runs.planning import plan
from analysis.runs.run import execute
from analysis.runs.status import forecast, forecast_line


def run_all(experiments: Sequence[Experiment], given: dict[str, Any], prog: str, finish: Callable[[Path], int]) -> int:
    """Run the experiments with the shared options `given` and their own defaults; then `finish` the folder (the
    report).

    Every selection is planned first, so that a bad argument stops before anything is written. An experiment that fails
    does not stop the others.
    """
    all_options = [complete(e, dict(given), prog) for e in experiments]
    for experiment, options in zip(experiments, all_options, strict=True):
        plan(experiment, options)
    if given["dry_run"]:
        found = [forecast(e, o) for e, o in zip(experiments, all_options, strict=True)]
        for each in found:
            print(forecast_line(each, given["jobs"]))
        cells, left = sum(s.total for s in found), screen.duration(sum(s.remaining for s in found))
        print(f"together: {cells} cells, about {left} with {given['jobs']} jobs; nothing was computed")
        return 0
    out = given["out"] or default_folder("reproduce", given["profile"], all_options[0].changed)
    worst = 0
    for experiment, options in zip(experiments, all_options, strict=True):
        options.out = out
        print(f"== {experiment.name}: {experiment.summary.splitlines()[0]}", flush=True)
        status = guarded(partial(execute, experiment, options), keep_going=True)
        if status == INTERRUPTED:
            return status
        worst = max(worst, status)
        print(flush=True)
    worst = max(worst, guarded(lambda: finish(out)))
    print(claims_table(out))
    print(f"\nreport: {shown(out / 'REPORT.md')} and {shown(out / 'index.html')}")
    return worst


def claims_table(out: Path) -> str:
    """The claims of a results folder, as written, beside the verdict that each registers."""
    details = manifest.read(out / manifest.NAME)
    rows, lax = [], []
    expected: dict[str, str] = {}
    found = claims_file.read(out / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS)
    for row in found:
        entry = details.get(row["experiment"], {}).get("claims", {}).get(row["claim"], {})
        name, verdict = row["claim"], row["verdict"]
        expected[name] = entry.get("expected", "?")
        measured = screen.interval(*(float(row[c]) for c in ("measured", "low", "high")))
        mark = screen.mark(row["kind"], verdict, expected[name])
        lax += [name] if claims_file.FAR in row["note"] else []
        rows.append((name, row["experiment"], measured, row["predicted"], verdict, expected[name], mark))
    if not rows:
        return "no claims decided"
    header = ("claim", "experiment", "measured [95 % interval]", "predicted", "verdict", "expected", "")
    lines = [screen.columns(header, rows), tally.sentence(tally.of_rows(found, expected))]
    registered = [registry.load(name) for name in details if name in registry.NAMES]
    missing = [c.id for e in registered for c in e.claims if c.id not in expected]
    lines += [f"not decided by this run: {', '.join(missing)}"] if missing else []
    lines += [f"{claims_file.FAR}: {', '.join(lax)}"] if lax else []
    return "\n".join(lines)


def not_as_registered(out: Path, experiments: Sequence[Experiment]) -> list[str]:
    """Claims of registered experiments that the folder does not hold with the registered verdict."""
    found = {r["claim"]: r["verdict"] for r in claims_file.read(out / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS)}
    profiles = {name: str(entry.get("profile", "paper")) for name, entry in manifest.read(out / manifest.NAME).items()}
    wanted = [c for e in experiments for c in e.claims if c.id in found or c.due(profiles.get(e.name, "paper"))]
    return [c.id for c in wanted if found.get(c.id) != c.expected]


def named(names: Sequence[str]) -> list[Experiment]:
    """Registered experiments by name, in the order of the registry; all of them for no names."""
    chosen = [registry.load(n) for n in (names or registry.NAMES)]
    return sorted({e.name: e for e in chosen}.values(), key=lambda e: registry.order(e.name))
