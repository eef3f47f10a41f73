"""Weights of atoms when the noise level is unknown, as a function of one number.

With S_i = |y - x_i|^2 in R^d and a prior proportional to sigma^e on a piece [a, b],

    h(S) = log int sigma^(e-d) exp(-S/(2 sigma^2)) d sigma = -A log S + r(S),    A = (d - 1 - e)/2.

r is constant where neither end [a, b] of the prior cuts the Gamma law of sigma^-2: rows whose atoms all lie there need
no table. Elsewhere, in log S, it varies on the scale 1/sqrt(A), or, far beyond what the prior's largest level explains,
1/sqrt(S/(2 b^2)): it is tabulated on a uniform grid in log S, where the points at hand need it, by quadrature around
its peak, and interpolated by quintics.
-A log S, of size d, is applied as -A log1p((S - S_min)/S_min), so that differences are exact at large d.

Where S is far beyond what the largest level explains, r is as large as S/(2 b^2), and a table of it has few digits.
With q = S/(2 b^2) and p = q - A, h is there, up to a constant,

    -q - log p + log int_0^inf exp(-w - q (e^(w/p) - 1 - w/p)) dw,

whose integrand is e^-w but for a slow factor: a Gauss-Laguerre rule, for the pairs that matter.

Where the noise is much wider than the set, all weights are nearly the atoms' own and the mean is what is left of their
differences, which a table of absolute digits does not give. With lambda = sigma^-2 and gaps g = S - S_min,

    exp(h(S) - h(S_min)) = E[exp(-g lambda/2)] = 1 + sum_j (-g/2)^j E[lambda^j]/j!

over the law of lambda at S_min, whose moments are integrals; what the series leaves out is smaller than the first term
that it leaves out.
"""

from __future__ import annotations

import math

import torch

from manifolds.special.level_integral import LevelIntegral, PiecewisePower
from manifolds.special.quadrature import laguerre
from manifolds.special.quintics import interpolate, quintics

__all__ = ["BlindWeights"]

_STEP = 0.03  # of the scale on which r varies
_TABLE_ERROR = 4e-11  # of h from it, largest at A near 1; 1e-12 from A = 50 on (test_manifolds_atoms)
_ERROR = 3e-13  # of h elsewhere, relative: what the series leaves out, and rounding (largest seen 9e-14)
_TERMS = 24  # of the series for nearly equal weights
_LEFT_OUT = 1e-13  # of its first term
_NEARLY_EQUAL = 8.0  # gap/(2 sigma^2) beyond which the series is not worth a try
_DROP = 45.0
_REACHES, _NEAR = 16, 1000.0  # rows whose reach is computed, where rows are farther apart than so many steps; else one
_PAIRS = 1 << 15  # pairs at a time: the working set stays in cache
_KEEP = 40.0  # atoms whose weight is below e^-40 of the row's largest are left out
# p^2/q from which on the slow factor, to leading order exp(-w^2/(2 p^2/q)), is smooth enough for so few nodes
_BEYOND = 500.0
_LAGUERRE = 12


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
    >>> weights.shares(square, gap, torch.zeros(2, dtype=torch.float64))[0]  # as S^-2: A = 2, and no end is felt
    tensor([[0.8000, 0.2000]], dtype=torch.float64)
    """

    def __init__(self, prior: PiecewisePower, dim: int):
        self.integral = LevelIntegral(prior, dim)
        self.knots, self.exponent = self.integral.knots, self.integral.exponent
        self._shape, self._free = self.integral.shape, self.integral.free_range()
        self._top2 = 2.0 * math.exp(2.0 * float(self.knots[-1]))  # 2 b^2

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

    def shares(
        self, square: torch.Tensor, gap: torch.Tensor, log_weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(posterior weights (n, N) of atoms, overwriting gap; errors (n,) of their logs).

        Args:
            square: (n,) the row's least squared distance.
            gap: (n, N) what the atoms' squared distances have beyond it.
            log_weights: (N,) of the atoms.
        """
        base = square[:, None].clamp(min=1e-300)
        x0 = torch.log(base)[:, 0]
        fall = _KEEP + float(log_weights.max() - log_weights.min())  # of h, after which no weight can make up for it
        free = (x0 >= self._free[0]) & (x0 + fall / self.exponent <= self._free[1])
        equal, series = self._nearly_equal(base[:, 0], gap, ~free)
        far = self._far(square) & ~free & ~equal
        tabled = ~free & ~far & ~equal
        kinds = (
            (free, lambda some, own: self._uncut(base[some], own, log_weights)),
            (far, lambda some, own: self._beyond(square[some], own, log_weights, fall)),
            (equal, lambda some, own: self._by_series(own, series, log_weights)),
            (tabled, lambda some, own: self._cut(base[some], x0[some], own, log_weights, fall)),
        )
        error = torch.where(tabled, _TABLE_ERROR, _ERROR)
        if len(series):  # relative to what tells the atoms apart
            error[equal] *= (-series[:, 0] * gap[equal].amax(dim=1)).clamp(max=1.0)
        for some, weights in kinds:
            if bool(some.all()):
                return weights(slice(None), gap), error
            if bool(some.any()):
                gap[some] = weights(some, gap[some])
        return gap, error

    def _nearly_equal(
        self, square: torch.Tensor, gap: torch.Tensor, some: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(which of `some` rows (n,) the series serves, its coefficients for them: a scale of the gaps and then one for
        each power)."""
        rows, serves = some.nonzero()[:, 0], torch.zeros_like(some)
        largest = (gap if len(rows) == len(gap) else gap[rows]).amax(dim=1) if len(rows) else square[rows]
        near = largest <= 2.0 * _NEARLY_EQUAL * self.variance(square[rows])
        rows, largest = rows[near], largest[near]
        if not len(rows):
            return serves, gap.new_zeros(0, 1)
        rate, moments = self.integral.moments(square[rows], _TERMS + 1)
        order = torch.arange(1.0, _TERMS + 2, dtype=torch.float64, device=gap.device)
        coefficient = moments * torch.exp(-torch.lgamma(order + 1.0))
        term = coefficient * (0.5 * rate * largest)[:, None] ** order
        # E e^-x has its sum between any two partial ones; terms that do not grow lose no digits
        good = (term[:, 1:] <= _LEFT_OUT * term[:, :1]) & (term[:, 1:].amax(dim=1) <= 2.0 * term[:, 0])[:, None]
        length = torch.where(good, order[:-1], math.inf).amin(dim=1)
        fine = length <= _TERMS
        serves[rows[fine]] = True
        count = int(length[fine].max()) if bool(fine.any()) else 0
        return serves, torch.cat([-0.5 * rate[:, None], coefficient[:, :count]], dim=1)[fine]

    @staticmethod
    def _by_series(gap: torch.Tensor, series: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        """As above for rows of which the series is known."""
        x, out = gap.mul_(series[:, :1]), torch.zeros_like(gap)
        for j in range(series.shape[1] - 1, 0, -1):
            out.add_(series[:, j, None]).mul_(x)
        out.add_(1.0).mul_(torch.exp(log_weights - log_weights.max()))
        return out.div_(out.sum(dim=1, keepdim=True))

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
        low, farthest = float(x0.min()), torch.log(base[:, 0] + gap.amax(dim=1))
        grid, first, length = self._grid(x0, farthest, low, step)
        remainder = self.integral.remainder(low + step * grid)
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
        near = self.integral.remainder(x)
        while float(length.min()) < most:
            short = self.integral.remainder(x + length) - near - self.exponent * length > -_KEEP - 30.0
            if not bool(short.any()):
                break
            length = torch.where(short, 2.0 * length, length)
        return length


def _within(counts: torch.Tensor) -> torch.Tensor:
    """0, 1, ..., c - 1 for each count c in turn."""
    ends = torch.cumsum(counts, dim=0)
    return torch.arange(int(ends[-1])) - torch.repeat_interleave(ends - counts, counts)
