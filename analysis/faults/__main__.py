"""python -m analysis.faults: the campaign, and its figures."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import analysis
from analysis.faults.calls import python_calls
from analysis.faults.damage import flips
from analysis.faults.inputs import command_lines
from analysis.faults.kills import dask_kills, loky_kills
from analysis.faults.many import many_cells
from analysis.faults.surroundings import closed_pipes, full_disks, two_at_once
from analysis.runs.arguments import nonnegative_int
from analysis.runs.command import guarded
from analysis.runs.encoding import digest
from analysis.runs.files import Publication
from analysis.runs.options import Parser
from analysis.runs.places import results_root, shown
from analysis.runs.progress import Progress
from analysis.runs.screen import columns

# what must be zero for exit status 0
ZERO = (
    "cells lost", "sweeps lost", "files different", "folders refused", "wrong rows", "tracebacks", "not one line",
    "files left", "wrong statuses", "taken", "other errors", "unnamed", "failed",
)  # fmt: skip
# what a finished campaign may cost at most (targets of the engine, for two workers of an idle machine)
AT_MOST = {"CPU ms for each": 10.0, "CPU seconds to resume": 5.0}
TABLE, RECORD = "tables/faults.csv", ".faults.json"


class Part(NamedTuple):
    """run(folder, count, seed, tick) -> what was counted; `usual` attempts, `quick` with --quick."""

    run: Callable[..., dict[str, Any]]
    usual: int
    quick: int
    help: str


PARTS = {
    "loky-kills": Part(loky_kills, 20, 2, "kills of a sweep on this machine"),
    "dask-kills": Part(dask_kills, 20, 2, "kills of a sweep on a dask cluster and of its workers"),
    "flips": Part(flips, 200, 20, "stores with a flipped bit"),
    "disks": Part(full_disks, 20, 2, "disks that fill"),
    "screens": Part(closed_pipes, 21, 7, "screens that are closed, full or hardly read"),
    "pairs": Part(two_at_once, 10, 1, "two sweeps started together in one folder"),
    "inputs": Part(command_lines, 700, 40, "malformed command lines"),
    "calls": Part(python_calls, 700, 100, "malformed Python calls"),
    "cells": Part(many_cells, 10_000, 500, "cells of a sweep that is timed"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 if every kill was survived and nothing was lost, different, wrong or badly said; 1 otherwise."""
    parser = Parser(prog="python -m analysis.faults", description="A campaign of faults against the engine.")
    for name, part in PARTS.items():
        words = f"{part.help} (default: {part.usual}; {part.quick} with --quick; 0: none)"
        parser.add_argument(f"--{name}", type=nonnegative_int, help=words, metavar="N")
    parser.add_argument("--quick", action="store_true", help="a few of each, in about a minute")
    parser.add_argument("--fresh", action="store_true", help="do parts again that the folder holds already")
    parser.add_argument("--seed", type=nonnegative_int, default=0, help="of the random moments (default: 0)")
    parser.add_argument("--out", type=Path, help="results folder (default: results/ of the checkout for the whole "
                        "campaign, a new temporary folder otherwise)")  # fmt: skip
    return guarded(lambda: _run(parser.parse_args(argv)))


def _run(options: Any) -> int:
    counts = {name: part.quick if options.quick else part.usual for name, part in PARTS.items()}
    given = {name: getattr(options, name.replace("-", "_")) for name in PARTS}
    counts |= {name: count for name, count in given.items() if count is not None}
    whole = options.seed == 0 and all(counts[name] == part.usual for name, part in PARTS.items())
    out = options.out or (results_root() if whole else Path(tempfile.mkdtemp(prefix="faults-")))
    code, known = _code(), {} if options.fresh else _read(out / RECORD)
    rows: list[tuple[str, str, Any]] = []
    for name, count in counts.items():
        if not count:
            continue
        asked = [count, options.seed, code]
        if known.get(name, {}).get("asked") != asked:
            known[name] = {"asked": asked, "found": _part(name, count, options.seed)}
            _write(out, {RECORD: json.dumps(known, indent=1).encode()})  # an interrupted campaign goes on with the next
        rows += [(name, quantity, number) for quantity, number in known[name]["found"].items()]
    lines = ["part,quantity,number", *(f"{part},{quantity},{number}" for part, quantity, number in rows)]
    _write(out, {TABLE: ("\n".join(lines) + "\n").encode()})
    print(columns(("part", "quantity", "number"), rows))
    bad = [f"{part}: {number} {quantity}" for part, quantity, number in rows if _is_bad(quantity, number)]
    bad += [f"{part}: not every kill was survived" for part in ("loky-kills", "dask-kills") if _deadly(rows, part)]
    print("\n".join(bad) or f"nothing lost, different, refused or badly said; table in {shown(out / TABLE)}")
    return 1 if bad else 0


def _part(name: str, count: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, Progress(name, [1.0] * count, 1) as progress:
        Path(folder, name).mkdir()
        return PARTS[name].run(Path(folder, name), count, seed, partial(progress.finished, 1.0, False))


def _is_bad(quantity: str, number: float) -> bool:
    return (quantity in ZERO and number != 0) or number > AT_MOST.get(quantity, float("inf"))


def _deadly(rows: Sequence[tuple[str, str, Any]], part: str) -> bool:
    found = {quantity: number for name, quantity, number in rows if name == part}
    return found.get("survived") != found.get("kills")


def _code() -> str:
    """Digest of the package's source: the parts of another version are done again."""
    root = Path(analysis.__file__).parent
    return digest("".join(p.read_text(encoding="utf-8") for p in sorted(root.rglob("*.py"))))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(out: Path, files: dict[str, bytes]) -> None:
    with Publication(out) as publication:
        for name, data in files.items():
            publication.add(name, data)
        publication.commit()


if __name__ == "__main__":
    raise SystemExit(main())
