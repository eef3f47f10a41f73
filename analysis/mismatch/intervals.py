"""Rows of a table as (value, low, high)."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["ends", "farthest"]


def ends(row: pd.Series, name: str) -> tuple[float, float, float]:
    return tuple(float(row[name + end]) for end in ("", "_low", "_high"))


def farthest(rows: pd.DataFrame, name: str, from_: float) -> tuple[float, float, float] | None:
    """(value, low, high) of the row whose interval reaches farthest from a number; None without rows."""
    if not len(rows):
        return None
    reach = np.maximum((rows[name + "_low"] - from_).abs(), (rows[name + "_high"] - from_).abs())
    return ends(rows.loc[reach.idxmax()], name)
