"""Hostile surroundings: a disk that is full, a screen that is gone, a second sweep in the same folder."""

from __future__ import annotations

import contextlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from analysis.faults.processes import Sweep, Tick, never

__all__ = ["closed_pipes", "full_disks", "two_at_once"]

CELLS, FEWER = 40, 8
LEAST, MOST = 1_000, 60_000  # bytes that a file may have: from no store at all to room for nearly everything
SCREENS = ("| true", "| head -c 1", "2>&1 | true", ">&-", "2>&-", "> /dev/full", "2> /dev/full")


def full_disks(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """A sweep whose disk fills at a random moment: a file system of a few kB where one may be mounted, else a limit on
    the size of a file, which fails in the same place. The old results stay whole, and with room again it ends as an
    undisturbed sweep does.
    """
    old, new = _undisturbed(folder, FEWER), _undisturbed(folder, CELLS)
    moments = random.Random(seed)
    filled = lost = different = tracebacks = lines = left = 0
    for attempt in range(count):
        tick()
        place = folder / f"disk-{attempt}"
        place.mkdir(parents=True)
        with _small_disk(place if attempt % 2 else None, moments) as limit:
            if Sweep(place, cells=FEWER).finish("--jobs", "1")[0] != 0:
                filled += 1  # not even the first sweep had room: nothing to compare
                continue
            sweep = Sweep(place, cells=CELLS)
            status, errors = sweep.finish("--jobs", str(1 + attempt % 2), limit=limit)
            filled += status != 0
            tracebacks += "Traceback" in errors
            lines += status != 0 and len(errors.splitlines()) != 1
            found = sweep.files()
            different += any(data not in (old.get(name), new[name]) for name, data in found.items())
            left += len(list(sweep.out.rglob(".*.tmp")))
            if limit is not None:
                lost += sweep.finish("--jobs", "1")[0] != 0
                different += sweep.files() != new
    return {"disks": count, "of them full": filled, "sweeps lost": lost, "files different": different} | {
        "tracebacks": tracebacks, "not one line": lines, "files left": left,
    }  # fmt: skip


@contextlib.contextmanager
def _small_disk(place: Path | None, moments: random.Random) -> Iterator[int | None]:
    """A tmpfs mounted over `place`; a limit in bytes where that is not allowed or not asked for."""
    size = moments.randrange(90, 240)  # kB: the first sweep fits, and about half of the second ones do not
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
    if place is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        yield moments.randrange(LEAST, MOST)
        return
    try:
        yield None
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def closed_pipes(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """A sweep whose screen is closed, full or read for one byte only: results are published all the same."""
    right, moments = _undisturbed(folder, FEWER), random.Random(seed)
    different = tracebacks = wrong = 0
    for attempt in range(count):
        tick()
        tail = SCREENS[attempt] if attempt < len(SCREENS) else moments.choice(SCREENS)
        sweep = Sweep(folder / f"pipe-{attempt}", cells=FEWER)
        words = " ".join(f"'{word}'" for word in [*sweep.command, "--jobs", str(1 + attempt % 2)])
        done = subprocess.run(
            ["bash", "-c", f'{words} {tail}; echo "${{PIPESTATUS[0]}}" > "{folder}/status"'],
            env=sweep.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        status = int((folder / "status").read_text())
        different += sweep.files() != right
        tracebacks += "Traceback" in done.stderr or "Exception" in done.stderr
        wrong += status != (1 if tail == "> /dev/full" else 0)
    return {"screens": count, "files different": different, "tracebacks": tracebacks, "wrong statuses": wrong}


def two_at_once(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """Two sweeps started together in one folder: both end well, no cell is kept twice, and the bytes are right."""
    right = _undisturbed(folder, CELLS)
    failed = different = tracebacks = 0
    for attempt in range(count):
        tick()
        sweep = Sweep(folder / f"pair-{attempt}", cells=CELLS, sleep=0.005)
        both = [sweep.start("--jobs", "1"), sweep.start("--jobs", str(1 + attempt % 2))]
        for process in both:
            _, errors = process.communicate(timeout=300)
            failed += process.returncode != 0
            tracebacks += "Traceback" in errors
        different += sweep.files() != right
    return {"pairs": count, "sweeps lost": failed, "files different": different, "tracebacks": tracebacks}


def _undisturbed(folder: Path, cells: int) -> dict[str, bytes]:
    sweep = Sweep(folder / f"undisturbed-{cells}", cells=cells)
    if sweep.finish("--jobs", "1")[0] != 0:
        raise RuntimeError("the undisturbed sweep fails")
    return sweep.files()
