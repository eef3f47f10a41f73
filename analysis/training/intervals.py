"""Curves over noise levels out of tidy rows, and intervals for the largest of several measured values."""

from __future__ import annotations

import numpy as np
import pandas
from scipy import stats

__all__ = ["curve", "largest", "widest"]


def largest(values, errors, absolute: bool = False) -> tuple[float, float, float]:
    """The largest of several measured values with a simultaneous 95 % interval (Bonferroni)."""
    values, errors = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    values = np.abs(values) if absolute else values
    z = stats.norm.ppf(1.0 - 0.025 / len(values))
    return float(values.max()), float((values - z * errors).max()), float((values + z * errors).max())


def curve(table: pandas.DataFrame, measure: str, series: str = "") -> pandas.DataFrame:
    """value and se of one measure at the levels of one cell, level by level."""
    rows = table[(table.measure == measure) & (table.series == series)]
    return rows.set_index("level").sort_index()[["value", "se"]]


def widest(rows: pandas.DataFrame) -> tuple[float, float, float]:
    """`largest` of the sizes in a curve."""
    return largest(rows.value, rows.se, absolute=True)
