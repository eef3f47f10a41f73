"""Lower confidence limits on total variation: one half of the data chooses a set, the other half bounds its two masses.

TV >= P(S) - Q(S) for every set S. Checked against TV <= sqrt(KL/2), a limit above the certificate would refute it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .arrays import Array, Random, generator, pair, to_numpy


def _upper(successes: int, trials: int, error: float) -> float:
    """One-sided Clopper-Pearson limits, this one and the next."""
    return 1.0 if successes == trials else float(stats.beta.ppf(1.0 - error, successes + 1, trials - successes))


def _lower(successes: int, trials: int, error: float) -> float:
    return 0.0 if successes == 0 else float(stats.beta.ppf(error, successes, trials - successes + 1))


def set_mass_gap(in_x: Array, in_y: Array, confidence: float = 0.95) -> float:
    """Lower limit on P(S) - Q(S), at least 0, from independent indicators (n,), (m,): Clopper-Pearson at half the error
    each.

    >>> round(set_mass_gap(np.arange(50) < 40, np.arange(60) < 10), 4)
    0.3776
    """
    in_x, in_y = np.asarray(in_x, dtype=bool), np.asarray(in_y, dtype=bool)
    error = (1.0 - confidence) / 2.0
    return max(_lower(int(in_x.sum()), in_x.size, error) - _upper(int(in_y.sum()), in_y.size, error), 0.0)


def tv_lower_from_labels(
    x: ArrayLike,
    y: ArrayLike | None,
    stream: Random,
    confidence: float = 0.95,
    weights: ArrayLike | None = None,
) -> float:
    """From integer labels (component indices, bins) of two samples; or y=None and the exact `weights` of the labels
    under Q.

    Raises:
        ValueError: both of y and weights, or neither.

    >>> round(tv_lower_from_labels([0] * 400, None, np.random.default_rng(0), weights=[0.5, 0.5]), 3)
    0.485
    """
    rng = generator(stream)
    labels = rng.permutation(np.asarray(x, dtype=np.int64))
    chosen, test = labels[::2], labels[1::2]
    if weights is not None and y is None:
        exact = to_numpy(weights)
        size = max(int(labels.max()) + 1, exact.size)
        exact = np.concatenate([exact, np.zeros(size - exact.size)])
        inside = np.bincount(chosen, minlength=size) / chosen.size > exact
        mass = float(exact[inside].sum())
        return max(_lower(int(inside[test].sum()), test.size, 1.0 - confidence) - mass, 0.0)
    if weights is not None or y is None:
        raise ValueError("y and weights: give exactly one of them")
    others = rng.permutation(np.asarray(y, dtype=np.int64))
    size = int(max(labels.max(), others.max())) + 1
    inside = (
        np.bincount(chosen, minlength=size) / chosen.size > np.bincount(others[::2], minlength=size) / others[::2].size
    )
    return set_mass_gap(inside[test], inside[others[1::2]], confidence)


def tv_lower_from_scores(x: Array, y: Array, stream: Random, confidence: float = 0.95) -> float:
    """From one or several fixed scores of each point, (n, q) and (m, q): the set {score <= or > c}, score and c chosen
    on one half.

    >>> x = np.random.default_rng(0).standard_normal(20_000)
    >>> 0.3 < tv_lower_from_scores(x[:10_000], x[10_000:] + 1.0, np.random.default_rng(1)) < 0.3829  # 2 Phi(1/2) - 1
    True
    """
    x, y = pair(x, y, 4)
    rng = generator(stream)
    x, y = rng.permutation(x), rng.permutation(y)
    best = (-1.0, 0, 0.0, False)  # gap, score, cut, whether the set lies below the cut
    for j in range(x.shape[1]):
        a, b = np.sort(x[::2, j]), np.sort(y[::2, j])
        cuts = np.unique(np.concatenate([a, b]))
        gap = np.searchsorted(a, cuts, side="right") / a.size - np.searchsorted(b, cuts, side="right") / b.size
        i = int(np.argmax(np.abs(gap)))
        best = max(best, (abs(float(gap[i])), j, float(cuts[i]), bool(gap[i] > 0)), key=lambda entry: entry[0])
    _, j, cut, below = best
    in_x, in_y = ((z[1::2, j] <= cut) == below for z in (x, y))
    return set_mass_gap(in_x, in_y, confidence)


def tv_lower_from_samples(
    x: Array, y: Array, stream: Random, confidence: float = 0.95, projections: int = 64, bins: int = 16
) -> float:
    """From binned projections of two samples (n, d), (m, d): direction and bins chosen on one half, their union tested
    on the other.

    Candidates: random directions, the axes, the difference of means, and the norm about the pooled mean; quantile bins.

    >>> x = np.random.default_rng(0).standard_normal((20_000, 3))
    >>> 0.3 < tv_lower_from_samples(x[:10_000], x[10_000:] + [1.0, 0, 0], np.random.default_rng(1)) < 0.3829
    True
    """
    x, y = pair(x, y, 4 * bins)
    rng = generator(stream)
    x, y = rng.permutation(x), rng.permutation(y)
    (x1, y1), (x2, y2) = (x[::2], y[::2]), (x[1::2], y[1::2])
    centre = np.concatenate([x1, y1]).mean(axis=0)
    axes = np.eye(x.shape[1])[:, : min(x.shape[1], projections)]
    theta = np.hstack(
        [rng.standard_normal((x.shape[1], projections)), axes, (x1.mean(axis=0) - y1.mean(axis=0))[:, None]]
    )

    def features(z: np.ndarray) -> np.ndarray:
        return np.hstack([(z - centre) @ theta, np.linalg.norm(z - centre, axis=1)[:, None]])

    def shares(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
        return np.bincount(np.searchsorted(edges, column), minlength=bins) / len(column)

    fx, fy = features(x1), features(y1)
    choices = []
    for j in range(fx.shape[1]):
        edges = np.quantile(np.concatenate([fx[:, j], fy[:, j]]), np.arange(1, bins) / bins)
        gap = shares(fx[:, j], edges) - shares(fy[:, j], edges)
        choices.append((float(gap.clip(min=0).sum()), j, edges, gap > 0))
    _, j, edges, inside = max(choices, key=lambda choice: choice[0])  # the first of equals
    in_x, in_y = (inside[np.searchsorted(edges, features(z)[:, j])] for z in (x2, y2))
    return set_mass_gap(in_x, in_y, confidence)
