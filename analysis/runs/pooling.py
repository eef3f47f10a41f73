"""Rows of several seeds made into one row a cell.

Seeds share one budget, so they are weighted alike: weights from estimated variances would favour the seed that happened
to come out small. A value with an interval is the mean of the seeds' values; each half width is the root mean square of
theirs over the root of their number, as for independent errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas

__all__ = ["SEED", "of_seed", "pool"]

SEED = "seed"
_NUMERIC = "biufc"


def of_seed(table: pandas.DataFrame, seed: int) -> pandas.DataFrame:
    """The rows of one seed, without the column that names it; all rows where there is no such column."""
    if SEED not in table:
        return table
    return table[table[SEED] == seed].drop(columns=SEED).reset_index(drop=True)


def pool(table: pandas.DataFrame, params: Sequence[str], values: Mapping[str, str] | None = None) -> pandas.DataFrame:
    """One row where the seeds have one each.

    Columns `x`, `x_low`, `x_high` are a value and its interval, `x_se` is a standard error; other numbers are averaged,
    and what is no number must be the same for all seeds. Rows that do not depend on the seed stay as they are.

    Args:
        table: rows with a column `seed`; each seed has the same cells, with equally many rows each.
        params: the columns that name a cell.
        values: where the value between `p_low` and `p_high` is not the column `p`: p -> its name.

    Raises:
        ValueError: seeds with different cells, or text that differs between seeds.
    """
    if SEED not in table:
        return table
    seeds = list(dict.fromkeys(table[SEED]))
    parts = [of_seed(table, s) for s in seeds]
    for seed, part in zip(seeds[1:], parts[1:], strict=True):
        if len(part) != len(parts[0]) or not part[list(params)].equals(parts[0][list(params)]):
            raise ValueError(f"seed {seed} has other cells than seed {seeds[0]}")
    if all(part.equals(parts[0]) for part in parts[1:]):
        return parts[0]
    pooled = {}
    for column in parts[0].columns:
        pooled[column] = _column(column, parts, params, values or {})
    return pandas.DataFrame(pooled)


def _column(column: str, parts: Sequence[pandas.DataFrame], params: Sequence[str], values: Mapping[str, str]):
    first = parts[0][column]
    if column in params:
        return first
    if not all(part[column].dtype.kind in _NUMERIC for part in parts):
        if all(part[column].equals(first) for part in parts[1:]):
            return first
        raise ValueError(f"column {column!r} is no number and differs between seeds")
    found = np.array([part[column].to_numpy(float) for part in parts])
    stem, _, end = column.rpartition("_")
    if end in ("low", "high"):
        value = values.get(stem, stem)
        if value in parts[0]:
            middle = np.array([part[value].to_numpy(float) for part in parts])
            side = np.sqrt(((found - middle) ** 2).mean(axis=0) / len(parts))
            return middle.mean(axis=0) + (side if end == "high" else -side)
        if (found == found[0]).all():  # bounds of a number, not of a measurement
            return first
        raise ValueError(f"column {column!r} is the end of an interval around no column")
    if end == "se":
        return np.sqrt((found**2).mean(axis=0) / len(parts))
    return first if (found == found[0]).all() else found.mean(axis=0)
