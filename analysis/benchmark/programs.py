"""Whole programs: cells a second with one and two worker processes, and a real experiment as its users start it."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time

import psutil

from analysis.benchmark.clock import ratio_row
from analysis.runs.backends import processes
from analysis.runs.worker import Task, peak_memory

__all__ = ["experiment_rows", "jobs_rows", "memory_rows"]


def _seconds(jobs: int, reference: str, part: str, cells: int) -> float:
    """Wall seconds of `cells` equal cells in `jobs` worker processes that have already started."""
    run = processes(jobs).run
    for _ in run(iter([Task(i, reference, part, "{}", 0) for i in range(jobs)])):
        pass
    begun = time.perf_counter()
    for outcome in run(iter([Task(i, reference, part, "{}", 0) for i in range(cells)])):
        if outcome.error:
            raise RuntimeError(outcome.error)
    return time.perf_counter() - begun


def jobs_rows(reference: str, unit: str, bare: str, cells: int, repeats: int) -> list[dict]:
    """Throughput of two worker processes over one, in turn (wall time: this one needs a machine with two idle cores).

    Beside the sweep's own `unit` of work stands a `bare` loop that shares nothing and touches no memory. What two of
    these gain over one is what the machine has to give: cores that share a host, its clock and its caches are not
    twice one core.
    """
    ratios, shares, machine, rates = [], [], [], []
    for _ in range(repeats):
        seconds = {
            part: [_seconds(jobs, reference, part, count) for jobs in (1, 2)]
            for part, count in ((unit, cells), (bare, cells // 2))
        }
        gain, possible = (one / two for one, two in seconds.values())
        ratios.append(gain)
        machine.append(possible)
        shares.append(gain / possible)
        rates.append(cells / seconds[unit][0])
    rate, case = "ratio of cells a second", f"{cells} cells"
    return [
        ratio_row("2 jobs / 1 job", case, rate, ratios, least=1.7),
        ratio_row("2 jobs / 1 job", f"{cells // 2} bare loops: what the machine gives", rate, machine),
        ratio_row("2 jobs / 1 job", f"{case}, over that", rate, shares),
        ratio_row("cells a second", "1 job", "cells/s", rates),
    ]


def _program(arguments: list[str]) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MB) of one run, with one job, into an empty folder.

    Memory is sampled from outside: a child's own record starts with the size of the process that started it.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", *arguments, "--jobs", "1", "--out", folder]
        before, begun, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as child:
            watched = psutil.Process(child.pid)
            while child.poll() is None:
                with contextlib.suppress(psutil.Error):
                    peak = max(peak, watched.memory_info().rss)
                time.sleep(0.02)
        wall = time.perf_counter() - begun
        if child.returncode not in (0, 1):  # 1 is a verdict that is not as registered: no matter here
            raise RuntimeError(f"{' '.join(command[1:])} ended with status {child.returncode}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak / 2**20


def experiment_rows(profiles: tuple[str, ...], repeats: int) -> list[dict]:
    """`python -m analysis.scaling --dim 8` with one job: its cost, and that of d = 10^9 over d = 10^3."""
    base, rows = ["analysis.scaling", "--dim", "8"], []
    few = [*base, "--profile", "smoke", "--law", "sphere", "--ambient"]
    times = [[_program([*few, d])[1] for d in ("1000000000", "1000")] for _ in range(repeats)]
    rows.append(
        ratio_row(
            "d = 1e9 / d = 1e3",
            "analysis.scaling --dim 8 --law sphere",
            "ratio of CPU time",
            [a / b for a, b in times],
            most=1.3,
        )
    )
    for profile in profiles:
        wall, cpu, memory = _program([*base, "--profile", profile])
        name = f"analysis.scaling --dim 8 --profile {profile}"
        rows.append(ratio_row("program", f"{name}, 1 job", "wall s", [wall], milliseconds=1e3 * cpu))
        rows.append(ratio_row("memory", f"{name}, 1 job", "MB", [memory], most=2048.0))
    return rows


def memory_rows() -> list[dict]:
    """Largest memory of this process, after everything above."""
    return [ratio_row("memory", "this benchmark", "MB", [peak_memory() / 2**20], most=2048.0)]
