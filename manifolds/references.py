"""What is looked up by name while the program runs: `module:object` references, tables of them, files; and who looked.

Everything that is chosen by a name (a law, an integrator, somebody's own class in a file outside the repository) is
loaded here and nowhere else, so that whoever runs a measurement can ask which of them it used:

>>> from manifolds import make
>>> with recording() as used:
...     law = make("sphere", dim=2, ambient=10)
>>> {'manifolds.laws.sphere:Sphere', 'manifolds.registry:REGISTRY[sphere].build'} <= used
True

Sources, not names, tell whether a result still holds: `analysis.runs` stores what a cell used beside its numbers.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, cast

__all__ = ["address", "cached", "is_reference", "load", "note", "outside", "path", "recording"]

P = ParamSpec("P")
T = TypeVar("T")

_RECORDS: ContextVar[tuple[set[str], ...]] = ContextVar("records", default=())
# what was used outside every recording: by modules while they were imported, and all of it
_AT_IMPORT: set[str] = set()
_UNRECORDED: set[str] = set()
# modules that came in through `load` and are not installed: name -> their file's time and size when they did
_STAMPS: dict[str, tuple[int, int]] = {}
# functions of the import system (and of pytest) that execute a module's body
_IMPORTERS = ("_call_with_frames_removed", "exec_module")
_CACHES: list[Callable[[], None]] = []
_INSTALLED = tuple({sysconfig.get_path(n) for n in ("stdlib", "platstdlib", "purelib", "platlib")})
generation = 0  # how often modules were forgotten: what was computed from an earlier one is out of date
_OURS = __name__.partition(".")[0]


# who uses what


def note(what: str) -> None:
    """Add `what` to every recording that is under way.

    >>> with recording() as used:
    ...     note("file:/data/faces.npz")
    >>> "file:/data/faces.npz" in used
    True
    """
    records = _RECORDS.get()
    for record in records:
        record.add(what)
    if not records:
        _UNRECORDED.add(what)
    if _importing():
        _AT_IMPORT.add(what)


@contextmanager
def recording() -> Iterator[set[str]]:
    """The set of everything looked up inside the `with`; what modules looked up when they were imported is in it too.

    >>> with recording() as used:
    ...     note("module:object")
    >>> "module:object" in used
    True
    """
    found = set(_AT_IMPORT)
    token = _RECORDS.set((*_RECORDS.get(), found))
    try:
        yield found
    finally:
        _RECORDS.reset(token)


def outside() -> set[str]:
    """Everything that was looked up outside every recording.

    >>> note("nobody:listens")
    >>> "nobody:listens" in outside()
    True
    """
    return set(_UNRECORDED)


def _importing() -> bool:
    """Whether the caller stands in the body of a module that is being imported;
    what that finds, the module may keep.
    """
    frame = sys._getframe(2)
    while frame is not None and frame.f_back is not None:
        if frame.f_code.co_name == "<module>" and frame.f_back.f_code.co_name in _IMPORTERS:
            return True
        frame = frame.f_back
    return False


def cached(maxsize: int | None = 128) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`functools.lru_cache` for functions that build what is looked up by name (laws, integrators).

    What an entry used when it was computed counts as used whenever the entry is taken out again; an lru_cache would
    hide it from everybody but the first.

    >>> @cached(maxsize=8)
    ... def squared(x):
    ...     note("module:square")
    ...     return x * x
    >>> squared(3)
    9
    >>> with recording() as used:
    ...     again = squared(3)
    >>> "module:square" in used
    True
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.lru_cache(maxsize=maxsize)
        def compute(*args: Any, **options: Any) -> tuple[T, frozenset[str]]:
            with recording() as used:
                value = function(*args, **options)
            return value, frozenset(used)

        @functools.wraps(function)
        def wrapper(*args: P.args, **options: P.kwargs) -> T:
            value, used = cast(Any, compute)(*args, **options)
            for what in used:
                note(what)
            return value

        _CACHES.append(compute.cache_clear)
        cast(Any, wrapper).cache_clear = compute.cache_clear
        return wrapper

    return decorate


# module:object


def is_reference(text: object) -> bool:
    """Whether a name is meant as `module:object`.

    >>> is_reference("mine.laws:Coin"), is_reference("sphere")
    (True, False)
    """
    return isinstance(text, str) and ":" in text


def load(reference: str, what: str = "name") -> Any:
    """The object that `package.module:object` names; the working directory is searched last.

    A module that is not installed is read again when its file, or a file that came with it, has changed.

    Args:
        reference: module and object, the latter dotted where it stands inside a class.
        what: what it is for, for the message.

    Raises:
        ValueError: it is not written like that, does not import, or there is no such object (one line says which).

    >>> load("math:pi") > 3
    True
    """
    found = resolve(reference, what)
    note(reference)
    return found


def resolve(reference: str, what: str) -> Any:
    module, _, name = reference.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise ValueError(f"{what} must look like package.module:object, got {reference!r}")
    found: Any = _module(module, reference, what)
    for part in name.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{what} {reference!r}: {module} has no {name}")
        found = getattr(found, part)
    return found


def _module(name: str, reference: str, what: str) -> ModuleType:
    if any(_stamp(sys.modules.get(known)) != stamp for known, stamp in _STAMPS.items()):
        forget()
    before = set(sys.modules)
    if name not in before:
        importlib.invalidate_caches()
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise ValueError(
            f"{what} {reference!r}: {name} does not import ({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error
    for new in set(sys.modules) - before:
        stamp = _stamp(sys.modules[new])
        if stamp and new.partition(".")[0] != _OURS and not str(sys.modules[new].__file__).startswith(_INSTALLED):
            _STAMPS[new] = stamp
    return module


def _stamp(module: ModuleType | None) -> tuple[int, int] | None:
    try:
        status = os.stat(cast(str, getattr(module, "__file__", None)))
    except (OSError, TypeError):
        return None
    return status.st_mtime_ns, status.st_size


def forget() -> None:
    """Modules outside the repository are imported again, and whatever was built from them is built again."""
    global generation
    generation += 1
    for name in _STAMPS:
        sys.modules.pop(name, None)
    _STAMPS.clear()
    for clear in _CACHES:
        clear()


def address(thing: Any) -> str:
    """`module:object` of a class or function; of anything else, that of its class.

    >>> address(load)
    'manifolds.references:load'
    """
    kind = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{kind.__module__}:{kind.__qualname__}"


def path(name: str | Path) -> Path:
    """A file or folder that numbers depend on, as a Path; its contents count as used.

    Raises:
        ValueError: there is no such file.

    >>> path("/nowhere/faces.npz")
    Traceback (most recent call last):
        ...
    ValueError: no such file: /nowhere/faces.npz
    """
    found = Path(name)
    if not found.exists():
        raise ValueError(f"no such file: {found}")
    note(f"file:{found.absolute()}")
    return found
