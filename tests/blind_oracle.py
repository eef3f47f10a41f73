"""The average over noise levels by brute force: no code of the quadrature, only the law's posterior at a level.

Gauss-Legendre panels of log sigma, cut at the prior's ends and knots and ever closer to every level at which something
could peak, each halved until its halves agree with the whole.
"""

from __future__ import annotations

import math

import numpy as np
import torch

__all__ = ["blind_average", "likeliest", "log_prior"]

_X, _W = np.polynomial.legendre.leggauss(20)


def log_prior(kind: str, values: tuple, s: np.ndarray) -> np.ndarray:
    """Log density of s = log sigma, up to a constant: ("power", (e, low, high)) or ("tabulated", (levels, logs))."""
    if kind == "power":
        return (values[0] + 1.0) * s
    knots, logs = np.log(values[0]), np.asarray(values[1], dtype=float)
    return np.interp(s, knots, logs) + s


class _Point:
    def __init__(self, law, y, kind, values):
        self.law, self.kind, self.values = law, kind, values
        self.stats, rho2 = law.statistics(y)
        self.rho2 = float(rho2)
        self.whole = law.core.absorbs_normal
        self.n = 0 if self.whole else law.space.normal_dim
        ends = (values[1], values[2]) if kind == "power" else (values[0][0], values[0][-1])
        self.low, self.high = math.log(ends[0]), math.log(ends[1])
        self.at = 0.0
        self.at = self._reference()

    def levels(self) -> list[float]:
        """Where something could peak."""
        u2 = float(sum((v.double() ** 2).sum() for v in self.stats if isinstance(v, torch.Tensor) and v.ndim == 2))
        out = []
        slope = self.values[0] + 1.0 if self.kind == "power" else 0.0
        for square in (self.rho2, self.rho2 + u2, u2):
            for count in (self.n - slope, self.law.ambient_dim - slope, self.law.ambient_dim, self.n):
                if square > 0 and count > 0:
                    out.append(0.5 * math.log(square / count))
        if self.whole:  # each scale's own explanation of |y|^2/d
            left = self.rho2 / self.law.ambient_dim - self.law.core.scales.numpy() ** 2
            out += [0.5 * math.log(square) for square in left if square > 0]
        return [min(max(v, self.low), self.high) for v in out] or [self.low]

    def _reference(self) -> float:
        levels = self.levels()
        return levels[int(np.argmax([self.log_mu(np.array([v]), 0)[0][0] for v in levels]))]

    def log_mu(self, s: np.ndarray, order: int = 1):
        """(log mu less its value at the reference level where that is large, coefficients)."""
        sigma = torch.from_numpy(np.exp(np.clip(s, self.low, self.high)))[None]
        post = self.law.core.posterior(self.stats, sigma, order)
        log_p = post.log_p[0].numpy()
        if self.n:
            gap = s - self.at
            with np.errstate(over="ignore"):
                ratio = 0.5 * self.rho2 * math.exp(-2.0 * self.at)
                log_p = log_p - self.n * gap - (ratio * np.expm1(-2.0 * gap) if ratio else 0.0)
        log_p = log_p + log_prior(self.kind, self.values, s)
        return np.nan_to_num(log_p, nan=-np.inf, neginf=-np.inf), post.coef[0].numpy() if order else None


def rounding(law) -> float:
    """What no float64 answer can tell from zero: atoms are float64 numbers, and those moved by eps/2 move a mean of
    theirs by up to R eps/2; sums of N of them round about sqrt(log N) times as often. Other laws' means are products,
    right to relative eps."""
    return 8.0 * 2.0**-52 * law.radius if hasattr(law.core, "points") else 0.0


def likeliest(law, y, low, high):
    """(log sigma of the greatest likelihood in [low, high] by grids that close in on every candidate, log likelihood
    as a function of log sigma up to a constant)."""
    point = _Point(law, y, "power", (-1.0, low, high))  # flat in log sigma
    narrow = 1.0 / math.sqrt(2.0 * law.ambient_dim)
    grids = [np.linspace(point.low, point.high, 2001)]
    for level in {*point.levels(), point.low, point.high}:
        grids.append(level + narrow * np.concatenate([-(3.0 ** np.arange(-3.0, 40.0)), 3.0 ** np.arange(-3.0, 40.0)]))
    grid = np.unique(np.clip(np.concatenate(grids), point.low, point.high))
    values = point.log_mu(grid, 0)[0]
    found = []
    peaks = [i for i in range(len(grid)) if values[i] >= values[max(i - 1, 0) : i + 2].max()]
    for i in sorted(peaks, key=lambda i: -values[i])[:8]:
        a, b = grid[max(i - 1, 0)], grid[min(i + 1, len(grid) - 1)]
        for _ in range(12):
            fine = np.linspace(a, b, 41)
            top = int(np.argmax(point.log_mu(fine, 0)[0]))
            a, b = fine[max(top - 1, 0)], fine[min(top + 1, 40)]
        found.append(fine[top])
    heights = point.log_mu(np.array(found), 0)[0]
    return found[int(np.argmax(heights))], lambda s: float(point.log_mu(np.array([s]), 0)[0][0])


def blind_average(law, y, kind, values, accuracy=3e-12):
    """(f*(y) in core coordinates (m,), the mean of |f_sigma(y)| over the levels), for one point y (1, width)."""
    point = _Point(law, y, kind, values)
    edges = {point.low, point.high}
    if kind == "tabulated":
        edges |= set(np.log(values[0]).tolist())
    narrow = 1.0 / math.sqrt(2.0 * (law.ambient_dim + 30))
    for level in {*point.levels(), point.low, point.high}:
        for power in range(-30 if level in (point.low, point.high) else -3, 60):
            step = narrow * 3.0**power
            if step < 1e-15 * (1.0 + abs(level)):
                continue
            if step > point.high - point.low:
                break
            edges |= {e for e in (level - step, level + step) if point.low < e < point.high}
    edges = np.array(sorted(edges))
    # a peak of the core's own: zoom on the highest of a grid
    a, b = point.low, point.high
    for _ in range(12):
        grid = np.linspace(a, b, 65)
        top = int(np.argmax(point.log_mu(grid, 0)[0]))
        a, b = grid[max(top - 1, 0)], grid[min(top + 1, 64)]
        edges = np.concatenate([edges, [a, grid[top], b]])
        if b - a < 0.1 * narrow:
            break
    edges = np.unique(edges)
    wide = [np.linspace(p, q, max(int(math.ceil((q - p) / 0.7)), 1) + 1)[:-1] for p, q in zip(edges[:-1], edges[1:])]
    edges = np.concatenate([*wide, edges[-1:]])
    lo, hi = edges[:-1], edges[1:]
    places = np.concatenate([edges, 0.5 * (lo + hi)])
    log_mu = point.log_mu(places, 0)[0]
    scale, best = np.max(log_mu), places[np.argmax(log_mu)]

    def size(coef):  # norms of means, so that coefficients are compared where they count
        return law.core.assemble(_repeat(point.stats, len(coef)), torch.from_numpy(np.array(coef))).numpy()

    def panels(lo, hi):
        s = 0.5 * (hi + lo)[:, None] + 0.5 * (hi - lo)[:, None] * _X
        log_mu, coef = point.log_mu(s.ravel())
        coef = np.broadcast_to(coef, (log_mu.size, coef.shape[-1]))
        w = np.exp(log_mu.reshape(s.shape) - scale) * (_W * 0.5 * (hi - lo)[:, None])
        vectors = size(coef)
        # (what rounding does to the mass, last)
        noise = 1e-15 * np.einsum("pq,pq->p", w, np.abs(np.maximum(log_mu, -1e200).reshape(s.shape)) + 100.0)
        return (
            w.sum(1),
            np.einsum("pq,pqm->pm", w, vectors.reshape(*s.shape, -1)),
            (w * np.linalg.norm(vectors, axis=1).reshape(s.shape)).sum(1),
            noise,
        )

    total, vector, length = 0.0, 0.0, 0.0
    found = panels(lo, hi)
    mass_all = max(found[0].sum(), 1e-300)
    # (where means are 0 by symmetry, what rounding leaves of them does not converge)
    length_all = max(found[2].sum(), 1e-300) + mass_all * rounding(law) / accuracy
    before = np.full(len(lo), np.inf)
    for _ in range(60):
        middle = 0.5 * (lo + hi)
        left, right = panels(lo, middle), panels(middle, hi)
        sums = [a + b for a, b in zip(left, right)]
        off = np.abs(sums[0] - found[0]) / mass_all + np.linalg.norm(sums[1] - found[1], axis=1) / length_all
        assert np.isfinite(off).all() and len(lo) < 20000, "the oracle has no number"
        done = (off <= accuracy + sums[3] / mass_all) | (hi - lo < 1e-15 * (1 + np.abs(lo)))
        # halving divides an error of quadrature by thousands; what it does not divide is the law's own rounding
        done |= (off < 1e-10) & (off > 0.1 * before)
        total, vector = total + sums[0][done].sum(), vector + sums[1][done].sum(0)
        length = length + sums[2][done].sum()
        if done.all():
            if total == 0.0:  # a peak narrower than float64 tells levels apart: all weight is at its level
                vector, total = size(point.log_mu(np.array([best]))[1])[0], 1.0
                length = np.linalg.norm(vector)
            return vector / total, length / total
        some = ~done
        before = np.concatenate([off[some], off[some]])
        found = tuple(np.concatenate([a[some], b[some]]) for a, b in zip(left, right))
        lo, hi = np.concatenate([lo[some], middle[some]]), np.concatenate([middle[some], hi[some]])
    raise AssertionError("the oracle did not converge")


def _repeat(stats, n):
    return type(stats)(*(_repeat_one(v, n) for v in stats))


def _repeat_one(value, n):
    if isinstance(value, torch.Tensor):
        return value.expand(n, *value.shape[1:])
    if isinstance(value, tuple):
        parts = [_repeat_one(v, n) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
