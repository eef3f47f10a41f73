"""Timing of competing functions in turn, so that a change of the machine's load meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

__all__ = ["interleaved", "ratio_row", "summary"]


def interleaved(functions: Sequence[Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time) -> list[list[float]]:
    """Seconds (repeats x functions), each round calling every function once, after one round that is not timed.

    CPU seconds of this process by default: with one thread that is the wall time of a machine on which nothing else runs.
    """
    rounds = []
    for _ in range(repeats + 1):
        times = []
        for function in functions:
            begun = clock()
            function()
            times.append(clock() - begun)
        rounds.append(times)
    return rounds[1:]


def summary(values: Sequence[float]) -> dict:
    """min, median and max."""
    return {"low": min(values), "median": median(values), "high": max(values)}


def ratio_row(subject: str, case: str, unit: str, values: Sequence[float], most: float = float("inf"), least: float = 0.0, **extra) -> dict:
    """One row of the table: what was measured, its spread over repeats, and the target that it is shown beside (inf, 0: none)."""
    return {"subject": subject, "case": case, "unit": unit, **summary(values), "repeats": len(values), "at_least": least, "at_most": most, **extra}
