"""One quadrature over the noise level, for every law and prior.

A first try puts one panel (`manifolds.denoisers.panels`) on the peak that the normal coordinates and the prior make
together, and is kept where its two rules agree and what lies outside is bounded to be negligible, on both sides. For all
other points the prior's whole range is searched, from panel to panel: one whose bound shows that it carries no weight is
left out, one whose weight is in a part of it is narrowed to that part, and one whose two rules disagree is halved, until
the errors of each point sum to the tolerance. Panels end at the prior's ends and knots.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from manifolds.core import take
from manifolds.denoisers.likelihood import NoiseLikelihood
from manifolds.denoisers.panels import Panels, Rule, ceiling, evaluate, rule

__all__ = ["Leaves", "QuadratureError", "begin", "bounds", "first_nodes", "on_one_panel", "search"]

_NODES = 12  # of a panel of the search
_WIDEST = 2.4  # panel that a search begins with, in log sigma
_SHRINK = 0.7  # a panel is narrowed where what matters is less than this part of it
_FAR = 0.5  # beyond the first panel's end: the level at which the chord that bounds its upper tail ends
_MANY = 20.0  # normal dimensions from which on a peak is narrower than a panel
_ROUNDS = 120  # 24 decades are halved to the spacing of doubles in 60
_MOST_HIDDEN = 50.0  # times a panel's mass: the most that its bound may hold
# weight outside the first panel, as a fraction of the tolerance, and how far below its peak a panel of it ends
_OUTSIDE, _BELOW = 0.1, 6.0


class QuadratureError(ValueError):
    """The average over noise levels could not be made as accurate as asked."""


def first_nodes(mu_dim: int, fall: float, tol: float, most: int) -> int | None:
    """How many nodes a panel of +-7 standard deviations is worth trying with; None where more than `most`.

    A guess, that costs time where it is wrong and nothing else: the core's log density, of size m, is analytic to a
    distance pi/4 from real log sigma, and its effect on the mean is of the order of the peak's width.
    """
    if fall < 8.0:
        return None
    width = 1.0 / math.sqrt(2.0 * fall)
    z = 0.25 * math.pi / (0.5 * math.sqrt(2.0 * (_BELOW - math.log(tol))) * width)
    per_degree = math.log(z + math.sqrt(1.0 + z * z))
    need = 2 + math.ceil((math.log(max(mu_dim * width, 1.0)) - math.log(tol)) / per_degree)
    return max(need, 4) if need <= most else None


def on_one_panel(mu: NoiseLikelihood, q: int, tol: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(coefficients (n, B) of the mean, which points (n,) they serve to relative error tol), for priors of one power law."""
    fall, drop = mu.normal_dim - mu.exponent, _BELOW - math.log(tol)
    left = torch.minimum(_extent(mu.ratio, fall, drop, -1.0), -mu.lo)
    right = torch.minimum(_extent(mu.ratio, fall, drop, 1.0), mu.hi)
    cut_left, cut_right = (left == -mu.lo)[:, 0], (right == mu.hi)[:, 0]
    total = served = None
    # the nodes are put where the weight is: in the middle of a whole peak, at the end that cuts one
    for some, low, high in (
        (~cut_left & ~cut_right, -0.5, 0.5),
        (cut_left & ~cut_right, -1.0, 0.4),
        (~cut_left & cut_right, -0.4, 1.0),
        (cut_left & cut_right, -1.0, 1.0),
    ):
        count = int(some.sum())
        if count == len(mu):
            return _one_kind(mu, -left, right, rule(q, low, high), tol)
        if count:
            rows = some.nonzero()[:, 0]
            found, good = _one_kind(mu.rows(rows), -left[rows], right[rows], rule(q, low, high), tol)
            if total is None:
                total, served = found.new_empty(len(mu), found.shape[1]), good.new_empty(len(mu))
            total[rows], served[rows] = found, good
    return total, served


def _extent(ratio: torch.Tensor, fall: float, drop: float, sign: float) -> torch.Tensor:
    """About the distance (n, 1) from its peak at which fall t + ratio expm1(-2 t) has grown by `drop` (Newton; convex)."""
    slope = sign * (fall - 2.0 * ratio)
    t = 2.0 * drop / (slope + torch.sqrt(slope * slope + 8.0 * drop * ratio) + 1e-300)
    for _ in range(3):
        step = sign * t
        value = fall * step + ratio * torch.expm1(-2.0 * step) - drop
        t = (t - sign * value / (fall - 2.0 * ratio * torch.exp(-2.0 * step))).clamp_(min=0.0)
    return torch.nan_to_num(t, nan=math.inf)


def _one_kind(
    mu: NoiseLikelihood, lo: torch.Tensor, hi: torch.Tensor, panel: Rule, tol: float
) -> tuple[torch.Tensor, torch.Tensor]:
    far = torch.minimum(hi + _FAR, mu.hi)
    found, log_far = evaluate(mu, lo, hi, panel, far)
    mass, sums = found.sums(found.weight)
    second, other = found.sums(found.second)
    mean = sums.div_(mass[:, None])
    error = other.div_(second[:, None]).sub_(mean)
    good = _norm(mu, error) <= tol * _norm(mu, mean)
    good &= ((second - mass).abs() <= 1e-3 * mass) & (mass > 0)
    outside = _outside(mu, found, lo, hi, far, log_far)
    return mean, good & (outside <= math.log(_OUTSIDE * tol) + found.log_scale + torch.log(mass))


def _norm(mu: NoiseLikelihood, coef: torch.Tensor) -> torch.Tensor:
    return coef.abs()[:, 0] if coef.shape[1] == 1 else mu.law.core.assemble(mu.stats, coef).norm(dim=1)


def _outside(mu, found: Panels, lo, hi, far, log_far) -> torch.Tensor:
    """An upper bound (n,) of the log of the mass outside [lo, hi].

    Towards small levels L falls; up to `far` it is below its chord, and beyond below that to L(0) = 0."""
    dim = mu.kernel_dim
    fall = torch.full_like(lo, mu.normal_dim + dim - mu.exponent)
    first, last = found.t[:, :1], found.t[:, -1:]
    rate = mu.ratio * torch.exp(-2.0 * first)
    below = ceiling(found.log_mu[:, :1], fall, rate, mu.lo - first, lo - first)[1]
    step = far - last
    rise = log_far - found.log_p[:, -1:] + dim * step
    rate = mu.ratio * torch.exp(-2.0 * last) + torch.nan_to_num(rise / -torch.expm1(-2.0 * step)).clamp_(min=0.0)
    upper = ceiling(found.log_mu[:, -1:], fall, rate, hi - last, step)[1]
    depth = -(log_far + dim * (mu.centre + far + 0.5 * math.log(2.0 * math.pi))).clamp(max=0.0)
    rate = mu.ratio * torch.exp(-2.0 * far) + depth
    beyond = ceiling(mu.known(far) + log_far, fall, rate, torch.zeros_like(far), mu.hi - far)[1]
    return torch.cat([below, upper, beyond], dim=1).logsumexp(dim=1)


class Leaves(NamedTuple):
    """Panels of a finished search, P of them.

    Attributes:
        row: (P,) their points.
        lo, hi: (P, 1) ends, offsets t.
        panels: what was found on them.
    """

    row: torch.Tensor
    lo: torch.Tensor
    hi: torch.Tensor
    panels: Panels

    def take(self, some: torch.Tensor) -> Leaves:
        return Leaves(self.row[some], self.lo[some], self.hi[some], take(self.panels, some))

    def join(self, other: Leaves) -> Leaves:
        pairs = zip(self.panels, other.panels)
        return Leaves(
            *(torch.cat([a, b]) for a, b in zip(self[:3], other[:3])), Panels(*(torch.cat([a, b]) for a, b in pairs))
        )

    def scale(self, points: int) -> torch.Tensor:
        """(P,) factors that put all panels of a point on one scale."""
        log_mass = self.panels.log_scale
        top = _highest(log_mass, self.row, points)
        return torch.exp(log_mass - top[self.row])

    def mean(self, points: int) -> torch.Tensor:
        """Coefficients (n, B) of the mean."""
        mass, sums = self.panels.sums(self.panels.weight * self.scale(points)[:, None])
        total = _by_row(sums, self.row, points)
        return total / _by_row(mass, self.row, points)[:, None]


def _by_row(values: torch.Tensor, row: torch.Tensor, points: int) -> torch.Tensor:
    return values.new_zeros(points, *values.shape[1:]).index_add_(0, row, values)


def _highest(values: torch.Tensor, row: torch.Tensor, points: int) -> torch.Tensor:
    return torch.full((points,), -math.inf, dtype=torch.float64).scatter_reduce(0, row, values, "amax")


def search(mu: NoiseLikelihood, tol: float, mean: bool = True) -> Leaves:
    """Panels on all that matters of the prior's range, for which the errors of each point sum to tol.

    Args:
        mean: judge by the mean, relative to it; otherwise by the mass and two moments of every panel.

    Raises:
        QuadratureError: the tolerance cannot be met.
    """
    n, tolerance = len(mu), max(tol, 4e-16 * mu.law.ambient_dim)
    drop = 12.0 - math.log(tol)
    row, lo, hi = begin(mu)
    best = torch.full((n,), -math.inf, dtype=torch.float64)
    leaves, panel = None, rule(_NODES)
    for _ in range(_ROUNDS):
        found, _ = evaluate(mu.rows(row), lo, hi, panel, mean=mean)
        new = Leaves(row, lo, hi, found)
        least, log_most = _masses(mu, new)
        best = torch.maximum(best, _highest(least, row, n))
        keep = log_most >= (best[row] - drop)[:, None]
        index = torch.arange(keep.shape[1])
        start, stop = torch.where(keep, index, len(index)).amin(1), torch.where(keep, index, -1).amax(1) + 1
        some = stop > start
        inner_lo = found.t.gather(1, start.clamp(max=len(index))[:, None])
        inner_hi = found.t.gather(1, stop.clamp(min=0)[:, None])
        shrink = some & (inner_hi - inner_lo < _SHRINK * (hi - lo))[:, 0] & _wide(mu, new)
        settled = new.take((some & ~shrink).nonzero()[:, 0])
        leaves = settled if leaves is None else leaves.join(settled)
        row, lo, hi = row[shrink], inner_lo[shrink], inner_hi[shrink]
        if len(row):
            continue
        poor = _poor(mu, leaves, tolerance, mean)
        if not bool(poor.any()):
            return leaves
        split, leaves = leaves.take(poor.nonzero()[:, 0]), leaves.take((~poor).nonzero()[:, 0])
        middle = 0.5 * (split.lo + split.hi)
        row = torch.cat([split.row, split.row])
        lo, hi = torch.cat([split.lo, middle]), torch.cat([middle, split.hi])
    raise QuadratureError(f"the average over noise levels does not reach tol={tol:.3g} for {len(row.unique())} points")


def begin(mu: NoiseLikelihood) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(points (P,), ends (P, 1), (P, 1)): the range of every point, cut at the prior's knots and around the peak that the
    normal coordinates suggest."""
    knots = mu.prior.knots if mu.prior is not None else torch.tensor(mu.ends, dtype=torch.float64)
    fall = mu.normal_dim - mu.exponent
    edges = [knots[:1]]
    for a, b in zip(knots[:-1].tolist(), knots[1:].tolist()):
        edges.append(torch.linspace(a, b, math.ceil((b - a) / _WIDEST) + 1, dtype=torch.float64)[1:])
    offsets = torch.cat(edges) - mu.centre
    if fall >= _MANY:
        around = [_extent(mu.ratio, fall, 30.0, sign).mul(sign) for sign in (-1.0, 1.0)]
        around = torch.minimum(torch.maximum(torch.cat(around, dim=1), mu.lo), mu.hi)
        offsets = torch.cat([offsets, around], dim=1).sort(dim=1).values
    row = torch.arange(len(mu)).repeat_interleave(offsets.shape[1] - 1)
    lo, hi = offsets[:, :-1].reshape(-1, 1), offsets[:, 1:].reshape(-1, 1)
    some = (hi > lo)[:, 0].nonzero()[:, 0]
    return row[some], lo[some], hi[some]


def _wide(mu: NoiseLikelihood, leaves: Leaves) -> torch.Tensor:
    """Which panels (P,) are wide enough for levels in them to differ."""
    return (leaves.hi - leaves.lo > 4e-15 * (1.0 + (mu.centre[leaves.row] + leaves.lo).abs()))[:, 0]


def bounds(
    mu: NoiseLikelihood, row: torch.Tensor, t: torch.Tensor, log_p: torch.Tensor, log_mu: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(upper bounds of log mu between neighbouring nodes and of the log of its mass there, bounds of its slope), (P, q - 1).

    No panel holds a knot of the prior inside."""
    fall, slope = float(mu.normal_dim + mu.kernel_dim), torch.zeros_like(t[:, :1])
    if mu.prior is not None:
        slope = mu.prior.slope(mu.centre[row] + 0.5 * (t[:, :1] + t[:, -1:]))
    step = t.diff(dim=1)
    rate = (log_p.diff(dim=1) + mu.kernel_dim * step).div_(-torch.expm1(-2.0 * step)).clamp_(min=0.0)
    rate = rate.addcmul_(mu.ratio[row], torch.exp(-2.0 * t[:, :-1]))
    top, log_mass = ceiling(log_mu[:, :-1], fall - slope, rate, torch.zeros_like(step), step)
    return top, log_mass, fall + slope.abs() + 2.0 * rate


def _masses(mu: NoiseLikelihood, leaves: Leaves) -> tuple[torch.Tensor, torch.Tensor]:
    """(a lower bound (P,) of the log of the mass near some node, upper ones (P, q - 1) of that between neighbouring nodes)."""
    found = leaves.panels
    _, log_mass, steep = bounds(mu, leaves.row, found.t, found.log_p, found.log_mu)
    # L lies above its tangents: on one side of a node the posterior keeps its height for about 1/steep of log sigma
    least = torch.maximum(found.log_mu[:, :-1], found.log_mu[:, 1:]) - torch.log(4.0 + steep)
    return least.amax(dim=1), log_mass


def _poor(mu: NoiseLikelihood, leaves: Leaves, tol: float, mean: bool) -> torch.Tensor:
    """Which panels (P,) to halve: those that carry the error of a point whose errors sum to more than tol."""
    n, scale = len(mu), leaves.scale(len(mu))[:, None]
    mass, sums = leaves.panels.sums(leaves.panels.weight * scale)
    second, other = leaves.panels.sums(leaves.panels.second * scale)
    total = _by_row(mass, leaves.row, n)[leaves.row]
    if mean:
        stats, assemble = take(mu.stats, leaves.row), mu.law.core.assemble
        average = _by_row(sums, leaves.row, n)[leaves.row] / total[:, None]
        gap = (sums - other) - average * (mass - second)[:, None]
        size = assemble(stats, average).norm(dim=1)
        # where the means of levels cancel, 1e-6 of what cancels is as good as can be
        parts = _by_row(assemble(stats, sums).norm(dim=1), leaves.row, n)[leaves.row] / total
        error = assemble(stats, gap).norm(dim=1) / (total * torch.maximum(size, 1e-6 * parts)).clamp(min=1e-300)
    else:
        error = ((mass - second).abs() + (sums - other).abs().sum(dim=1)) / total
    hidden = torch.exp(_masses(mu, leaves)[1] - leaves.panels.log_scale[:, None]).sum(dim=1) * scale[:, 0]
    error = torch.where(hidden <= _MOST_HIDDEN * mass + tol * total, error, math.inf)
    error = torch.where(_wide(mu, leaves), torch.nan_to_num(error, nan=math.inf), 0.0)
    ranked = _by_row(error, leaves.row, n)
    count = _by_row(torch.ones_like(error), leaves.row, n)
    return (ranked > tol)[leaves.row] & (error > (0.3 * tol / count)[leaves.row])
