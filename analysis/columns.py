"""What the columns of the tables mean, and in which unit: `analysis.results().columns`, and results/COLUMNS.md.

The dictionary itself is `columns.csv`. A row without `tables` is about every table; another one about those that it
names, with * and ? as in a shell.
"""

from __future__ import annotations

import csv
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

__all__ = ["meaning"]

_ENDS = {
    "_low": "lower end of the 95 % interval of {}",
    "_high": "upper end of the 95 % interval of {}",
    "_se": "standard error of {}",
    "_per_log_sigma": "{} of a step, per unit of log sigma",
}


@cache
def _known() -> dict[str, list[tuple[str, str, str]]]:
    """(tables, unit, meaning) by column, those of every table last."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    with open(Path(__file__).with_suffix(".csv"), encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            found.setdefault(row["column"], []).append((row["tables"], row["unit"], row["meaning"]))
    return {column: sorted(rows, key=lambda row: row[0] == "") for column, rows in found.items()}


def meaning(column: str, table: str = "") -> tuple[str, str]:
    """(unit, meaning) of a column, in a table where it has one of its own there; both empty where nothing says it.

    >>> meaning("dim")
    ('dimensions', 'k, intrinsic dimension of the data')
    >>> meaning("blind_se")
    ('as blind', 'standard error of blind')
    >>> meaning("low")[1], meaning("low", "training_nets")[1]
    ('lower end of the 95 % interval of the measurement', 'smallest noise level of training')
    """
    for tables, unit, text in _known().get(column, ()):
        if not tables or any(fnmatchcase(table, pattern) for pattern in tables.split()):
            return unit, text
    if column in ("low", "high", "se"):
        return "as the measurement", _ENDS[f"_{column}"].format("the measurement")
    for end, text in _ENDS.items():
        stem = column.removesuffix(end)
        if stem != column and meaning(stem, table)[1]:
            return f"as {stem}", text.format(stem)
    return "", ""
