"""Curves out of tidy rows, and intervals (value, low, high) for the largest of several measured values."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["Interval", "curve", "joint", "largest", "largest_of", "of", "widest", "worst"]

Interval = tuple[float, float, float]  # the value, and the ends of its 95 % interval


def of(table: pandas.DataFrame, measure: str, series: str | None = None) -> pandas.DataFrame:
    """The rows of one measure, of all series or of one."""
    rows = table[table.measure == measure]
    return rows if series is None else rows[rows.series == series]


def curve(table: pandas.DataFrame, measure: str, series: str = "") -> pandas.DataFrame:
    """value and se of one measure at the levels of one cell, level by level."""
    return of(table, measure, series).set_index("level").sort_index()[["value", "se"]]


def largest(values: ArrayLike, errors: ArrayLike, absolute: bool = False) -> Interval:
    """The largest of several measured values with a simultaneous 95 % interval (Bonferroni).

    >>> largest([1.0, 3.0, 2.0], [0.0, 0.0, 0.0])
    (3.0, 3.0, 3.0)
    """
    values, errors = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    values = np.abs(values) if absolute else values
    z = stats.norm.ppf(1.0 - 0.025 / len(values))
    return float(values.max()), float((values - z * errors).max()), float((values + z * errors).max())


def largest_of(rows: pandas.DataFrame) -> Interval:
    """`largest` of the rows' values."""
    return largest(rows.value, rows.se)


def widest(rows: pandas.DataFrame) -> Interval:
    """`largest` of the rows' sizes."""
    return largest(rows.value, rows.se, absolute=True)


def worst(rows: pandas.DataFrame) -> float:
    """The level of a curve's largest size."""
    return float(rows.index[int(rows.value.abs().to_numpy().argmax())])


def joint(intervals: Iterable[Interval], pick: Callable[[Iterable[float]], float] = max) -> Interval:
    """Of several intervals the largest (or least) value, low end and high end."""
    value, low, high = (pick(column) for column in zip(*intervals, strict=True))
    return value, low, high
