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
from functools import partial
from typing import Any, NamedTuple

from analysis.runs.experiment import Experiment
from analysis.runs.options import UsageError
from analysis.runs.worker import Outcome, Task, compute, enter, one_thread, reach, remember_modules, renew, search_path

Run = Callable[[Iterable[Task]], Iterator[Outcome]]
Item = Any


class Backend(NamedTuple):
    """run(tasks) -> outcomes as they come; how many cells at once; spread(function, items, lost) -> function(item) of
    each, in order, or lost(item) where the item's worker dies also when it is alone.
    """

    run: Run
    jobs: int
    spread: Callable[[Callable[[Item], Any], Sequence[Item], Callable[[Item], Any]], list[Any]]


def in_turn(function: Callable[[Item], Any], items: Sequence[Item], lost: Callable[[Item], Any]) -> list[Any]:
    """function(item) of each, in this process."""
    return [function(item) for item in items]


class WorkersDiedError(Exception):
    """Worker processes were killed or ran out of memory; cells that had not come back are lost."""


def here(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """One cell after another in this process, on one thread."""
    with one_thread():
        for task in tasks:
            yield compute(task)


HERE = Backend(here, 1, in_turn)


def processes(jobs: int) -> Backend:
    """`jobs` worker processes of joblib's loky, one thread each.

    joblib computes in this process for one job: then two are started, of which one waits.
    """
    width = max(jobs, 2)

    def run(tasks: Iterable[Task]) -> Iterator[Outcome]:
        with _workers(width):
            yield from _stream(tasks, width, 2 * jobs if jobs > 1 else 1)

    def together(function: Callable[[Item], Any], items: Sequence[Item]) -> list[Any]:
        from joblib import Parallel, delayed

        with _workers(width), _deaths():
            return Parallel(n_jobs=width)(delayed(function)(item) for item in items)

    return Backend(run, jobs, partial(_spread, together))


def _spread(together, function: Callable[[Item], Any], items: Sequence[Item], lost: Callable[[Item], Any]) -> list[Any]:
    """All items at once; where a worker dies, one after another."""
    if len(items) < 2:
        return in_turn(function, items, lost)
    try:
        return together(function, items)
    except WorkersDiedError:
        found = []
        for item in items:
            try:
                found += together(function, [item])
            except WorkersDiedError:
                found.append(lost(item))
        return found


@contextmanager
def _deaths() -> Iterator[None]:
    """What a backend raises when its workers die, as a WorkersDiedError."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool as error:
        raise WorkersDiedError(str(error)) from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # distributed is an optional import
            raise WorkersDiedError(str(error)) from error
        raise


def _workers(jobs: int):
    """joblib's loky processes, the same ones at every call."""
    from joblib import parallel_config

    # a worker that has grown is replaced and no cell is lost; one that was killed raises
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given to the executor")
    return parallel_config(
        backend="loky", n_jobs=jobs, inner_max_num_threads=1, initializer=enter, initargs=(os.getpid(),)
    )


def cluster(address: str, experiment: Experiment) -> Backend:
    """A running dask scheduler, e.g. tcp://host:8786; as many cells at once as its workers have threads.
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
            yield from _stream(tasks, width, 2 * width)

    def together(function: Callable[[Item], Any], items: Sequence[Item]) -> list[Any]:
        from joblib import Parallel, delayed

        path = search_path()
        with parallel_config(backend=reporting_backend(client)), watched(client), _deaths():
            return Parallel(n_jobs=width)(delayed(_far)(function, item, path) for item in items)

    return Backend(run, width, partial(_spread, together))


def _far(function: Callable[[Item], Any], item: Item, path: tuple[str, ...]) -> Any:
    """function(item) in a process that may never have seen this project's folders."""
    reach(path)
    found = function(item)
    remember_modules()
    return found


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


def _stream(tasks: Iterable[Task], jobs: int, inside: int) -> Iterator[Outcome]:
    """Outcomes in the order in which they finish; at most `inside` cells are inside joblib at a time."""
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=inside)
    with _no_interrupt():
        outcomes = parallel(delayed(compute)(task) for task in tasks)
    try:
        with _deaths():
            # `yield from` would close joblib's generator before its regrets are silenced
            for outcome in outcomes:  # noqa: UP028
                yield outcome
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
