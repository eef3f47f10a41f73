"""Lower confidence limits on total variation: one half of the data chooses a set, the other half bounds its two masses.

TV >= P(S) - Q(S) for every set S. Checked against TV <= sqrt(KL/2), a limit above the certificate would refute it.
"""

import math

import numpy as np
from scipy import stats

from .arrays import generator, pair, to_numpy


def _upper(successes, trials, error):
    return 1.0 if successes == trials else float(stats.beta.ppf(1.0 - error, successes + 1, trials - successes))


def _lower(successes, trials, error):
    return 0.0 if successes == 0 else float(stats.beta.ppf(error, successes, trials - successes + 1))


def set_mass_gap(in_x, in_y, confidence=0.95):
    """Lower limit on P(S) - Q(S) from independent indicators, one-sided Clopper-Pearson limits at half the error each; at least 0."""
    in_x, in_y = np.asarray(in_x, dtype=bool), np.asarray(in_y, dtype=bool)
    error = (1.0 - confidence) / 2.0
    return max(_lower(int(in_x.sum()), in_x.size, error) - _upper(int(in_y.sum()), in_y.size, error), 0.0)


def tv_lower_from_labels(x, y, stream, confidence=0.95, weights=None):
    """From integer labels (component indices, bins) of two samples; or y=None and the exact `weights` of the labels under Q."""
    rng = generator(stream)
    x = rng.permutation(np.asarray(x, dtype=np.int64))
    if (y is None) == (weights is None):
        raise ValueError("y and weights: give exactly one of them")
    size = int(x.max()) + 1 if y is None else int(max(x.max(), np.max(y))) + 1
    chosen, test = x[::2], x[1::2]
    share = np.bincount(chosen, minlength=size) / chosen.size
    if y is None:
        weights = np.concatenate([to_numpy(weights), np.zeros(max(0, size - len(weights)))])
        share = np.concatenate([share, np.zeros(len(weights) - share.size)])
        inside = share > weights
        return max(_lower(int(inside[test].sum()), test.size, 1.0 - confidence) - float(weights[inside].sum()), 0.0)
    y = rng.permutation(np.asarray(y, dtype=np.int64))
    inside = share > np.bincount(y[::2], minlength=size) / y[::2].size
    return set_mass_gap(inside[test], inside[y[1::2]], confidence)


def tv_lower_from_scores(x, y, stream, confidence=0.95):
    """From one or several fixed scores of each point, (n, q) and (m, q): the set {score <= or > c}, score and c chosen on one half."""
    x, y = pair(x, y, 4)
    rng = generator(stream)
    x, y = rng.permutation(x), rng.permutation(y)
    best = (-1.0, 0, 0.0, False)
    for j in range(x.shape[1]):
        a, b = np.sort(x[::2, j]), np.sort(y[::2, j])
        cuts = np.unique(np.concatenate([a, b]))
        gap = np.searchsorted(a, cuts, side="right") / a.size - np.searchsorted(b, cuts, side="right") / b.size
        i = int(np.argmax(np.abs(gap)))
        best = max(best, (abs(float(gap[i])), j, float(cuts[i]), bool(gap[i] > 0)), key=lambda entry: entry[0])
    _, j, cut, below = best
    inside = lambda z: (z[1::2, j] <= cut) == below
    return set_mass_gap(inside(x), inside(y), confidence)


def tv_lower_from_samples(x, y, stream, confidence=0.95, projections=64, bins=16):
    """From binned projections of two samples (n, d), (m, d): direction and bins chosen on one half, their union tested on the other.

    Candidates: random directions, the axes, the difference of means, and the norm about the pooled mean; quantile bins.
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
    features = lambda z: np.hstack([(z - centre) @ theta, np.linalg.norm(z - centre, axis=1)[:, None]])
    fx, fy = features(x1), features(y1)
    best, choice = -math.inf, None
    for j in range(fx.shape[1]):
        edges = np.quantile(np.concatenate([fx[:, j], fy[:, j]]), np.arange(1, bins) / bins)
        gap = np.bincount(np.searchsorted(edges, fx[:, j]), minlength=bins) / len(fx) - np.bincount(
            np.searchsorted(edges, fy[:, j]), minlength=bins
        ) / len(fy)
        if gap.clip(min=0).sum() > best:
            best, choice = gap.clip(min=0).sum(), (j, edges, gap > 0)
    j, edges, inside = choice
    indicator = lambda z: inside[np.searchsorted(edges, features(z)[:, j])]
    return set_mass_gap(indicator(x2), indicator(y2), confidence)
