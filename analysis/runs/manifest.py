"""manifest.json: how each experiment's files came to be; entries of other experiments stay."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from analysis.runs.files import StorageError
from analysis.runs.places import project_root

NAME = "manifest.json"
_LIBRARIES = ("numpy", "scipy", "torch", "pandas", "matplotlib", "joblib", "distributed")


def merge(path: Path, experiment: str, entry: Mapping[str, Any]) -> bytes:
    """The manifest with this experiment's entry replaced; raises StorageError as `read` does."""
    entries = {**read(path), experiment: entry}
    return (json.dumps({"experiments": entries}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Entries by experiment; empty if there is no manifest.

    Raises:
        StorageError: it is not what this suite writes, in one line that says where; to start it anew it is removed.
    """
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise StorageError(f"cannot use {path}: not JSON ({error}); mend or remove it") from error
    entries = whole.get("experiments") if isinstance(whole, dict) else None
    if not isinstance(entries, dict):
        raise StorageError(f"cannot use {path}: 'experiments' is no table of names; mend or remove it")
    for name, entry in entries.items():
        parts: dict[str, Any] = entry if isinstance(entry, dict) else {"entry": None}
        for part in ("entry", "files", "claims", "cells", "used"):
            found = parts.get(part, {})
            details = found.values() if part == "claims" and isinstance(found, dict) else []
            if not isinstance(found, dict) or not all(isinstance(d, dict) for d in details):
                raise StorageError(f"cannot use {path}: {part!r} of {name!r} is no table of names")
    return entries


def machine() -> dict[str, Any]:
    return {"cpu": _cpu_model(), "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def code_state() -> dict[str, Any]:
    """Commit of the checkout and whether tracked code (results aside) differs from it; nulls outside a checkout."""
    root = project_root()
    if root is None:
        return {"commit": None, "dirty": None}
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
    return {"commit": commit or None, "dirty": None if changes is None else bool(changes)}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
