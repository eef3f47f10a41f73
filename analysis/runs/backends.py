"""Where cells are computed: in this process, in joblib's worker processes, or on a dask cluster behind joblib's switch."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from analysis.runs.worker import Outcome, Task, compute, enter, one_thread

Run = Callable[[Iterable[Task]], Iterator[Outcome]]


class WorkersDied(Exception):
    """Worker processes were killed or ran out of memory; cells that had not come back are lost."""


class BackendError(Exception):
    """The backend cannot be used as asked; the message is one line."""


def here(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """One cell after another in this process, on one thread."""
    with one_thread():
        for task in tasks:
            yield compute(task)


def processes(jobs: int) -> Run:
    """`jobs` worker processes of joblib's loky, one thread each."""
    from joblib import parallel_config

    def run(tasks: Iterable[Task]) -> Iterator[Outcome]:
        with parallel_config(
            backend="loky", n_jobs=jobs, inner_max_num_threads=1, initializer=enter, initargs=(os.getpid(),)
        ):
            yield from _stream(tasks, jobs)

    return run


def cluster(address: str) -> tuple[Run, int]:
    """A running dask scheduler, e.g. tcp://host:8786; returns the runner and the number of its worker threads."""
    try:
        from distributed import Client
        from joblib import parallel_config
    except ImportError as error:
        raise BackendError("argument --backend: dask needs the optional extra 'distributed'") from error
    try:
        client = Client(address, timeout=10, set_as_default=False)
        width = sum(client.nthreads().values())
    except (OSError, ValueError, TimeoutError) as error:
        raise BackendError(f"argument --address: no dask scheduler answers at {address}") from error
    if width == 0:
        raise BackendError(f"argument --address: the dask scheduler at {address} has no workers")

    def run(tasks: Iterable[Task]) -> Iterator[Outcome]:
        with parallel_config(backend="dask", client=client):
            yield from _stream(tasks, width)

    return run, width


def _stream(tasks: Iterable[Task], jobs: int) -> Iterator[Outcome]:
    """Outcomes in the order in which they finish; at most 2 * jobs cells wait inside joblib."""
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=2 * jobs)
    with _no_interrupt():
        outcomes = parallel(delayed(compute)(task) for task in tasks)
    try:
        yield from outcomes
    except BrokenProcessPool as error:
        raise WorkersDied(str(error)) from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # distributed is an optional import
            raise WorkersDied(str(error)) from error
        raise
    finally:
        with warnings.catch_warnings():
            # joblib regrets unused results; here they are cells of an interrupted sweep
            warnings.simplefilter("ignore")
            outcomes.close()


@contextmanager
def _no_interrupt():
    """Ignore Ctrl-C for the instant in which workers start: they inherit that, and leave it to this process ever after.
    (A signal mask would not do: joblib's resource tracker unblocks it.)"""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
