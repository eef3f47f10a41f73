"""Weights of atoms when the noise level is unknown, as a function of one number.

With S_i = |y - x_i|^2 in R^d and a prior proportional to sigma^e on a piece [a, b],

    h(S) = log int sigma^(e-d) exp(-S/(2 sigma^2)) d sigma = -A log S + r(S),    A = (d - 1 - e)/2.

r is constant where neither end [a, b] of the prior cuts the Gamma law of sigma^-2: rows whose atoms all lie there need
no table. Elsewhere, in log S, it varies on the scale 1/sqrt(A), or, far beyond what the prior's largest level explains,
1/sqrt(S/(2 b^2)): it is tabulated on a uniform grid in log S, where the points at hand need it, by quadrature around
its peak, and interpolated by quintics (1e-9 absolute).
-A log S, of size d, is applied as -A log1p((S - S_min)/S_min), so that differences are exact at large d.

Where S is far beyond what the largest level explains, r is as large as S/(2 b^2), and a table of it has few digits.
With q = S/(2 b^2) and p = q - A, h is there, up to a constant,

    -q - log p + log int_0^inf exp(-w - q (e^(w/p) - 1 - w/p)) dw,

whose integrand is e^-w but for a slow factor: a Gauss-Laguerre rule, for the pairs that matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch

from manifolds.special.quadrature import laguerre, legendre
from manifolds.special.quintics import interpolate, quintics

__all__ = ["BlindWeights"]

_STEP = 0.06  # of the scale on which r varies
_DROP = 45.0
_REACHES, _NEAR = 16, 1000.0  # rows whose reach is computed, where rows are farther apart than so many steps; else one
_AT_ONCE = 1 << 14  # grid points
_PAIRS = 1 << 15  # pairs at a time: the working set stays in cache
_KEEP = 40.0  # atoms whose weight is below e^-40 of the row's largest are left out
# p^2/q from which on the slow factor, to leading order exp(-w^2/(2 p^2/q)), is smooth enough for so few nodes
_BEYOND = 500.0
_LAGUERRE = 12
_CUT = 27.0  # a prior's end that cuts off less than e^-27 of the Gamma law is not felt


class _PiecewisePower(Protocol):
    """What is used of a prior: knots (p + 1,) in log sigma, and `log_density_log`, linear between them."""

    knots: torch.Tensor

    def log_density_log(self, s: torch.Tensor) -> torch.Tensor: ...


class BlindWeights:
    """h(S) for one prior and one ambient dimension.

    Args:
        prior: a piecewise power prior.
        dim: d.

    Raises:
        ValueError: the prior is so steep that A <= 0 on some piece.

    >>> from manifolds.denoisers import NoisePrior
    >>> weights = BlindWeights(NoisePrior.power(-1.0, 1e-6, 1e6), dim=4)
    >>> square, gap = torch.ones(1, dtype=torch.float64), torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    >>> weights.shares(square, gap, torch.zeros(2, dtype=torch.float64))  # as S^-2: A = 2, and no end is felt
    tensor([[0.8000, 0.2000]], dtype=torch.float64)
    """

    def __init__(self, prior: _PiecewisePower, dim: int):
        self.dim = dim
        self.knots = prior.knots
        middle = 0.5 * (self.knots[1:] + self.knots[:-1])
        third = (self.knots[1:] - self.knots[:-1]) / 3.0
        rise = prior.log_density_log(middle + 0.5 * third) - prior.log_density_log(middle - 0.5 * third)
        slope = rise / third
        self._shape = 0.5 * (dim - slope)  # A of each piece: the density of log sigma has slope e + 1
        self._height = prior.log_density_log(middle) - slope * middle
        self.exponent = float(self._shape[0])
        if not bool((self._shape > 0).all()):
            raise ValueError(f"prior must fall more slowly than sigma^{dim - 1} rises in {dim} dimensions")
        self._free = self._free_range()
        self._top2 = 2.0 * math.exp(2.0 * float(self.knots[-1]))  # 2 b^2

    def _free_range(self) -> tuple[float, float]:
        """log S between which r is constant to e^-27, by Chernoff's bound; empty for several pieces."""
        if len(self._shape) > 1:
            return math.inf, -math.inf
        a = self.exponent
        lo, hi = (math.log(2.0 * a) + 2.0 * float(knot) for knot in self.knots)
        return lo + _chernoff(a, 1.0), hi - _chernoff(a, -1.0)

    def variances(self, rho2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Guesses (n,) of the least and largest noise variances that matter to points rho away from the atoms' space.

        The largest is such that atoms farther than the nearest by 90 of it are below e^-45, counting the nearest as
        no farther than the noise itself explains.
        """
        a, low = float(self._shape.max()), math.exp(2.0 * float(self.knots[0]))
        finest = torch.clamp(rho2 / (2.0 * a + 12.0 * math.sqrt(2.0 * a) + 40.0), min=low)
        reach = torch.clamp(2.0 * rho2, min=4.0 * a * low) * math.exp(min(60.0 / a, 600.0))
        return finest, reach / 90.0 + low

    def variance(self, square: torch.Tensor) -> torch.Tensor:
        """The noise variance (n,) that explains S (n,), about, within the prior's range."""
        low, high = torch.exp(2.0 * self.knots[[0, -1]]).tolist()
        return (square / (2.0 * float(self._shape.max()))).clamp(low, high)

    def _far(self, square: torch.Tensor) -> torch.Tensor:
        """Which S (n,) are so large that only the upper end of the prior's last piece matters."""
        q, room = square / self._top2, 2.0 * float(self.knots[-1] - self.knots[-2])
        past = q - float(self._shape.max())
        lone = q * math.expm1(room) - float(self._shape[-1]) * room > _DROP + 20.0
        return (past > 0) & (past * past > _BEYOND * q) & lone

    def _remainder(self, x: torch.Tensor) -> torch.Tensor:
        """r at x = log S, (T,): each piece by two Gauss-Legendre panels around its peak."""
        if len(x) > _AT_ONCE:
            return torch.cat([self._remainder(part) for part in x.split(_AT_ONCE)])
        nodes, weight = legendre(40)
        pieces = []
        for a, height, lo, hi in zip(
            self._shape.tolist(), self._height.tolist(), self.knots[:-1].tolist(), self.knots[1:].tolist()
        ):
            free = 0.5 * (x - math.log(2.0 * a))  # peak of the Gamma law of sigma^-2, in log sigma
            centre = free.clamp(lo, hi)
            delta = centre - free
            rate = a * torch.exp(-2.0 * delta)  # S exp(-2 centre)/2

            def fall(t: torch.Tensor, rate: torch.Tensor = rate, a: float = a) -> torch.Tensor:
                return -2.0 * a * t - rate[:, None] * torch.expm1(-2.0 * t)

            parts = []
            for far, sign in ((lo, -1.0), (hi, 1.0)):
                length = self._reach(fall, (far - centre).abs(), sign)
                t = sign * length[:, None] * nodes
                parts.append((torch.exp(fall(t)) * weight).sum(dim=1) * length)
            # a log(2 a) - 2 a delta - rate without its large constant, which no weight depends on
            first, other = self.exponent, a - self.exponent
            constant = other * math.log(2.0 * a) + first * math.log(a / first) - other
            top = constant - a * (2.0 * delta + torch.expm1(-2.0 * delta)) + height - other * x
            pieces.append(top + torch.log(parts[0] + parts[1]))
        return torch.logsumexp(torch.stack(pieces), dim=0)

    @staticmethod
    def _reach(fall: Callable[[torch.Tensor], torch.Tensor], room: torch.Tensor, sign: float) -> torch.Tensor:
        """About the distance, at most `room`, at which the integrand, monotone, has fallen by e^-45; by bisection."""
        low, high = torch.zeros_like(room), room.clone()
        for _ in range(40):
            if bool((high - low <= 0.03 * high).all()):
                break
            middle = 0.5 * (low + high)
            inside = fall(sign * middle[:, None])[:, 0] > -_DROP
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        return high

    def shares(self, square: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        """Posterior weights (n, N) of atoms, overwriting gap.

        Args:
            square: (n,) the row's least squared distance.
            gap: (n, N) what the atoms' squared distances have beyond it.
            log_weights: (N,) of the atoms.
        """
        base = square[:, None].clamp(min=1e-300)
        x0 = torch.log(base)[:, 0]
        fall = _KEEP + float(log_weights.max() - log_weights.min())  # of h, after which no weight can make up for it
        free = (x0 >= self._free[0]) & (x0 + fall / self.exponent <= self._free[1])
        far = self._far(square) & ~free
        kinds = (
            (free, lambda some, own: self._uncut(base[some], own, log_weights)),
            (far, lambda some, own: self._beyond(square[some], own, log_weights, fall)),
            (~free & ~far, lambda some, own: self._cut(base[some], x0[some], own, log_weights, fall)),
        )
        for some, weights in kinds:
            if bool(some.all()):
                return weights(slice(None), gap)
            if bool(some.any()):
                gap[some] = weights(some, gap[some])
        return gap

    def _beyond(self, square: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor, fall: float) -> torch.Tensor:
        """As above far beyond the prior's largest level; h falls by more than gap/(2 b^2)."""
        q, out = square / self._top2, torch.zeros_like(gap)
        row, column = (gap <= self._top2 * fall).nonzero(as_tuple=True)
        slow = self._slow(q)
        for r, c in zip(row.split(_PAIRS), column.split(_PAIRS)):
            rise = gap[r, c] / self._top2
            out[r, c] = (self._slow(q[r] + rise) - slow[r] - rise + log_weights[c]).exp_()
        return out.div_(out.sum(dim=1, keepdim=True))

    def _slow(self, q: torch.Tensor) -> torch.Tensor:
        """-log p + log int_0^inf exp(-w - q (e^(w/p) - 1 - w/p)) dw, (n,)."""
        w, weight = laguerre(_LAGUERRE)
        p = q - float(self._shape[-1])
        x = w / p[:, None]
        return torch.log((torch.exp(-q[:, None] * (torch.expm1(x) - x)) * weight).sum(dim=1)) - torch.log(p)

    def _uncut(self, base: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        """As above where r is constant, overwriting gap = S - S_min of the row."""
        out = gap.div_(base).log1p_().mul_(-self.exponent).add_(log_weights).exp_()
        return out.div_(out.sum(dim=1, keepdim=True))

    def _cut(
        self, base: torch.Tensor, x0: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor, fall: float
    ) -> torch.Tensor:
        """As above by a table; gap = S - S_min of the row."""
        beyond = (float(base.max()) + float(gap.max())) / (2.0 * math.exp(2.0 * float(self.knots[-1])))
        step = _STEP / math.sqrt(max(self.exponent, 1.0, beyond))
        low, farthest = float(x0.min()), torch.log(base[:, 0] + gap.max(dim=1).values)
        grid, first, length = self._grid(x0, farthest, low, step)
        remainder = self._remainder(low + step * grid)
        h = remainder - self.exponent * (step * grid)
        cells = quintics(remainder)
        # a row's position in the table: its own in units of the step, moved to where its stretch of the grid is kept
        offset = (x0 - low) / step + (first - grid[first])
        offset, largest = offset - 2.0, (first + length - 6).to(torch.float64) + 0.999999
        h0 = interpolate(cells, offset)
        # the grid point beyond which the row's weights are below e^-KEEP (h falls): nothing after it is evaluated
        level = h0 - self.exponent * (x0 - low) - fall
        last = torch.minimum(torch.searchsorted(-h, -level), first + length - 1)
        limit = torch.expm1(low + step * grid[last] - x0) * base[:, 0]
        keep = gap <= limit[:, None]
        out = torch.zeros_like(gap)

        def weigh(gap, base, offset, largest, h0, log_weight):
            rise = torch.log1p(gap / base)
            position = torch.minimum(torch.add(offset, rise, alpha=1.0 / step), largest)
            return interpolate(cells, position).sub_(h0).sub_(rise, alpha=self.exponent).add_(log_weight).exp_()

        if float(keep.sum()) > 0.3 * keep.numel():
            for rows in torch.arange(len(gap)).split(max(_PAIRS // gap.shape[1], 1)):
                part = slice(int(rows[0]), int(rows[-1]) + 1)
                out[part] = weigh(
                    gap[part], base[part], offset[part, None], largest[part, None], h0[part, None], log_weights
                )
        else:
            row, column = keep.nonzero(as_tuple=True)
            out[row, column] = weigh(
                gap[row, column], base[row, 0], offset[row], largest[row], h0[row], log_weights[column]
            )
        return out.div_(out.sum(dim=1, keepdim=True))

    def _grid(
        self, x0: torch.Tensor, farthest: torch.Tensor, low: float, step: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The grid points that some row needs, where each row's stretch of them begins, and its length.

        Grid points are counted in steps from `low`. A row needs them from two before x0 to where h has fallen by KEEP,
        or to its farthest atom. h is concave in log S: it falls faster the larger x0, and a few rows' reach bounds that
        of the rows above them.
        """
        few = _REACHES if float(x0.max()) - low > _NEAR * step else 1
        some = torch.sort(x0).values[:: -(-len(x0) // few)].contiguous()
        reach = self._reach_of(some, float((farthest - x0).max()), step)
        known = torch.searchsorted(some, x0, right=True).clamp(min=1) - 1
        start = torch.floor((x0 - low) / step).to(torch.int64) - 2
        length = torch.ceil(torch.minimum(reach[known], farthest - x0) / step).to(torch.int64) + 7
        # the union of the stretches, by counting how many cover each place
        stop = start + length
        edges, turn = torch.sort(torch.cat([start, stop]), stable=True)
        sign = torch.cat([torch.ones_like(start), -torch.ones_like(stop)])[turn]
        depth = torch.cumsum(sign, dim=0)
        pieces = torch.where(depth[:-1] > 0, edges[1:] - edges[:-1], 0)
        grid = torch.repeat_interleave(edges[:-1], pieces) + _within(pieces)
        return grid.to(torch.float64), torch.searchsorted(grid, start), length

    def _reach_of(self, x: torch.Tensor, most: float, step: float) -> torch.Tensor:
        """Lengths beyond x, up to `most`, at which h has fallen by KEEP and no weight can make up for it."""
        length = torch.full_like(x, 8.0 * step)
        near = self._remainder(x)
        while float(length.min()) < most:
            short = self._remainder(x + length) - near - self.exponent * length > -_KEEP - 30.0
            if not bool(short.any()):
                break
            length = torch.where(short, 2.0 * length, length)
        return length


def _within(counts: torch.Tensor) -> torch.Tensor:
    """0, 1, ..., c - 1 for each count c in turn."""
    ends = torch.cumsum(counts, dim=0)
    return torch.arange(int(ends[-1])) - torch.repeat_interleave(ends - counts, counts)


def _chernoff(shape: float, sign: float) -> float:
    """y > 0 with A (e^(+-y) - 1 -+ y) = _CUT.

    A Gamma(A) variable is beyond A e^(+-y) with probability at most e^-_CUT.
    """
    low, high = 0.0, 1.0
    while shape * (math.expm1(sign * high) - sign * high) < _CUT:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if shape * (math.expm1(sign * middle) - sign * middle) < _CUT else (low, middle)
    return high
