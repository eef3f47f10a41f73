"""Timing of competing functions in turn, so that a change of the machine's load meets all of them alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from statistics import median

__all__ = ["LEAST", "interleaved", "ratio_row", "summary"]

# CPU seconds that a timing lasts at least: shorter functions are called several times, as samplers do
LEAST = 0.02


def interleaved(
    functions: Sequence[Callable[[], object]], repeats: int, clock: Callable[[], float] = time.process_time
) -> list[list[float]]:
    """Seconds a call (repeats x functions), each round timing every function once.

    Before them each is called once (that makes tables) and, if that was short, again, to find how often to call it.
    CPU seconds of this process by default: with one thread that is the wall time of a machine on which nothing else
    runs.
    """

    def seconds(function: Callable[[], object], calls: int) -> float:
        begun = clock()
        for _ in range(calls):
            function()
        return (clock() - begun) / calls

    first = [seconds(function, 1) for function in functions]
    usual = [once if once > 5.0 * LEAST else seconds(function, 1) for once, function in zip(first, functions)]
    calls = [max(math.ceil(LEAST / max(once, 1e-6)), 1) for once in usual]
    return [[seconds(function, count) for function, count in zip(functions, calls)] for _ in range(repeats)]


def summary(values: Sequence[float]) -> dict:
    """min, median and max."""
    return {"low": min(values), "median": median(values), "high": max(values)}


def ratio_row(
    subject: str, case: str, unit: str, values: Sequence[float], most: float = float("inf"), least: float = 0.0, **extra
) -> dict:
    """One row of the table: what was measured, its spread over repeats, the target that it is shown beside (inf, 0:
    none)."""
    return {
        "subject": subject,
        "case": case,
        "unit": unit,
        **summary(values),
        "repeats": len(values),
        "at_least": least,
        "at_most": most,
        **extra,
    }
