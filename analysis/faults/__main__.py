"""python -m analysis.faults: the campaign, and its figures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from analysis.faults.damage import flips
from analysis.faults.inputs import command_lines
from analysis.faults.kills import dask_kills, loky_kills
from analysis.runs.arguments import nonnegative_int
from analysis.runs.command import guarded
from analysis.runs.options import Parser
from analysis.runs.screen import say

# what must be zero for exit status 0
ZERO = ("cells lost", "files different", "folders refused", "wrong rows", "tracebacks", "not one line", "files left")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 if every kill was survived and nothing was lost, different, wrong or badly said; 1 otherwise."""
    parser = Parser(prog="python -m analysis.faults", description="A campaign of faults against the engine.")
    for flag, default, words in (
        ("--loky-kills", 20, "kills of a sweep on this machine"),
        ("--dask-kills", 20, "kills of a sweep on a dask cluster and of its workers"),
        ("--flips", 200, "stores with a flipped bit"),
        ("--inputs", 700, "malformed command lines"),
        ("--seed", 0, "of the random moments"),
    ):
        parser.add_argument(flag, type=nonnegative_int, default=default, help=f"{words} (default: {default})")

    def run() -> int:
        options = parser.parse_args(argv)
        parts: list[tuple[str, Callable[[Path, int, int], dict[str, int]], int]] = [
            ("loky", loky_kills, options.loky_kills),
            ("dask", dask_kills, options.dask_kills),
            ("bits", flips, options.flips),
            ("input", command_lines, options.inputs),
        ]
        good = True
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            for name, part, count in parts:
                if count:
                    found = part(Path(folder, name), count, options.seed)
                    say(f"{name}: " + ", ".join(f"{number} {words}" for words, number in found.items()))
                    good &= not any(found.get(words) for words in ZERO)
                    good &= found.get("survived", 0) == found.get("kills", 0)
        return 0 if good else 1

    return guarded(run)


if __name__ == "__main__":
    raise SystemExit(main())
