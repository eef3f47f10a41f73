"""How tables become a number with an interval: the few rules shared by the verdicts of these experiments."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis.metrics.intervals import Estimate, binomial, mean

__all__ = ["across", "largest_deviation", "rejection_rate"]


def across(values, confidence: float = 0.95) -> Estimate:
    """Mean of independent repetitions with Student's t-interval."""
    return mean(np.asarray(values, dtype=float), confidence)


def rejection_rate(rows) -> Estimate:
    """Part of independent tests that reject, with the exact binomial interval."""
    return binomial(int(rows.rejects.sum()), len(rows))


def largest_deviation(value, standard_error, confidence: float = 0.95) -> Estimate:
    """max |value| over rows, with an interval that holds for all rows at once (Bonferroni)."""
    size, error = np.abs(np.asarray(value, dtype=float)), np.asarray(standard_error, dtype=float)
    width = stats.norm.ppf(0.5 + (1.0 - (1.0 - confidence) / size.size) / 2.0) * error
    low, high = np.maximum(size - width, 0.0).max(), (size + width).max()
    return Estimate(float(size.max()), float(low), float(high))
