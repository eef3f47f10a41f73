"""Fingerprints of what a cell depends on: change that and the cell is computed again, change a comment, a docstring, a
claim, a figure or another law and it is not.

Two kinds. The fingerprint of the cell's function covers, symbol by symbol, all code that it reaches through imports,
and the versions of the libraries under it. What it looks up by name while it runs (laws, integrators, `module:object`,
files) is not in there: it is recorded (`manifolds.references`), and each of those things has a mark of its own.
"""

from __future__ import annotations

import importlib
import os
import re
import time
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version_tuple

from analysis.runs.slices import Slice, Sources

LIBRARIES = ("numpy", "scipy", "torch")
# import name -> distribution, where they differ
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "ot": "POT", "PIL": "pillow", "skimage": "scikit-image", "yaml": "PyYAML"}
_TABLE = re.compile(r"(?P<module>[\w.]+):(?P<name>\w+)\[(?P<key>.*)\](?:\.(?P<part>\w+))?")


class Code:
    """The code as it is at one moment."""

    def __init__(self) -> None:
        self._sources = Sources()
        self._marks: dict[str, str] = {}

    def fingerprint(self, function: Callable) -> str:
        """Hexadecimal fingerprint (64 bits) of all that a function reaches by imports."""
        return self._digest(function.__module__, function.__qualname__, LIBRARIES)

    def mark(self, what: str) -> str:
        """Fingerprint of something that was looked up, in the words of its record; it is not loaded for that."""
        if what not in self._marks:
            self._marks[what] = self._mark(what)
        return self._marks[what]

    def holds(self, used: Mapping[str, str]) -> bool:
        """Whether all that a cell looked up is still as it was."""
        return all(self.mark(what) == mark for what, mark in used.items())

    def _mark(self, what: str) -> str:
        if what.startswith("file:"):
            return _checksum(Path(what.removeprefix("file:")))
        if not (table := _TABLE.fullmatch(what)):
            module, _, name = what.partition(":")
            return self._digest(module, name)
        try:
            standing = getattr(importlib.import_module(table["module"]), table["name"]).standing(
                table["key"], table["part"] or ""
            )
        except (ImportError, AttributeError):
            standing = None
        if standing is None:
            return "absent"
        module, _, name = standing.reference.partition(":")
        return _short([standing.text, standing.reference, self._digest(module, name) if name else ""])

    def _digest(self, module: str, name: str, libraries: tuple[str, ...] = ()) -> str:
        found = Slice(self._sources, module, tuple(name.split("."))[:1])
        if not found.parts:
            return _unknown(module)
        parts = found.parts
        parts += [f"{each}=={_version(each)}" for each in sorted({*libraries, *found.libraries})]
        parts.append("python " + ".".join(python_version_tuple()[:2]))
        return _short(parts)


def fingerprint(function: Callable) -> str:
    """The fingerprint of a function, in the code as it is now."""
    return Code().fingerprint(function)


def _short(parts: list[str]) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _version(library: str) -> str:
    try:
        return version(_DISTRIBUTIONS.get(library, library))
    except PackageNotFoundError:
        return "absent"


def _unknown(module: str) -> str:
    """Code without source: a library of its version; anything else (typed at a prompt) is never the same twice."""
    known = _version(module.partition(".")[0])
    return f"{module}=={known}" if known != "absent" else f"unknown {os.getpid()} {time.time()}"


def _checksum(path: Path) -> str:
    """Of a file, or of all files below a folder and their names."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if not files:
        return "absent"
    whole = sha256()
    for file in files:
        whole.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
        with open(file, "rb") as handle:
            while block := handle.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()[:16]
