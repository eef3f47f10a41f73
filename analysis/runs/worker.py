"""What happens inside a worker: find the function by name, compute one cell on one thread, return text."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Task:
    """A cell on its way to a worker; `reference` is where the worker finds the experiment."""

    index: int
    reference: str
    part: str
    params: str
    seed: int


@dataclass(frozen=True)
class Outcome:
    """A computed cell: `rows` as text, or `error` (first line: what; then the traceback)."""

    index: int
    rows: str
    error: str
    wall: float
    cpu: float
    peak: int


def compute(task: Task) -> Outcome:
    """Compute one cell. An exception of the cell becomes its error; interruption passes through."""
    from analysis.runs.encoding import rows_to_text

    wall, cpu = time.perf_counter(), time.thread_time()
    rows, error = "[]", ""
    try:
        from analysis.runs.experiment import resolve

        function = resolve(task.reference).parts[task.part]
        _limit_threads_once()
        result = function(json.loads(task.params), task.seed)
        rows = rows_to_text([result] if isinstance(result, dict) else result)
    except Exception as exception:
        error = f"{_one_line(exception)}\n{traceback.format_exc()}"
    return Outcome(task.index, rows, error, time.perf_counter() - wall, time.thread_time() - cpu, peak_memory())


def _one_line(exception: Exception) -> str:
    text = " ".join(str(exception).split())
    return f"{type(exception).__name__}: {text}"[:300] if text else type(exception).__name__


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def enter(parent: int) -> None:
    """First thing in a worker process: leave Ctrl-C to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@lru_cache(maxsize=1)
def _limit_threads_once() -> None:
    limit_threads()


_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def limit_threads() -> int | None:
    """One thread for BLAS and torch in this process, so that numbers do not depend on the number of workers.
    Returns torch's previous setting if torch is loaded; a library that is loaded later reads the environment."""
    import threadpoolctl

    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    threadpoolctl.threadpool_limits(1)
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    return before


@contextmanager
def one_thread():
    """One thread in this process while cells are computed in it; the previous setting comes back."""
    import threadpoolctl

    environment = {name: os.environ.get(name) for name in _VARIABLES}
    with threadpoolctl.threadpool_limits(1):
        before = limit_threads()
        try:
            yield
        finally:
            if before is not None:
                sys.modules["torch"].set_num_threads(before)
            for name, value in environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
