"""What `python -m analysis list` said last, kept as Python keeps compiled modules: in __pycache__, under its rules.

To count cells all experiments are loaded and the laws of their plans built, which takes seconds of torch, scipy and
quadrature nodes. The answer is one of the code, the libraries and the options alone: while these are the same it is
read, not found again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any

from analysis.runs.encoding import canonical, digest

Row = Sequence[str]

# (found, not imported: that would load torch)
_PACKAGES = tuple(Path(str(spec.origin)).parent for name in ("analysis", "manifolds") if (spec := find_spec(name)))
_MOST = 16  # selections that are kept


def remembered(names: Sequence[str], given: Mapping[str, Any], find: Callable[[], list[Row]]) -> list[Row]:
    """The rows of the experiments `names` with the options `given`, as `find` gives them or gave them before."""
    if not all((_PACKAGES[0] / name).is_dir() for name in names):
        return find()  # of code elsewhere, which is not watched
    kept, key = _read(state := _state()), digest(canonical([list(names), {k: str(v) for k, v in given.items()}]))
    if key not in kept:
        kept[key] = [list(row) for row in find()]
        _write(state, dict(list(kept.items())[-_MOST:]))
    return kept[key]


def _state() -> str:
    """Digest of all that a plan may depend on besides its options: our files, and what can be imported.

    The folders of installed packages say their versions by name.
    """
    whole = sha256(sys.version.encode())
    for package in _PACKAGES:
        for file in sorted(p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            whole.update(f"{file.relative_to(package)}\0{file.stat().st_size}\0".encode())
            whole.update(file.read_bytes())
    for folder in sys.path:
        with suppress(OSError):
            whole.update("\0".join(sorted(os.listdir(folder))).encode(errors="replace"))
    return whole.hexdigest()


def _file() -> Path:
    return Path(cache_from_source(__file__)).with_suffix(".json")


def _read(state: str) -> dict[str, list[Row]]:
    """Rows by selection; none of another state, nor of a file that is not one of these."""
    try:
        whole = json.loads(_file().read_text(encoding="utf-8"))
        rows = whole["rows"] if whole["state"] == state else {}
        plain = all(isinstance(word, str) for found in rows.values() for row in found for word in row)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return rows if plain else {}


def _write(state: str, rows: Mapping[str, list[Row]]) -> None:
    """Complete or not at all; where Python may not write its own, neither do we."""
    if sys.dont_write_bytecode:
        return
    file = _file()
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps({"state": state, "rows": rows}), encoding="utf-8")
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
