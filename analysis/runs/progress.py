"""Progress of a sweep in units of expected cost, so that the time left accounts for long cells; silent off a
terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


class Progress:
    """A bar on standard error: cells done, failed, time left."""

    def __init__(self, name: str, costs: Sequence[float], jobs: int) -> None:
        self._name, self._cells, self._total = name, len(costs), sum(costs)
        self._jobs = max(1, min(jobs, len(costs)))
        self._done = self._failed = 0
        self._bar = None

    def __enter__(self) -> Progress:
        if self._cells and sys.stderr.isatty():
            from tqdm import tqdm

            layout = "{desc} {percentage:3.0f}% |{bar}| {postfix[0]}, {elapsed} so far, {remaining} left"
            self._bar = tqdm(
                total=self._total, desc=self._name, bar_format=layout, smoothing=0, leave=False, postfix=[self._label()]
            )
        return self

    def _label(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        first = f" (about {self._total / self._jobs:.0f} s expected)" if not self._done else ""
        return f"{self._done}/{self._cells} cells{failed}{first}"

    def finished(self, cost: float, failed: bool) -> None:
        self._done += 1
        self._failed += failed
        if self._bar is not None:
            self._bar.postfix = [self._label()]
            self._bar.update(cost)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
