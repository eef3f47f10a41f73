"""Malformed command lines: each must be refused with status 2 in one line, without a traceback and without a file."""

from __future__ import annotations

import contextlib
import io
import random
from pathlib import Path

from analysis import registry
from analysis.faults.processes import Tick, never
from analysis.runs.command import main

__all__ = ["command_lines"]

BAD = (
    "-1", "0", "nan", "inf", "1e400", "10**400", "9223372036854775808", "", " ", "x", "1.5", "'", "\udcff", "a:b",
    "../x", "--", "1e-400", "-inf", "0x10", "1_0", "\u0663", "None", "True", "[1]", "2**70", "nowhere:law", ":",
)  # fmt: skip


def command_lines(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """`count` command lines of the registered experiments with one bad value, option or combination each.

    One that is taken (a value may be good by chance) is planned but not computed, and does not count.
    """
    moments = random.Random(seed)
    experiments = [registry.load(name) for name in registry.NAMES]
    tried = tracebacks = more_than_one_line = files = taken = 0
    while tried < count:
        experiment = moments.choice(experiments)
        flags = [a.flag for a in experiment.arguments] + ["--seed", "--jobs", "--profile", "--backend", "--device"]
        words = moments.choice(
            [
                [moments.choice(flags), moments.choice(BAD)],
                [moments.choice(flags)],
                [f"--{moments.choice(BAD)}"],
                [moments.choice(BAD)],
                [moments.choice(flags), "1", moments.choice(BAD)],
                ["--backend", "dask"],
                ["--fresh", "--resume"],
            ]
        )
        said, out = io.StringIO(), folder / f"out-{tried}"
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
                status = main(experiment, [*words, "--profile", "smoke", "--dry-run", "--out", str(out)])
        except SystemExit:
            status = 0  # --help
        except BaseException:
            tracebacks += 1
            status = -1
        tried += status != 0
        if status != 0:
            tick()
        taken += status == 0
        more_than_one_line += status == 2 and len(said.getvalue().splitlines()) != 1
        files += out.exists()
    return {
        "bad command lines": tried,
        "tracebacks": tracebacks,
        "not one line": more_than_one_line,
        "files left": files,
    }
