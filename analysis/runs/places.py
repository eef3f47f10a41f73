"""Where results go: only the paper profile with default arguments writes to the checkout's committed results folder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import analysis
from analysis.runs.encoding import canonical, digest

_LONGEST = 80


def project_root() -> Path | None:
    """The checkout this package runs from, or None if it is installed elsewhere."""
    root = Path(analysis.__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").is_file() else None


def results_root() -> Path:
    return (project_root() or Path.cwd()) / "results"


def default_folder(experiment: str, profile: str, changed: Mapping[str, Any]) -> Path:
    """The folder when no --out is given; `changed` holds the arguments that differ from their defaults.
    For the smoke profile this creates a new temporary folder."""
    if profile == "smoke":
        return Path(tempfile.mkdtemp(prefix=f"{experiment}-smoke-"))
    if changed:
        return results_root() / "custom" / slug(experiment, profile, changed)
    return results_root() if profile == "paper" else results_root() / profile


def slug(experiment: str, profile: str, changed: Mapping[str, Any]) -> str:
    """A readable folder name for a selection, the same whatever the order of its arguments."""
    words = [experiment] + ([profile] if profile != "paper" else [])
    for name, value in sorted(changed.items()):
        values = value if isinstance(value, list | tuple) else [value]
        words += [name, *(str(v) for v in values)]
    text = re.sub(r"[^A-Za-z0-9.+-]+", "-", "-".join(words)).strip("-.")
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 17]}-{digest(canonical(dict(changed)))}"
    return text


def shown(path: Path) -> str:
    """A path for people: relative to the checkout where possible."""
    root = project_root()
    try:
        return str(path.resolve().relative_to(root)) if root else str(path)
    except ValueError:
        return str(path)
