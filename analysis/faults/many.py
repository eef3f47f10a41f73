"""A sweep of very many very small cells: what the engine itself costs for each, and how fast it finds finished ones."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from analysis.faults.processes import Sweep, Tick, never

__all__ = ["many_cells"]


def many_cells(folder: Path, count: int, seed: int, tick: Tick = never) -> dict[str, float]:
    """`count` cells with two workers of this machine, then the same command again; processor time is that of the sweep
    and its workers, of which the start with a few cells is taken off. A cell itself takes about 0.1 ms.
    """
    few = Sweep(folder / "few", cells=8)
    many = Sweep(folder / "many", cells=count)
    start, sweep, again = (_timed(s) for s in (few, many, many))
    tick()
    per_cell = [1e3 * max(b - a, 0.0) / (count - 8) for a, b in zip(start, sweep, strict=True)]
    return {
        "cells": count,
        "ms for each": round(per_cell[0], 2),
        "CPU ms for each": round(per_cell[1], 2),
        "seconds to resume": round(again[0], 2),
        "CPU seconds to resume": round(again[1], 2),
        "failed": sum(not s.files() for s in (few, many)),
    }


def _timed(sweep: Sweep) -> tuple[float, float]:
    """Wall and processor seconds of a sweep with two jobs."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    status, errors = sweep.finish("--jobs", "2")
    if status != 0:
        raise RuntimeError(f"the sweep of {sweep.cells} cells fails: {errors[:200]}")
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
