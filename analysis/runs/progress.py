"""Progress of a sweep in units of expected cost, so that the time left accounts for long cells: a bar on a terminal,
a line a minute elsewhere.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from analysis.runs.screen import duration

EVERY = 60.0  # seconds between lines where there is no terminal


class Progress:
    """On standard error: cells done, failed, time left."""

    def __init__(self, name: str, costs: Sequence[float], jobs: int, every: float = EVERY) -> None:
        self._name, self._cells, self._total = name, len(costs), sum(costs)
        self._jobs = max(1, min(jobs, len(costs)))
        self._done = self._failed = 0
        self._spent = 0.0
        self._every, self._over = every, threading.Event()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        self._begun = time.monotonic()
        if self._cells and sys.stderr.isatty():
            from tqdm import tqdm

            layout = "{desc} {percentage:3.0f}% |{bar}| {postfix[0]}, {elapsed} so far, {remaining} left"
            self._bar = tqdm(
                total=self._total, desc=self._name, bar_format=layout, smoothing=0, leave=False, postfix=[self._label()]
            )
        elif self._cells:
            threading.Thread(target=self._lines, daemon=True).start()
        return self

    def _label(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        first = f" (about {self._total / self._jobs:.0f} s expected)" if not self._done else ""
        return f"{self._done}/{self._cells} cells{failed}{first}"

    def _lines(self) -> None:
        while not self._over.wait(self._every):
            so_far = time.monotonic() - self._begun
            left = f", about {duration(so_far * (self._total / self._spent - 1))} left" if self._spent else ""
            print(f"{self._name}: {self._label()}, {duration(so_far)} so far{left}", file=sys.stderr, flush=True)

    def finished(self, cost: float, failed: bool) -> None:
        self._done += 1
        self._failed += failed
        self._spent += cost
        if self._bar is not None:
            self._bar.postfix = [self._label()]
            self._bar.update(cost)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.close()
