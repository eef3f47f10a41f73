"""The registered experiments, in the order in which they run and in which their claims are listed.

Each name stands for a module `analysis.<name>` that holds an `EXPERIMENT`; nothing is imported before it is asked for.
"""

from __future__ import annotations

NAMES: tuple[str, ...] = (
    "laws",
    "noise_level",
    "schedule",
    "scaling",
    "ledger",
    "theorems",
    "integrators",
    "mismatch",
    "training",
    "images",
    "benchmark",
)


def load(name: str):
    """The experiment registered under `name`."""
    if name not in NAMES:
        raise ValueError(f"unknown experiment {name!r}: allowed are {', '.join(NAMES) or '(none registered)'}")
    from analysis.runs.experiment import resolve

    return resolve(f"analysis.{name}:EXPERIMENT")


def order(name: str) -> tuple[int, str]:
    """Sort key: the place in the registry; experiments outside it follow by name."""
    return (NAMES.index(name) if name in NAMES else len(NAMES), name)
