"""The cells of a selection, and how long they are expected to take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.runs.experiment import Cell, Experiment
from analysis.runs.options import UsageError


def plan(experiment: Experiment, options: Any) -> Sequence[Cell]:
    """The cells of a selection; a ValueError of the plan, or whatever it cannot do with given arguments, is
    a bad argument.
    """
    try:
        cells = list(experiment.plan(options))
    except ValueError as error:
        raise UsageError(f"python -m {experiment.module}: {error}") from error
    except Exception as error:
        if not options.changed:
            raise  # the defaults are ours to get right
        why = " ".join((str(error).splitlines() or [""])[0].split())[:120]
        where = f"python -m {experiment.module}: {_given(options)}"
        raise UsageError(f"{where}: not a selection that can be planned ({type(error).__name__}: {why})") from error
    if not cells:
        raise UsageError(f"python -m {experiment.module}: this selection holds no cells")
    return cells


def _given(options: Any) -> str:
    words = [f"--{name.replace('_', '-')} {value}" for name, value in sorted(options.changed.items())]
    return " ".join(words) or "the default arguments"


def expected_seconds(cells: Sequence[Cell], jobs: int) -> float:
    """Expected wall time: the work shared by the workers, but never less than the longest cell."""
    costs = [c.cost for c in cells]
    return max(sum(costs) / jobs, max(costs, default=0.0))
