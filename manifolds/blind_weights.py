"""Weights of atoms when the noise level is unknown, as a function of one number.

With S_i = |y - x_i|^2 in R^d and a prior proportional to sigma^e on a piece [a, b],

    h(S) = log int sigma^(e-d) exp(-S/(2 sigma^2)) d sigma = -A log S + r(S),    A = (d - 1 - e)/2.

r is constant where neither end [a, b] of the prior cuts the Gamma law of sigma^-2: rows whose atoms all lie there need no table.
Elsewhere, in log S, it varies on the scale
1/sqrt(A), or, far beyond what the prior's largest level explains, 1/sqrt(S/(2 b^2)).
It is tabulated on a uniform grid in log S by quadrature around its peak and interpolated by quintics (1e-9 absolute).
-A log S, of size d, is applied as -A log1p((S - S_min)/S_min), so that differences are exact at large d.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch

from manifolds.special.quadrature import legendre

__all__ = ["BlindWeights"]

_STEP = 0.06  # of the scale on which r varies
_DROP = 45.0
_MAX_NODES = 1 << 15
_PAIRS = 1 << 15  # pairs at a time: the working set stays in cache
_KEEP = 40.0  # atoms whose weight is below e^-40 of the row's largest are left out
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

    def _free_range(self) -> tuple[float, float]:
        """log S between which r is constant to e^-27 (by Chernoff's bound of the Gamma law's tails); empty for several pieces."""
        if len(self._shape) > 1:
            return math.inf, -math.inf
        a = self.exponent
        lo, hi = (math.log(2.0 * a) + 2.0 * float(knot) for knot in self.knots)
        return lo + _chernoff(a, 1.0), hi - _chernoff(a, -1.0)

    def variances(self, rho2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Guesses (n,) of the smallest and largest noise variances that matter to points rho away from the atoms' space.

        The largest is such that atoms farther than the nearest by 90 of it are below e^-45, counting the nearest as
        no farther than the noise itself explains.
        """
        a, low = float(self._shape.max()), math.exp(2.0 * float(self.knots[0]))
        finest = torch.clamp(rho2 / (2.0 * a + 12.0 * math.sqrt(2.0 * a) + 40.0), min=low)
        reach = torch.clamp(2.0 * rho2, min=4.0 * a * low) * math.exp(min(60.0 / a, 600.0))
        return finest, reach / 90.0 + low

    def _remainder(self, x: torch.Tensor) -> torch.Tensor:
        """r at x = log S, (T,): each piece by two Gauss-Legendre panels around its peak."""
        nodes, weight = legendre(40)
        pieces = []
        for a, height, lo, hi in zip(self._shape.tolist(), self._height.tolist(), self.knots[:-1].tolist(), self.knots[1:].tolist()):
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
            top = a * math.log(2.0 * a) - 2.0 * a * delta - rate + height - (a - self.exponent) * x
            pieces.append(top + torch.log(parts[0] + parts[1]))
        return torch.logsumexp(torch.stack(pieces), dim=0)

    @staticmethod
    def _reach(fall, room: torch.Tensor, sign: float) -> torch.Tensor:
        """A distance, at most `room`, at which the integrand has fallen by e^-45, and not much farther (bisection; it falls
        monotonically)."""
        low, high = torch.zeros_like(room), room.clone()
        for _ in range(40):
            if bool((high - low <= 0.03 * high).all()):
                break
            middle = 0.5 * (low + high)
            inside = fall(sign * middle[:, None])[:, 0] > -_DROP
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        return high

    def shares(self, rho2: torch.Tensor, d2: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        """Posterior weights (n, N) of atoms at squared distances rho2 (n,) + d2 (n, N), overwriting d2."""
        least = d2.min(dim=1, keepdim=True).values
        base = (rho2[:, None] + least).clamp(min=1e-300)
        x0 = torch.log(base)[:, 0]
        d2.sub_(least)
        reach = (_KEEP + float(log_weights.max() - log_weights.min())) / self.exponent
        free = (x0 >= self._free[0]) & (x0 + reach <= self._free[1])
        if bool(free.all()):
            return self._uncut(base, d2, log_weights)
        if bool(free.any()):
            d2[free] = self._uncut(base[free], d2[free], log_weights)
            rest = (~free).nonzero()[:, 0]
            d2[rest] = self._cut(base[rest], x0[rest], d2[rest], log_weights)
            return d2
        return self._cut(base, x0, d2, log_weights)

    def _uncut(self, base: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        """As above where r is constant, overwriting gap = S - S_min of the row."""
        out = gap.div_(base).log1p_().mul_(-self.exponent).add_(log_weights).exp_()
        return out.div_(out.sum(dim=1, keepdim=True))

    def _cut(self, base: torch.Tensor, x0: torch.Tensor, d2: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        """As above by tables, overwriting d2 = S - S_min of the row."""
        beyond = (float(base.max()) + float(d2.max())) / (2.0 * math.exp(2.0 * float(self.knots[-1])))
        step = _STEP / math.sqrt(max(self.exponent, 1.0, beyond))
        # rows that together need too long a table are done in groups; rows come sorted, roughly, by x0
        if float(x0.max() - x0.min()) < step * _MAX_NODES:
            return self._shares(base, x0, d2, log_weights, step)
        order = torch.argsort(x0)
        start = 0
        while start < len(order):
            stop = int(torch.searchsorted(x0[order], x0[order[start]] + step * _MAX_NODES))
            rows = order[start : max(stop, start + 1)]
            d2[rows] = self._shares(base[rows], x0[rows], d2[rows], log_weights, step)
            start += len(rows)
        return d2

    def _shares(self, base: torch.Tensor, x0: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor, step: float) -> torch.Tensor:
        """As above for one table; gap = S - S_min of the row."""
        low = float(x0.min())
        # h falls by at least A log(S/S_min) - (r's rise), and r rises by at most A times the table's length: cut there
        span = self._span(float(x0.max()), float(torch.log((base + gap.max(dim=1, keepdim=True).values).max())), low, step)
        count = int(math.ceil(span / step)) + 6
        grid = low + step * (torch.arange(count, dtype=torch.float64) - 2.0)
        remainder = self._remainder(grid)
        h = remainder - self.exponent * (grid - low)
        cells = _quintics(remainder)
        h0 = _interpolate(cells, (x0 - low) / step)
        # the grid point beyond which the row's weights are below e^-KEEP (h falls): nothing after it is evaluated
        spread = float(log_weights.max() - log_weights.min())
        level = h0 - self.exponent * (x0 - low) - _KEEP - spread
        last = torch.searchsorted(-h, -level).clamp(max=count - 1)
        limit = torch.expm1(grid[last] - x0) * base[:, 0]
        keep = gap <= limit[:, None]
        out = torch.zeros_like(gap)
        offset, largest = (x0 - low) / step, count - 6 + 0.999999

        def weigh(gap, base, offset, h0, log_weight):
            rise = torch.log1p(gap / base)
            position = torch.add(offset, rise, alpha=1.0 / step).clamp_(max=largest)
            return _interpolate(cells, position).sub_(h0).sub_(rise, alpha=self.exponent).add_(log_weight).exp_()

        if float(keep.sum()) > 0.3 * keep.numel():
            for rows in torch.arange(len(gap)).split(max(_PAIRS // gap.shape[1], 1)):
                part = slice(int(rows[0]), int(rows[-1]) + 1)
                out[part] = weigh(gap[part], base[part], offset[part, None], h0[part, None], log_weights)
        else:
            row, column = keep.nonzero(as_tuple=True)
            out[row, column] = weigh(gap[row, column], base[row, 0], offset[row], h0[row], log_weights[column])
        return out.div_(out.sum(dim=1, keepdim=True))

    def _span(self, highest: float, farthest: float, low: float, step: float) -> float:
        """Length of the table: to where h has fallen by KEEP below its value at the largest x0, or to the farthest atom."""
        start = self._h_at(highest, low)
        length = 8.0 * step
        while highest + length < farthest and self._h_at(highest + length, low) > start - _KEEP - 30.0:
            length *= 2.0
        return min(highest + length, farthest) - low

    def _h_at(self, x: float, low: float) -> float:
        value = torch.tensor([x], dtype=torch.float64)
        return float(self._remainder(value) - self.exponent * (value - low))


def _chernoff(shape: float, sign: float) -> float:
    """y > 0 with A (e^(+-y) - 1 -+ y) = _CUT: a Gamma(A) variable is beyond A e^(+-y) with probability at most e^-_CUT."""
    low, high = 0.0, 1.0
    while shape * (math.expm1(sign * high) - sign * high) < _CUT:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if shape * (math.expm1(sign * middle) - sign * middle) < _CUT else (low, middle)
    return high


# column j holds the coefficients of the j-th of six equispaced values (at -2 .. 3) in the monomials of the interpolating quintic
_NODES = torch.arange(-2.0, 4.0, dtype=torch.float64)
_TO_MONOMIALS = torch.linalg.inv(_NODES[:, None] ** torch.arange(6, dtype=torch.float64))


def _quintics(values: torch.Tensor) -> torch.Tensor:
    """(6, T - 5) coefficients of the quintic through six neighbours, for the cell between the third and the fourth.

    The third value is taken off before the matrix product and put back into the constant: values of size A then lose
    no digits.
    """
    stencil = values.unfold(0, 6, 1)
    base = stencil[:, 2]
    cells = _TO_MONOMIALS @ (stencil - base[:, None]).T
    cells[0] += base
    return cells.contiguous()


def _interpolate(cells: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Values at positions >= 0, of any shape, counted in grid steps from the third grid point."""
    flat = position.reshape(-1)
    index = flat.to(torch.int32).clamp_(max=cells.shape[1] - 1)
    t = flat - index
    out = cells[5].index_select(0, index)
    for j in (4, 3, 2, 1, 0):
        out.mul_(t).add_(cells[j].index_select(0, index))
    return out.reshape(position.shape)
