"""Exponents: regressions in logarithms over the cells' tables, each with a 95 % interval; how verdicts read them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas

from analysis.metrics.fits import log_log_slope, power_law
from analysis.metrics.intervals import Estimate
from analysis.runs import Control
from analysis.runs.experiment import Tables

__all__ = ["COLUMNS", "control", "fit", "fit_jointly", "fit_rows", "fit_row"]

COLUMNS = ["quantity", "law", "against", "held", "exponent", "low", "high", "points"]


def fit_row(quantity: str, law: str, against: str, found: Estimate, points: int, held: str = "") -> dict:
    """A row of the table of exponents: quantity ~ against^exponent for a law, at what is held."""
    row = {"quantity": quantity, "law": law, "against": against, "held": held, "exponent": found.value}
    return row | {"low": found.low, "high": found.high, "points": points}


def fit_rows(
    table: pandas.DataFrame,
    quantity: str,
    column: str,
    against: str,
    held: list[str],
    se: str | None = None,
    divide: str | None = None,
) -> Iterator[dict]:
    """One fit for each law and each value of the held variables, column ~ against^exponent, where points are enough."""
    for key, group in table.groupby(["law", *held], sort=True):
        group = group[group[column].map(math.isfinite) & (group[column] > 0)]
        scale = 1.0 if divide is None else group[divide]
        found = _slope(
            group[against].to_numpy(float),
            (group[column] / scale).to_numpy(float),
            None if se is None else (group[se] / scale).to_numpy(float),
        )
        if found:
            at = ", ".join(f"{name}={value:g}" for name, value in zip(held, key[1:]))
            yield fit_row(quantity, str(key[0]), against, *found, at)


def _slope(x: np.ndarray, y: np.ndarray, se: np.ndarray | None = None) -> tuple[Estimate, int] | None:
    """The fitted exponent and the number of points, None where there are too few points to fit."""
    if len(x) < 3 or len(set(x)) < 3:
        return None
    try:
        fit = log_log_slope(x, y, standard_error=se)
    except ValueError:
        return None
    return fit.slope, fit.points


def fit_jointly(table: pandas.DataFrame, quantity: str) -> Iterator[dict]:
    """steps ~ k^p d^q over all cells of a law, for each eps."""
    for (law, eps), group in table[table["steps"].map(math.isfinite)].groupby(["law", "eps"], sort=True):
        columns = {name: group[name].to_numpy(float) for name in ("dim", "ambient") if group[name].nunique() > 1}
        if len(columns) < 2 or len(group) < 5:
            continue
        for name, found in power_law(columns, group["steps"].to_numpy(float)).items():
            yield fit_row(quantity, str(law), name, found, len(group), f"eps={eps:g}, jointly")


def fit(tables: Tables, quantity: str, against: str | None = None, law: str | None = None) -> pandas.DataFrame:
    """The rows of `scaling_fits` for a quantity, and for one variable and one law if these are given."""
    table = tables["scaling_fits"]
    table = table[table["quantity"] == quantity]
    for column, wanted in (("against", against), ("law", law)):
        table = table if wanted is None else table[table[column] == wanted]
    return table


def fit_names(table: pandas.DataFrame) -> list[str]:
    """Each row's law and what is held, for people."""
    columns = (table[c].astype(str) for c in ("law", "against", "held"))
    return [", ".join(w for w in (law, f"in {against}", held) if w) for law, against, held in zip(*columns)]


def control(kind: str, what: str, low: pandas.Series, high: pandas.Series) -> Control:
    """A control over cells: the widest interval."""
    return Control(kind, what, float(low.min()), float(high.max()))
