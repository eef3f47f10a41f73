"""What happens inside a worker: find the function by name, compute one cell on one thread, return text."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from analysis.runs.encoding import canonical, rows_to_text
from analysis.runs.fingerprint import Code
from analysis.runs.slices import is_installed


@dataclass(frozen=True)
class Task:
    """A cell on its way to a worker; `reference` is where the worker finds the experiment, `path` where it finds
    modules, `timeout` the seconds that it may take.
    """

    index: int
    reference: str
    part: str
    params: str
    seed: int
    path: tuple[str, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Outcome:
    """A computed cell: `rows` as text, or `error` (first line: what; then the traceback); `used`: see
    `store.Record`.
    """

    index: int
    rows: str
    error: str
    wall: float
    cpu: float
    peak: int
    used: str = "{}"


def compute(task: Task) -> Outcome:
    """Compute one cell. An exception of the cell becomes its error; interruption passes through."""
    wall, cpu = time.perf_counter(), time.thread_time()
    rows, error, used = "[]", "", "{}"
    try:
        from analysis.runs.experiment import resolve

        reach(task.path)
        with _recording() as looked_up, time_limit(task.timeout):
            function = resolve(task.reference).parts[task.part]
            _limit_threads_once()
            result = function(json.loads(task.params), task.seed)
        rows = rows_to_text([result] if isinstance(result, dict) else result)
        used = _marks(looked_up)
        remember_modules()
    except (Exception, SystemExit, OutOfTimeError) as exception:
        text = f"{_one_line(exception)}\n{traceback.format_exc()}"
        error = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate cannot be stored
    return Outcome(task.index, rows, error, time.perf_counter() - wall, time.thread_time() - cpu, peak_memory(), used)


class OutOfTimeError(BaseException):
    """A cell took longer than it may; no cell can catch it by accident."""


# seconds after its time in which a cell that does not answer is left alone before its worker is given up
GRACE = 2.0


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """End what runs inside after so many seconds; if it sits where Python cannot reach it, end the worker process."""
    if seconds is None:
        yield
        return
    over = threading.Event()
    thread, main = threading.get_ident(), threading.current_thread() is threading.main_thread()

    def stop(*_: object) -> None:
        raise OutOfTimeError(f"longer than {seconds:g} s (--cell-timeout)")

    def watch() -> None:
        if over.wait(seconds):
            return
        if not main:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTimeError))
        if not over.wait(GRACE) and _is_worker:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    before = signal.signal(signal.SIGALRM, stop) if main else None
    if main:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        over.set()
        if main:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)


_REFERENCES = "manifolds.references"


@contextmanager
def _recording() -> Iterator[set[str]]:
    """What is looked up by name inside. The module that keeps the record is loaded by the first cell that needs it,
    since torch comes with it."""
    if references := sys.modules.get(_REFERENCES):
        with references.recording() as used:
            yield used
        return
    used = set()
    yield used
    if references := sys.modules.get(_REFERENCES):
        used |= references.outside()


def _marks(used: set[str]) -> str:
    """What was looked up, with the mark of its code as it was loaded here."""
    if not used:
        return "{}"
    code = _code(sys.modules[_REFERENCES].generation)
    return canonical({what: code.mark(what) for what in used})


@lru_cache(maxsize=1)
def _code(generation: int) -> Code:
    """The code as it is in this process; another one when modules have been loaded again."""
    return Code()


def search_path() -> tuple[str, ...]:
    """Where this process finds modules that are not installed: they travel to the workers by that."""
    own = [os.path.abspath(folder or os.curdir) for folder in [*sys.path, os.curdir]]
    return tuple(dict.fromkeys(folder for folder in own if os.path.isdir(folder) and not is_installed(folder)))


_stamps: dict[str, tuple[int, int]] = {}
_counted = 0


def remember_modules() -> None:
    """Note the files of all modules that are not installed, as they are just after they were imported."""
    global _counted
    if len(sys.modules) == _counted:
        return
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name not in _stamps and name != "__main__" and not is_installed(file):
            _stamps[name] = _stamp(file)
    _counted = len(sys.modules)


def renew() -> None:
    """In a process that lives longer than a sweep: if a file has changed, import all that is not installed again."""
    files = {name: getattr(sys.modules.get(name), "__file__", None) for name in _stamps}
    if any(file and _stamp(file) != _stamps[name] for name, file in files.items()):
        for name in _stamps:
            sys.modules.pop(name, None)
        _stamps.clear()


def _stamp(file: str) -> tuple[int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


_reached: tuple[tuple[str, ...], list[str]] = ((), [])


def reach(path: tuple[str, ...]) -> None:
    """Search the folders of `path` as well; those of an earlier call no longer."""
    global _reached
    if path == _reached[0]:
        return
    for folder in _reached[1]:
        if folder in sys.path:
            sys.path.remove(folder)
    known = {os.path.abspath(folder or os.curdir) for folder in sys.path}
    new = [folder for folder in path if folder not in known]
    sys.path.extend(new)
    if _reached[0] and (references := sys.modules.get(_REFERENCES)):
        references.forget()  # a module of the same name may lie elsewhere now
    _reached = (path, new)


def _one_line(exception: BaseException) -> str:
    text = " ".join(str(exception).split())
    return f"{type(exception).__name__}: {text}"[:300] if text else type(exception).__name__


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


_is_worker = False
# Bytes that a worker may grow after its first cell before loky replaces it. By loky's own 3e8 the imports alone (of
# torch's optimisers, matplotlib, the experiments: 310 to 620 MB in a smoke run) ended every worker, and the next began
# again.
GROWTH = 10**9


def enter(parent: int) -> None:
    """First thing in a worker process: leave Ctrl-C and a hang-up to the parent, and do not outlive it."""
    global _is_worker
    _is_worker = True
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = GROWTH  # loky has no option for it
    for kind in ("SIGINT", "SIGHUP"):
        if hasattr(signal, kind):
            signal.signal(getattr(signal, kind), signal.SIG_IGN)
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
