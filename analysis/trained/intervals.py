"""Intervals for the largest of several measured values."""

from __future__ import annotations

import numpy as np
from scipy import stats

__all__ = ["largest"]


def largest(values, errors, absolute: bool = False) -> tuple[float, float, float]:
    """The largest of several measured values with a simultaneous 95 % interval (Bonferroni)."""
    values, errors = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    values = np.abs(values) if absolute else values
    z = stats.norm.ppf(1.0 - 0.025 / len(values))
    return float(values.max()), float((values - z * errors).max()), float((values + z * errors).max())
