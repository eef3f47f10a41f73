"""Squared distances from many points to many atoms in float64, without an (n, N, m) array and without lost digits.

In few coordinates they are sums of squared differences. In many, |u|^2 + |x|^2 - 2 u.x is one matrix product, with an
absolute error of a few eps (|u|^2 + |x|^2): that is not small against sigma^2 at low noise. The pairs that can matter
at the noise level at hand are then computed again by differences; at low noise they are few.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

__all__ = ["Atlas"]

_DIRECT_DIM = 6  # up to here differences are as fast as a matrix product
_REACH = 90.0  # pairs farther than the nearest by this many sigma^2 have weights below e^-45
_PAIR_ELEMENTS = 1 << 20
_ROUNDING = 4e-16  # of a difference of squares, relative to them


class Atlas:
    """Atoms (N, m), prepared for distances.

    Args:
        points: (N, m) float64.

    >>> atlas = Atlas(torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64))
    >>> atlas.nearest(torch.tensor([[3.0, 5.0]], dtype=torch.float64))
    (tensor([1]), tensor([1.], dtype=torch.float64))
    """

    def __init__(self, points: torch.Tensor):
        self.points = points
        self.center = points.mean(dim=0)
        centred = points - self.center
        norm2 = (centred**2).sum(dim=1)
        self._largest = float(norm2.max())
        self._table = torch.cat([-2.0 * centred.T, norm2[None]])

    def squared_distances(
        self, u: torch.Tensor, finest: torch.Tensor, coarsest: torch.Tensor, tolerance: float = 1e-10
    ) -> torch.Tensor:
        """|u - x_i|^2, (n, N).

        Args:
            u: (n, m).
            finest, coarsest: (n,) or (1,): smallest and largest sigma^2 at which each row will be used.
            tolerance: see below.

        Entries within 90 coarsest of their row's smallest have absolute error below tolerance * finest or relative
        1e-15.
        """
        (n, m), points = u.shape, self.points.to(u.device)
        if m <= _DIRECT_DIM:
            out = torch.zeros(n, points.shape[0], dtype=torch.float64, device=u.device)
            for axis in range(m):
                gap = u[:, axis, None] - points[:, axis]
                out.addcmul_(gap, gap)
            return out
        own = u - self.center.to(u.device)
        norm2 = (own * own).sum(dim=1, keepdim=True)
        out = self._product(own).add_(norm2).clamp_(min=0.0)
        error = _ROUNDING * (norm2[:, 0] + self._largest)
        coarse = (error > tolerance * finest).nonzero()[:, 0]
        if coarse.numel():
            self._refine(u, out, coarse, error, coarsest.expand(n))
        return out

    def _product(self, own: torch.Tensor) -> torch.Tensor:
        """|x|^2 - 2 u.x (n, N), both about the centre."""
        return torch.cat([own, own.new_ones(len(own), 1)], dim=1) @ self._table.to(own.device)

    def _refine(
        self, u: torch.Tensor, out: torch.Tensor, rows: torch.Tensor, error: torch.Tensor, coarsest: torch.Tensor
    ) -> None:
        some = out if len(rows) == len(out) else out[rows]
        limit = some.amin(dim=1) + _REACH * coarsest[rows] + 4.0 * error[rows]
        which, column = (some <= limit[:, None]).nonzero(as_tuple=True)
        row, points = rows[which], self.points.to(u.device)
        exact = [((u[r] - points[c]) ** 2).sum(dim=1) for r, c in _in_parts(row, column, u.shape[1])]
        out[row, column] = torch.cat(exact)

    def nearest_and_gaps(
        self, u: torch.Tensor, finest: torch.Tensor, coarsest: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, float]:
        """(least squared distance (n,), the others' excess over it (n, N), a bound on all excesses), for use at
        variances finest to coarsest (n,).

        Excesses below 90 coarsest have absolute error below 1e-10 finest, or 1e-10 of how much they differ where that
        is less (their own digits count there), or relative 1e-15.
        """
        own = u - self.center.to(u.device)
        norm2 = (own * own).sum(dim=1)
        differ = self._differ(norm2)
        # two atoms' distances differ by 2 (x_i - x_0).(c - u) and by |x_0 - c|^2 <= r^2
        most, finest = 2.0 * float(differ.max()) if len(u) else 0.0, torch.minimum(finest, differ)
        if u.shape[1] > _DIRECT_DIM and bool((norm2 + self._largest <= (0.5e-10 / _ROUNDING) * finest).all()):
            # |u|^2, the same for all atoms, is left out of the large array
            gap = self._product(own)
            least = gap.amin(dim=1)
            return (least + norm2).clamp_(min=0.0), gap.sub_(least[:, None]), most
        d2 = self.squared_distances(u, finest, coarsest)
        return *self.beyond_nearest(u, d2, finest, coarsest), most

    def beyond_nearest(
        self, u: torch.Tensor, d2: torch.Tensor, scale: torch.Tensor, reach: torch.Tensor, tolerance: float = 1e-10
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(least (n,), d2 - least (n, N), overwriting d2), for squared distances d2 (n, N) of u (n, m).

        Far from all atoms the difference is small against either distance. Where these have lost more than tolerance *
        scale, it is 2 (x_0 - x_i).(u - x_0) + |x_0 - x_i|^2, x_0 being the nearest, for the pairs below 90 reach. Both
        (n,).
        """
        least = d2.amin(dim=1)
        gap = d2.sub_(least[:, None])
        error = _ROUNDING * least
        far = (error > tolerance * scale).nonzero()[:, 0]
        if far.numel():
            some = gap[far]
            which, column = (some <= (_REACH * reach[far] + 8.0 * error[far])[:, None]).nonzero(as_tuple=True)
            points, exact = self.points.to(u.device), []
            nearest = points[some.argmin(dim=1)]
            for r, c in _in_parts(which, column, u.shape[1]):
                origin, r = nearest[r], far[r]
                step = origin - points[c]
                exact.append((step * (2.0 * (u[r] - origin) + step)).sum(dim=1))
            some[which, column] = torch.cat(exact)
            lower = some.amin(dim=1)  # below 0 where another atom is nearer than the one that seemed so
            gap[far] = some.sub_(lower[:, None])
            least[far] += lower
        return least, gap

    def largest_gap(self, u: torch.Tensor) -> torch.Tensor:
        """(n,) 2 r |u - c| + r^2, c being the atoms' mean and r their largest distance from it: about how much squared
        distances from u (n, m) differ.

        >>> Atlas(torch.tensor([[-1.0], [1.0]], dtype=torch.float64)).largest_gap(torch.tensor([[3.0]]).double())
        tensor([7.], dtype=torch.float64)
        """
        return self._differ(((u - self.center.to(u.device)) ** 2).sum(dim=1))

    def _differ(self, norm2: torch.Tensor) -> torch.Tensor:
        """The same from |u - c|^2 (n,)."""
        return 2.0 * torch.sqrt(norm2 * self._largest) + self._largest

    def nearest(self, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(index (n,), squared distance (n,)) of the nearest atom."""
        index, found = [], []
        zero = torch.zeros(1, dtype=torch.float64, device=u.device)
        for rows in u.split(max((1 << 22) // len(self.points), 1)):
            least, best = self.squared_distances(rows, zero, zero).min(dim=1)
            index.append(best)
            found.append(least)
        return torch.cat(index), torch.cat(found)


def _in_parts(row: torch.Tensor, column: torch.Tensor, m: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The pairs (row, column), as many at a time as have few numbers in R^m."""
    size = max(_PAIR_ELEMENTS // m, 1)
    return zip(row.split(size), column.split(size), strict=True)
