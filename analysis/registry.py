"""The registered experiments, in the order in which they run and in which their claims are listed.

Each name stands for a module `analysis.<name>` that holds an `EXPERIMENT`; nothing is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

NAMES: tuple[str, ...] = (
    "laws",
    "noise_level",
    "schedule",
    "scaling",
    "ledger",
    "theorems",
    "integrators",
    "mismatch",
    "neighbours",
    "training",
    "images",
    "certificates",
    "benchmark",
)

# what was asked for otherwise before: experiment, or experiment, option and value -> the command that does it now
MOVED: dict[tuple[str, ...], str] = {
    ("training", "--part", "image"): "python -m analysis.images --part known",
    ("training", "--part", "images"): "python -m analysis.images --part known",
    ("training", "--part", "real"): "python -m analysis.images --part real",
    ("training", "--part", "real_images"): "python -m analysis.images --part real",
}


def moved(words: Sequence[str]) -> str | None:
    """Where what a refused command line asks for (experiment, then its arguments) is found now, as a line; or None."""
    for old, new in MOVED.items():
        name, *rest = old
        if not words or words[0] != name:
            continue
        if not rest:
            return f"{name} has moved: use {new}"
        option, value = rest
        if option in words and value in words[words.index(option) + 1 :]:
            return f"{option} {value} has moved: use {new}"
    return None


def load(name: str):
    """The experiment registered under `name`."""
    if name not in NAMES:
        raise ValueError(f"unknown experiment {name!r}: allowed are {', '.join(NAMES) or '(none registered)'}")
    from analysis.runs.experiment import resolve

    return resolve(f"analysis.{name}:EXPERIMENT")


def order(name: str) -> tuple[int, str]:
    """Sort key: the place in the registry; experiments outside it follow by name."""
    return (NAMES.index(name) if name in NAMES else len(NAMES), name)
