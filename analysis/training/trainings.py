"""Several trainings of one network: a claim about the recipe is one about each of them.

They differ by more than the errors of any one measurement, so nothing is averaged: the training that leaves least room
decides, and the claim holds where it holds for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas

from analysis.runs import Claim, Measurement, every_cell
from analysis.training.fit import Params

__all__ = ["COUNTS", "ONE", "first", "labels", "over_trainings", "trainings"]

ONE = "one training; three by --profile full"
COUNTS = {"smoke": 1, "paper": 1, "full": 3}


def trainings(profile: str) -> list[Params]:
    """What tells the trainings of a profile apart, as parameters of their cells; nothing where there is one.

    >>> trainings("paper"), trainings("full")
    ([{}], [{'training': 0}, {'training': 1}, {'training': 2}])
    """
    return [{"training": i} if COUNTS[profile] > 1 else {} for i in range(COUNTS[profile])]


def labels(params: Params) -> list[str | int]:
    """Labels of the stream of a training: the first one draws as a training alone does."""
    return [params["training"]] if params.get("training") else []


def first(table: pandas.DataFrame) -> pandas.DataFrame:
    """The rows of the first training, and those of no training: what is shown where there are several."""
    return table[table.training.isna() | (table.training == 0)] if "training" in table else table


def over_trainings(
    claims: Sequence[Claim],
    table: pandas.DataFrame,
    decide: Callable[[pandas.DataFrame], list[Measurement]],
) -> list[Measurement]:
    """`decide` of each training's rows: of each claim the measurement that leaves least room, and what each one gave.

    Rows without a training (exact denoisers) belong to all of them.
    """
    if "training" not in table or table.training.isna().all():
        return [replace(m, note=f"{m.note}; {ONE}" if m.note else ONE) for m in decide(table)]
    found: dict[str, list[Measurement]] = {}
    for i in sorted(table.training.dropna().unique()):
        for m in decide(table[table.training.isna() | (table.training == i)]):
            found.setdefault(m.claim, []).append(m)
    return [_worst(claims, name, each) for name, each in found.items()]


def _worst(claims: Sequence[Claim], name: str, each: list[Measurement]) -> Measurement:
    value, low, high = zip(*((m.measured, m.low, m.high) for m in each), strict=True)
    names = [f"training {i}" for i in range(len(each))]
    cell = every_cell(claims, name, value, low, high, (), names=names).cell
    decides = each[names.index(cell)]
    seeds = tuple(zip(value, low, high, strict=True))
    listed = ", ".join(f"{v:.3g}" for v in value)
    return replace(
        decides, cell=cell, seeds=seeds, note="; ".join(w for w in (decides.note, f"trainings: {listed}") if w)
    )
