"""Total variation between sampled component counts and known weights, with a conservative interval."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis.metrics.intervals import Estimate

__all__ = ["total_variation_interval"]


def total_variation_interval(counts: np.ndarray, weights: tuple[float, ...]) -> Estimate:
    """TV = (1/2) sum_j |p_j - w_j| of the law that counts (J,) were drawn from.

    Clopper-Pearson limits for each p_j at 5 % / J (Bonferroni) bound |p_j - w_j| from both sides at once.
    """
    total, error = counts.sum(), 0.05 / len(counts)
    low = [stats.beta.ppf(error / 2, c, total - c + 1) if c > 0 else 0.0 for c in counts]
    high = [stats.beta.ppf(1 - error / 2, c + 1, total - c) if c < total else 1.0 for c in counts]
    near = [max(a - w, w - b, 0.0) for a, b, w in zip(low, high, weights)]
    far = [max(abs(a - w), abs(b - w)) for a, b, w in zip(low, high, weights)]
    value = 0.5 * float(np.abs(counts / total - np.asarray(weights)).sum())
    return Estimate(value, min(0.5 * float(sum(near)), value), max(min(0.5 * float(sum(far)), 1.0), value))
