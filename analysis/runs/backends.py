"""Where cells are computed: in this process, in joblib's worker processes, or on a dask cluster behind joblib's
switch.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from analysis.runs.experiment import Experiment
from analysis.runs.options import UsageError
from analysis.runs.worker import Outcome, Task, compute, enter, one_thread, reach, renew, search_path

Run = Callable[[Iterable[Task]], Iterator[Outcome]]


class WorkersDiedError(Exception):
    """Worker processes were killed or ran out of memory; cells that had not come back are lost."""


def here(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """One cell after another in this process, on one thread."""
    with one_thread():
        for task in tasks:
            yield compute(task)


def processes(jobs: int) -> Run:
    """`jobs` worker processes of joblib's loky, one thread each."""

    def run(tasks: Iterable[Task]) -> Iterator[Outcome]:
        with _workers(jobs):
            yield from _stream(tasks, jobs)

    return run


def spread(
    jobs: int, function: Callable[[Any], Any], items: Sequence[Any], lost: Callable[[Any], Any] = lambda item: None
) -> list[Any]:
    """function(item) of each, in order: in worker processes that `processes` has started, or here for one job or item.

    An item whose worker dies also when it is alone there gives lost(item).
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    if jobs == 1 or len(items) < 2:
        return [function(item) for item in items]

    def together(some: Sequence[Any]) -> list[Any]:
        with _workers(jobs):
            return Parallel(n_jobs=jobs)(delayed(function)(item) for item in some)

    try:
        return together(items)
    except BrokenProcessPool:
        found = []
        for item in items:
            try:
                found += together([item])
            except BrokenProcessPool:
                found.append(lost(item))
        return found


def _workers(jobs: int):
    """joblib's loky processes, the same ones at every call."""
    from joblib import parallel_config

    # a worker that has grown is replaced and no cell is lost; one that was killed raises
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given to the executor")
    return parallel_config(
        backend="loky", n_jobs=jobs, inner_max_num_threads=1, initializer=enter, initargs=(os.getpid(),)
    )


def cluster(address: str, experiment: Experiment) -> tuple[Run, int]:
    """A running dask scheduler, e.g. tcp://host:8786; returns the runner and the number of its worker threads.
    Every worker must hold the same code as this process: numbers of other code would be stored under this code's
    name."""
    prog = f"python -m {experiment.module}"
    try:
        from analysis.runs.dask_backend import connect, reporting_backend, watched
    except ImportError as error:
        raise UsageError(f"{prog}: argument --backend: dask needs the optional extra 'distributed'") from error
    from joblib import parallel_config

    try:
        client, width, marks = connect(address, renew, code_of, experiment.address, search_path())
    except (OSError, ValueError) as error:
        raise UsageError(f"{prog}: argument --address: no dask scheduler answers at {address}") from error
    if width == 0:
        raise UsageError(f"{prog}: argument --address: the dask scheduler at {address} has no workers")
    here_ = code_of(experiment.address, search_path())
    for worker, mark in marks.items():
        if mark != here_:
            raise UsageError(
                f"{prog}: argument --address: dask worker {worker} holds other code than this process ({mark})"
            )

    def run(tasks: Iterable[Task]) -> Iterator[Outcome]:
        with parallel_config(backend=reporting_backend(client)), watched(client):
            yield from _stream(tasks, width)

    return run, width


def code_of(reference: str, path: tuple[str, ...]) -> str:
    """The fingerprints of an experiment's parts as this process would compute them, or why it cannot."""
    from analysis.runs.experiment import resolve
    from analysis.runs.fingerprint import Code

    reach(path)
    try:
        parts = resolve(reference).parts
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
    code = Code()
    return " ".join(f"{name}={code.fingerprint(parts[name])}" for name in sorted(parts))


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
        raise WorkersDiedError(str(error)) from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # distributed is an optional import
            raise WorkersDiedError(str(error)) from error
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
