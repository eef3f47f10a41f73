"""Kill a sweep, or a worker under it, at random moments; continue; compare every byte with a run that nobody
disturbed.
"""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from functools import partial
from pathlib import Path

import psutil

from analysis.faults.processes import Sweep, Tick, cluster, never, wait_until
from analysis.runs.store import NAME

__all__ = ["dask_kills", "loky_kills"]

SECONDS = 0.02  # that a cell lasts: long enough for a kill to fall into one


def loky_kills(folder: Path, kills: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """kill -9 of the whole sweep (one job and two in turn), `kills` times, then a run to the end."""
    return _kills(folder, kills, seed, tick, lambda attempt: ("--jobs", str(1 + attempt % 2)))


def dask_kills(folder: Path, kills: int, seed: int, tick: Tick = never) -> dict[str, int]:
    """The same on a dask cluster; every other kill takes one of its two workers, and the sweep goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    with cluster(folder, SECONDS) as (address, _):
        words = ("--backend", "dask", "--address", address)
        return _kills(folder, kills, seed, tick, lambda attempt: words, workers=True)


def _kills(folder: Path, kills: int, seed: int, tick: Tick, arguments, workers: bool = False) -> dict[str, int]:
    reference = Sweep(folder / "reference")
    if reference.finish("--jobs", "1")[0] != 0:
        raise RuntimeError("the undisturbed sweep fails")
    right, moments = reference.files(), random.Random(seed)
    survived = lost = different = 0
    for attempt in range(kills):
        sweep = Sweep(folder / f"sweep-{attempt // 5}", sleep=SECONDS)  # five kills in a row hit one sweep
        before = _finished(sweep.out)
        process = sweep.start(*arguments(attempt))
        _wait_for_a_moment(process, sweep, moments)
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        if workers and attempt % 2 and (victims := _dask_workers()):
            moments.choice(victims).kill()
            _, errors = process.communicate(timeout=300)
            survived += process.returncode == 0
        else:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            survived += wait_until(partial(_all_gone, children))
        after = _finished(sweep.out)
        lost += len(before - after)
        different += sum(data != right[name] for name, data in sweep.files().items())
        if attempt % 5 == 4 or attempt == kills - 1:
            status, errors = sweep.finish(*arguments(attempt))
            different += sweep.files() != right
            lost += status != 0
        tick()
    return {"kills": kills, "survived": survived, "cells lost": lost, "files different": different}


def _wait_for_a_moment(process, sweep: Sweep, moments: random.Random) -> None:
    """By the clock (start-up, publication) or by progress, so that a busy machine is tested alike."""
    if moments.random() < 0.3:
        time.sleep(moments.uniform(0.2, 2.0))
        return
    wanted = len(_finished(sweep.out)) + moments.randrange(1, 12)
    wait_until(lambda: len(_finished(sweep.out)) >= wanted or process.poll() is not None, 60)
    time.sleep(moments.uniform(0.0, 0.05))


def _all_gone(processes: list[psutil.Process]) -> bool:
    """Whether no worker outlived its parent."""
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def _dask_workers() -> list[psutil.Process]:
    """The processes under the nannies of this process' cluster (and nobody else's)."""
    below = psutil.Process().children(recursive=True)
    nannies = [p for p in below if "distributed.cli.dask_worker" in " ".join(_words(p))]
    return [c for n in nannies for c in n.children() if "spawn_main" in " ".join(_words(c))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _finished(out: Path) -> set[int]:
    """Cells that the store holds."""
    path = out / NAME
    if not path.is_file():
        return set()
    try:
        with sqlite3.connect(path, timeout=60) as db:
            rows = db.execute("SELECT params FROM cells WHERE status = 'done'").fetchall()
    except sqlite3.OperationalError:  # killed before the store was laid out
        return set()
    return {json.loads(params)["x"] for (params,) in rows}
