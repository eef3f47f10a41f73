"""P(|u + sigma Z| <= R) for Z normal in R^k, by sums of Bessel functions: one evaluation in place of an integral.

With a = |u|/sigma, b = R/sigma, kappa = a b, this is P_(k/2) = sum_{j >= k/2} t_j, t_j = e^(-(a^2 + b^2)/2) (b/a)^j
I_j(kappa), j in steps of one (one less a generalised Marcum function). Neighbours differ by the factor t_(j+1)/t_j =
b^2 w_j, and w_j = I_(j+1)/(kappa I_j) comes down from large orders by the recurrence of `manifolds.special.bessel`. So
Horner's rule sums the series on that way:

    G_j = 1 + b^2 w_j G_(j+1),      P_(k/2) = t_(k/2) G_(k/2),      P_(k/2+1)/P_(k/2) = b^2 w G_(k/2+1)/G_(k/2).

Where the ball holds most of the mass, that outside is summed: downwards from j = k/2 - 1, past zero by I_(-n) = I_n
where k is even, to the two complementary error functions of j = 1/2 where it is odd. All terms are positive: no digits
cancel.

How many terms: Amos' bound w_j <= 1/(c + sqrt(c^2 + kappa^2)), c = j + 1/2, makes the log of the factor less than g(c)
= log b^2 - log(c + sqrt(c^2 + kappa^2)), which is convex in c, so that sums of g are less than its integral, F(c) = c
g(c) + sqrt(c^2 + kappa^2) at the ends; the rest of the series is less than a geometric one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from manifolds.special.bessel import LARGE_ORDER, bessel_moments, large_order_log_mgf, large_order_ratio

__all__ = ["ball_mass"]

_STEPS = (12, 16, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 1024)
_TAIL = 38.0  # the terms left out are less than e^-38 of those summed
_MOST_EXPONENT = 600.0  # of terms on one scale: exp of it, and of minus it, are numbers
_LARGE = 1e15  # of R in levels, of levels and of |u| in R: eight factors b^2 w are a number
_CHUNK = 1 << 13  # elements at a time: the working set stays in cache


def ball_mass(
    dim: int, radius: float, norm: torch.Tensor, sigma: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(log P + (|u| - R)^2/(2 sigma^2), P' / P, which are known), each (n,), for |u| and sigma (n,).

    P' is P with two more degrees of freedom. Not known is what takes more than 1024 terms: sigma below R/120, near the
    border. Relative errors are below 1e-13.

    >>> a, b = torch.tensor([0.0, 2.0], dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    >>> log_p, ratio, known = ball_mass(2, 1.0, a, b)
    >>> torch.exp(log_p[0] - 0.5), ratio[0]  # 1 - e^(-1/2), and that less e^(-1/2)/2 over it
    (tensor(0.3935, dtype=torch.float64), tensor(0.2293, dtype=torch.float64))
    """
    a, b = norm / sigma, radius / sigma
    above = a * a + dim >= b * b  # half of the mass or less is in the ball
    log_p, ratio = torch.full_like(a, math.nan), torch.full_like(a, math.nan)
    known = torch.zeros_like(above)
    for rows, inside in ((above.nonzero()[:, 0], False), ((~above).nonzero()[:, 0], True)):
        groups = [(steps, rows[some]) for steps, some in _by_steps(dim, a[rows], b[rows], inside) if len(some)]
        for parts in _chunks(groups):
            some = torch.cat([part for _, part in parts])
            counts = [(steps, len(part)) for steps, part in parts]
            found = (_less_outside if inside else _inside)(dim, a[some], b[some], counts)
            log_p[some], ratio[some], known[some] = *found, True
    return log_p, ratio, known


def _chunks(groups: list[tuple[int, torch.Tensor]]) -> Iterator[list[tuple[int, torch.Tensor]]]:
    """Groups of _CHUNK points or fewer, those that need most terms first."""
    parts: list[tuple[int, torch.Tensor]] = []
    room = _CHUNK
    for steps, rows in reversed(groups):
        while len(rows):
            parts.append((steps, rows[:room]))
            rows, room = rows[room:], room - len(parts[-1][1])
            if not room:
                yield parts
                parts, room = [], _CHUNK
    if parts:
        yield parts


def _by_steps(dim: int, a: torch.Tensor, b: torch.Tensor, inside: bool) -> list[tuple[int, torch.Tensor]]:
    """Points (indices) by the number of terms that they need; those that need too many are in no group."""
    able = (b < _LARGE) & (b > 1.0 / _LARGE) & (a < _LARGE * b)
    if inside:
        least, order, top = max(0.5 * dim + 2.0, LARGE_ORDER), 0.0, a
        able &= (0.5 * (b - a) ** 2 <= _MOST_EXPONENT) & (least <= _STEPS[-1])
        if dim % 2 and least <= _STEPS[-1]:  # a finite sum
            return [(next(s for s in _STEPS if s >= least), able.nonzero()[:, 0])]
    else:
        least, order, top = LARGE_ORDER - 0.5 * dim, 0.5 * dim, b
    kappa2, log_top = (a * b) ** 2, 2.0 * torch.log(top.clamp(min=1e-150))
    h0 = torch.sqrt(kappa2 + order * order)
    start = order * (log_top - torch.log((order + h0).clamp(min=1e-300)))
    groups, pending = [], able.nonzero()[:, 0]
    for steps in _STEPS:
        if not len(pending):
            break
        if steps < least:
            continue
        c = order + steps
        k2, top2 = kappa2[pending], log_top[pending]
        h, next_h = torch.sqrt(k2 + c * c), torch.sqrt(k2 + (c + 0.5) ** 2)
        terms = c * (top2 - torch.log(c + h)) - start[pending] + (c * c - order * order) / (h + h0[pending])
        factor = torch.exp(top2) / (c + 0.5 + next_h)
        enough = (factor < 1.0) & (terms - torch.log1p(-factor) <= -_TAIL)
        groups.append((steps, pending[enough]))
        pending = pending[~enough]
    return groups


def _log_mgf(order: float, kappa: torch.Tensor) -> torch.Tensor:
    found = bessel_moments(order, kappa, with_log=True, with_derivative=False)[3]
    assert found is not None
    return found


def _downwards(
    order: float, kappa: torch.Tensor, counts: list[tuple[int, int]]
) -> Iterator[tuple[int, int, torch.Tensor]]:
    """(steps above `order`, points that have begun, and where some begin their w there), from the farthest down."""
    begun, starts = 0, dict(counts)
    for j in range(counts[0][0], 0, -1):
        count = starts.get(j, 0)
        new = large_order_ratio(order + j, kappa[begun : begun + count]) if count else kappa[:0]
        begun += count
        yield j - 1, begun, new


def _inside(
    dim: int, a: torch.Tensor, b: torch.Tensor, counts: list[tuple[int, int]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(log P + (a - b)^2/2, P'/P), by the mass inside; `counts` points in turn take so many (terms, points)."""
    order, a2, b2, kappa = 0.5 * dim, a * a, b * b, a * b
    large = max(0, math.ceil(LARGE_ORDER - order))  # steps above `order`, from where log I_order comes down as well
    log_mgf = large_order_log_mgf(order + large, kappa).addcmul_(torch.log(b2), torch.full_like(b2, large))
    factor = torch.empty_like(a)  # of neighbours, b^2 w
    total, rest, product, at_zero = torch.ones_like(a), torch.ones_like(a), torch.ones_like(a), 1.0
    for j, begun, new in _downwards(order, kappa, counts):
        if len(new):
            now = slice(begun - len(new), begun)
            factor[now] = b2[now] * new
            some, some_a2, some_b2, sums = factor[:begun], a2[:begun], b2[:begun], total[:begun]
        twice = 2.0 * (order + j + 1.0)
        some.mul_(some_a2).add_(twice)
        torch.div(some_b2, some, out=some)
        if j == 0:
            rest.copy_(total)
        sums.mul_(some).add_(1.0)
        if j < large:
            product.mul_(factor)
            at_zero *= twice
            if j % 8 == 0:  # before products can overflow
                log_mgf.sub_(product.mul_(at_zero).log_())
                product.fill_(1.0)
                at_zero = 1.0
    first = order * torch.log(0.5 * b2) - math.lgamma(order + 1.0) + log_mgf
    return first + torch.log(total), factor * rest / total


def _less_outside(
    dim: int, a: torch.Tensor, b: torch.Tensor, counts: list[tuple[int, int]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same, by one less the mass outside."""
    odd = dim % 2
    order, a2, b2, kappa = 0.5 * odd, a * a, b * b, a * b
    kappa2, w = kappa * kappa, torch.empty_like(a)
    few, product, many = torch.ones_like(a), torch.ones_like(a), torch.ones_like(a)
    for j, begun, new in _downwards(order, kappa, counts):
        if len(new):
            w[begun - len(new) : begun] = new
            some, some_a2, some_kappa2, sums = w[:begun], a2[:begun], kappa2[:begun], many[:begun]
        some.mul_(some_kappa2).add_(2.0 * (order + j + 1.0)).reciprocal_()
        if not odd:  # the terms at negative orders
            sums.mul_(some).mul_(some_a2).add_(1.0)
        if j < dim // 2:
            product.mul_(w).mul_(b2)
        if j < dim // 2 - 1:
            few.mul_(w).mul_(b2).add_(1.0)
    gap = 0.5 * (b - a) ** 2
    if odd:
        first = torch.exp(_log_mgf(0.5, kappa) - gap) * b * math.sqrt(2.0 / math.pi)
        root = math.sqrt(0.5)
        outside = 0.5 * (torch.erfc((b - a) * root) + torch.erfc((b + a) * root)) + first * few
    else:
        first = torch.exp(_log_mgf(0.0, kappa) - gap)
        outside = first * (many + few - 1.0)
    return torch.log1p(-outside) + gap, 1.0 - first * product / (1.0 - outside)
