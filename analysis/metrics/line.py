"""Exact Wasserstein distances between samples on the line, and from a sample to an exact quantile function."""

import numpy as np

from .arrays import values


def _quantile_gap(x, y, p):
    """mean |F^-1 - G^-1|^p over (0,1) along axis 0 of sorted samples (n, q), (m, q)."""
    n, m = x.shape[0], y.shape[0]
    if n == m:
        return np.mean(np.abs(x - y) ** p, axis=0)
    # integers: levels i/n and j/m on the common denominator n m, so that ties are exact
    cuts = np.unique(np.concatenate([np.arange(n + 1) * m, np.arange(m + 1) * n]))
    return np.diff(cuts) / (n * m) @ np.abs(x[cuts[:-1] // m] - y[cuts[:-1] // n]) ** p


def wasserstein_line(x, y, p=2):
    """W_p between two samples on the line (sizes may differ), exactly; p >= 1."""
    x, y = np.sort(values("x", x)), np.sort(values("y", y))
    return float(_quantile_gap(x[:, None], y[:, None], p)[0] ** (1.0 / p))


def quantile_cells(n, order=8):
    """(levels, weights, cell) to integrate over (0, 1) against the quantile function of n points: cell says which point is below.

    Gauss-Legendre inside each of the n cells; the two end cells, where a quantile function may be infinite, are refined geometrically.
    """
    nodes, weights = np.polynomial.legendre.leggauss(order)
    tail = np.concatenate([[0.0], 0.25 ** np.arange(12, -1, -1)]) / max(n, 2)
    edges = np.unique(np.concatenate([tail, np.arange(1, n) / n, 1.0 - tail]))
    half = np.diff(edges)[:, None] / 2
    levels = np.minimum(
        edges[:-1, None] + half * (nodes + 1), np.nextafter(1.0, 0.0)
    )  # rounding must not reach an infinite end
    cell = np.minimum(((edges[:-1] + half[:, 0]) * n).astype(int), n - 1)
    return levels, half * weights, cell


def wasserstein_to_quantile(sample, quantile, p=2, order=8):
    """W_p between a sample on the line (n,) and the law with this quantile function (vectorised callable on (0, 1)).

    int |F_n^-1 - Q|^p by quadrature, with an error far below the sampling error 1/sqrt(n).
    """
    x = np.sort(values("sample", sample))
    levels, weights, cell = quantile_cells(x.size, order)
    return float(
        np.sum(weights * np.abs(x[cell][:, None] - np.asarray(quantile(levels), dtype=float)) ** p) ** (1.0 / p)
    )
