"""The average over the noise level, for every law and prior, to a tolerance.

The prior's whole range is searched, from panel to panel (`manifolds.denoisers.panels`), which end at the prior's ends
and knots: one whose bound shows that it carries neither weight nor mean is left out, one whose weight is in a part of
it is narrowed to that part, and one whose two rules disagree is halved, until the errors of each point sum to the
tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch

from manifolds.core import take
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.panels import Panels, ask, ceiling, integrate

__all__ = ["Leaves", "QuadratureError", "begin", "bounds", "search"]

_NODES, _FEW = 24, 12  # of a panel, and of one that many normal coordinates make narrow
_WIDEST = 3.5  # panel that a search begins with, in log sigma
_SHRINK = 0.7  # a panel is narrowed where what matters is less than this part of it
_MANY = 20.0  # normal dimensions from which on a peak is narrower than a panel
_PEAK = 30.0  # how far log mu falls from the peak of the normal coordinates to the edges that are put around it
_ROUNDS = 120  # 24 decades are halved to the spacing of doubles in 60
# of the tolerance, that the two rules may differ by: both err alike now and then, by 1.3 times what they differ by in
# one of 220 random inputs
_PART = 0.2
_EPS = 2.0**-52
_ROUNDING = 50 * _EPS  # of a log density of size d, relative
_MOST_PANELS = 1 << 9  # to halve, a point: what needs more does not converge
_SLACK = 16.0  # of the log of the tolerance: what is left out is that much smaller
_MOST_HIDDEN = 50.0  # times a panel's mass: the most that its bound may hold
_CANCELLED = 1e-6  # where the means of levels cancel to less than this, the tolerance is of what cancels


class QuadratureError(ValueError):
    """The average over noise levels could not be made as accurate as asked.

    >>> raise QuadratureError("not to 1e-9")
    Traceback (most recent call last):
    ...
    manifolds.denoisers.noise_quadrature.QuadratureError: not to 1e-9
    """


class Leaves(NamedTuple):
    """Panels of a finished search, P of them.

    Attributes:
        row: (P,) their points.
        lo, hi: (P, 1) ends, offsets t.
        most: (P,) upper bounds of the log of their mass.
        panels: what was found on them.
    """

    row: torch.Tensor
    lo: torch.Tensor
    hi: torch.Tensor
    most: torch.Tensor
    panels: Panels

    @classmethod
    def joined(cls, parts: Sequence[Leaves]) -> Leaves:
        """The panels of all.

        >>> import manifolds
        >>> law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True)
        >>> mu = NoiseLikelihood(law, *law.statistics(torch.ones(1, 2).double()), (0.0, 1.0), None)
        >>> found = search(mu, 1e-6)
        >>> len(Leaves.joined([found, found]).row) == 2 * len(found.row)
        True
        """
        row, lo, hi, most = (torch.cat(values) for values in zip(*(part[:4] for part in parts)))
        return cls(row, lo, hi, most, Panels(*map(torch.cat, zip(*(part.panels for part in parts)))))

    def mean(self, points: int) -> torch.Tensor:
        """Coefficients (n, B) of the mean."""
        mass, sums = self.panels.sums(self.panels.weight * self._scale(points)[:, None])
        return _by_row(sums, self.row, points) / _by_row(mass, self.row, points)[:, None]

    def _scale(self, points: int) -> torch.Tensor:
        """(P,) factors that put all panels of a point on one scale."""
        log_scale = self.panels.log_scale
        return torch.exp(log_scale - _highest(log_scale, self.row, points)[self.row])


def _by_row(values: torch.Tensor, row: torch.Tensor, points: int) -> torch.Tensor:
    return values.new_zeros(points, *values.shape[1:]).index_add_(0, row, values)


def _highest(values: torch.Tensor, row: torch.Tensor, points: int) -> torch.Tensor:
    return values.new_full((points,), -math.inf).scatter_reduce(0, row, values, "amax")


def search(mu: NoiseLikelihood, tol: float, mean: bool = True) -> Leaves:
    """Panels on all that matters of the prior's range, for which the errors of each point sum to tol.

    Args:
        mean: judge by the mean, relative to it; otherwise by the mass and two moments of every panel.

    Raises:
        QuadratureError: the tolerance cannot be met.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True, scale=2.0)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.ones(1, 2).double()), (math.log(0.1), math.log(0.1001)), None)
    >>> search(mu, 1e-6).mean(1).round(decimals=4)  # of levels that are all nearly .1: 4/(4 + .01)
    tensor([[0.9975]], dtype=torch.float64)
    """
    n, tolerance = len(mu), max(_PART * tol, _ROUNDING * (mu.law.ambient_dim + 20.0))
    drop = _SLACK - math.log(tol)
    row, lo, hi = begin(mu, fine=not mean)
    best = best_mean = mu.rho2.new_full((n,), -math.inf)
    parts: list[Leaves] = []
    for _ in range(_ROUNDS):
        found = ask(mu.rows(row), lo, hi, _FEW if mu.fall >= _MANY else _NODES, mean)
        log_size = _log_size(mu, row, found) if mean else torch.zeros_like(found.t)
        top, log_most, steep = bounds(mu, row, found.t, found.log_p, found.log_mu)
        # L lies above its tangents: on one side of a node the posterior keeps its height for about 1/steep of log sigma
        higher = torch.maximum(found.log_mu[:, :-1], found.log_mu[:, 1:]) - torch.log(4.0 + steep)
        larger, smaller = (end(log_size[:, :-1], log_size[:, 1:]) for end in (torch.maximum, torch.minimum))
        best = torch.maximum(best, _highest(higher.amax(dim=1), row, n))
        best_mean = torch.maximum(best_mean, _highest((higher + smaller).amax(dim=1), row, n))
        least = best - drop - 64 * _EPS * best.abs()  # (a bound and a value may differ by rounding alone)
        least_mean = best_mean - drop - 64 * _EPS * best_mean.abs()
        keep = (log_most >= least[row][:, None]) | (log_most + larger >= least_mean[row][:, None])
        index = torch.arange(keep.shape[1], device=row.device)
        start, stop = torch.where(keep, index, len(index)).amin(1), torch.where(keep, index, -1).amax(1) + 1
        some = stop > start
        inner_lo = found.t.gather(1, start.clamp(max=len(index))[:, None])
        inner_hi = found.t.gather(1, stop.clamp(min=0)[:, None])
        shrink = some & (inner_hi - inner_lo < _SHRINK * (hi - lo))[:, 0] & _wide(mu, row, lo, hi)
        settled = take(Leaves(row, lo, hi, log_most.logsumexp(1), found), (some & ~shrink).nonzero()[:, 0])
        parts.append(_integrated(mu, settled, top.amax(dim=1)[some & ~shrink]))
        row, lo, hi = row[shrink], inner_lo[shrink], inner_hi[shrink]
        if len(row):
            continue
        leaves = Leaves.joined(parts)
        poor = _poor(mu, leaves, tolerance, mean)
        if not bool(poor.any()):
            return leaves
        split, parts = take(leaves, poor.nonzero()[:, 0]), [take(leaves, (~poor).nonzero()[:, 0])]
        middle = 0.5 * (split.lo + split.hi)
        if len(split.row) > _MOST_PANELS * n:
            break
        row = torch.cat([split.row, split.row])
        lo, hi = torch.cat([split.lo, middle]), torch.cat([middle, split.hi])
    count = len(row.unique() if len(row) else split.row.unique())
    raise QuadratureError(f"tol must be larger: the average over noise levels of {count} points misses {tol:.3g}")


def _integrated(mu: NoiseLikelihood, leaves: Leaves, limit: torch.Tensor) -> Leaves:
    """With weights. Polynomials through a log density that is too steep for them can rise above its bound (P,)."""
    found = integrate(mu.rows(leaves.row), leaves.lo, leaves.hi, leaves.panels)
    most = torch.where(found.log_scale > limit + 1.0, math.inf, leaves.most)
    return leaves._replace(most=most, panels=found._replace(log_scale=torch.minimum(found.log_scale, limit)))


def begin(mu: NoiseLikelihood, fine: bool = False) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(points (P,), ends (P, 1), (P, 1)): the range of every point, cut at the prior's knots and around the peak that
    the normal coordinates suggest, and if `fine` so that polynomials resolve that peak itself.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.ones(1, 2).double()), (0.0, 4.0), None)
    >>> [part.flatten().tolist() for part in begin(mu)]
    [[0, 0], [0.0, 2.0], [2.0, 4.0]]
    """
    device = mu.rho2.device
    knots = mu.prior.knots if mu.prior is not None else torch.tensor(mu.ends, dtype=torch.float64)
    edges = [knots[:1]]
    for a, b in zip(knots[:-1].tolist(), knots[1:].tolist()):
        edges.append(torch.linspace(a, b, math.ceil((b - a) / _WIDEST) + 1, dtype=torch.float64)[1:])
    offsets = torch.cat(edges).to(device) - mu.centre
    if (
        mu.law.core.absorbs_normal and mu.prior is not None
    ):  # peaks as narrow as d makes them, at known levels: nodes at the edges see them
        peaks = 0.5 * torch.log(mu.law.core.level_hints(mu.stats, mu.rho2, 0).clamp(min=1e-300)) - mu.centre
        peaks = torch.minimum(torch.maximum(peaks, mu.lo), mu.hi)
        offsets = torch.cat([offsets, peaks], dim=1).sort(dim=1).values
    elif mu.fall >= _MANY:
        ends = [sign * _extent(mu.ratio, mu.fall, sign) for sign in (-1.0, 1.0)]
        parts = [0.5 * ends[0], 0.0 * ends[0], 0.5 * ends[1]] if fine else []
        around = torch.minimum(torch.maximum(torch.cat([*ends, *parts], dim=1), mu.lo), mu.hi)
        offsets = torch.cat([offsets, around], dim=1).sort(dim=1).values
    row = torch.arange(len(mu), device=device).repeat_interleave(offsets.shape[1] - 1)
    lo, hi = offsets[:, :-1].reshape(-1, 1), offsets[:, 1:].reshape(-1, 1)
    some = (hi > lo)[:, 0].nonzero()[:, 0]
    return row[some], lo[some], hi[some]


def _extent(ratio: torch.Tensor, fall: float, sign: float) -> torch.Tensor:
    """About the distance (n, 1) from its peak at which fall t + ratio expm1(-2 t), convex, has grown by _PEAK
    (Newton)."""
    slope = sign * (fall - 2.0 * ratio)
    t = 2.0 * _PEAK / (slope + torch.sqrt(slope * slope + 8.0 * _PEAK * ratio) + 1e-300)
    for _ in range(3):
        step = sign * t
        value = fall * step + ratio * torch.expm1(-2.0 * step) - _PEAK
        t = (t - sign * value / (fall - 2.0 * ratio * torch.exp(-2.0 * step))).clamp_(min=0.0)
    return torch.nan_to_num(t, nan=0.0)


def _wide(mu: NoiseLikelihood, row: torch.Tensor, lo: torch.Tensor, hi: torch.Tensor) -> torch.Tensor:
    """Which panels (P,) are wide enough for levels in them to differ."""
    return (hi - lo > 4e-15 * (1.0 + (mu.centre[row] + lo).abs()))[:, 0]


def _log_size(mu: NoiseLikelihood, row: torch.Tensor, found: Panels) -> torch.Tensor:
    """log |f_sigma| at the nodes, (P, q), up to a constant of each point."""
    coef = found.coef
    if coef.shape[-1] == 1:
        size = coef[..., 0].abs()
    else:
        q = coef.shape[1]
        stats = take(mu.stats, row.repeat_interleave(q))
        size = mu.law.core.assemble(stats, coef.reshape(-1, coef.shape[-1])).norm(dim=1).reshape(-1, q)
    return torch.log(size.clamp(min=1e-300))


def bounds(
    mu: NoiseLikelihood, row: torch.Tensor, t: torch.Tensor, log_p: torch.Tensor, log_mu: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(upper bounds of log mu between neighbouring nodes and of the log of its mass there, bounds of its slope), each
    (P, q - 1).

    No panel holds a knot of the prior inside.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True)
    >>> mu = NoiseLikelihood(law, *law.statistics(torch.ones(1, 2).double()), (0.0, 4.0), None)
    >>> t = torch.linspace(0.0, 1.0, 3).double()[None]
    >>> log_p, between = mu.core(t, 0).log_p, torch.tensor([[0.25, 0.75]]).double()
    >>> top, *_ = bounds(mu, torch.zeros(1, dtype=torch.int64), t, log_p, mu.known(t) + log_p)
    >>> bool((top >= mu.known(between) + mu.core(between, 0).log_p).all())
    True
    """
    fall, slope = float(mu.normal_dim + mu.kernel_dim), torch.zeros_like(t[:, :1])
    if mu.prior is not None:
        slope = mu.prior.slope(mu.centre[row] + 0.5 * (t[:, :1] + t[:, -1:]))
    step = t.diff(dim=1)
    rate = (log_p.diff(dim=1) + mu.kernel_dim * step).div_(-torch.expm1(-2.0 * step)).clamp_(min=0.0)
    rate = torch.nan_to_num(rate).addcmul_(mu.ratio[row], torch.exp(-2.0 * t[:, :-1]))
    top, log_mass = ceiling(log_mu[:, :-1], fall - slope, rate, step)
    return top, log_mass, fall + slope.abs() + 2.0 * rate


def _poor(mu: NoiseLikelihood, leaves: Leaves, tol: float, mean: bool) -> torch.Tensor:
    """Which panels (P,) to halve: those that carry the error of a point whose errors sum to more than tol."""
    n, row, scale = len(mu), leaves.row, leaves._scale(len(mu))[:, None]
    mass, sums = leaves.panels.sums(leaves.panels.weight * scale)
    second, other = leaves.panels.sums(leaves.panels.second * scale)
    total = _by_row(mass, row, n)[row]
    if mean:
        stats, assemble = take(mu.stats, row), mu.law.core.assemble
        average = _by_row(sums, row, n)[row] / total[:, None]
        gap = (sums - other) - average * (mass - second)[:, None]
        size = assemble(stats, average).norm(dim=1)
        parts = _by_row(assemble(stats, sums).norm(dim=1), row, n)[row] / total
        size = torch.maximum(size, _CANCELLED * parts).clamp(min=mu.law.core.rounding / tol)
        error = assemble(stats, gap).norm(dim=1) / (total * size).clamp(min=1e-300)
    else:
        error = ((mass - second).abs() + (sums - other).abs().sum(dim=1)) / total
    hidden = torch.exp(leaves.most - leaves.panels.log_scale) * scale[:, 0]
    error = torch.where(hidden <= _MOST_HIDDEN * mass + tol * total, error, math.inf)
    error = torch.where(_wide(mu, row, leaves.lo, leaves.hi), torch.nan_to_num(error, nan=math.inf), 0.0)
    ranked, count = _by_row(error, row, n), _by_row(torch.ones_like(error), row, n)
    return (ranked > tol)[row] & (error > (0.3 * tol / count)[row])
