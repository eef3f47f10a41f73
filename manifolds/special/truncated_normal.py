"""The standard normal cut to an interval [a, a + width]: log mass and moments, with relative accuracy in both tails.

Two regimes, chosen per element after reflecting so that the interval's middle is >= 0:

closed form   the interval is wide and reaches the bulk (a < 1, width > 3): the textbook formulas lose nothing there.
              For the first moment alone also down to width .1, and from 1 <= a < 10 if the density falls by e: it loses
              no more than a^2 eps and eps/width^2.
quadrature    otherwise, Gauss-Legendre on the part of the interval where the density has not yet fallen by e^-45:
              the integrand is an exponential of a quadratic over a bounded range of exponents, so a fixed number of
              nodes reaches rounding error, and the central moments are sums of positive terms (third: of one-signed
              size) where the textbook formulas cancel (like a^4 eps in a tail, eps/width^2 in a short interval).

Errors against mpmath for |a| <= 1e6 and width 1e-8 .. 1e8: log mass 1e-13 max(1, |log mass|), offset, variance and
fourth moment 1e-12 relative, third moment 1e-12 of sd^3.
"""

from math import log, pi, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from manifolds.special.quadrature import legendre

_DROP = 45.0  # what is left out has density e^-45, and 45^4 e^-45 = 1e-13 in the fourth moment
_CHUNK = 1 << 12
_FAR = 10.0
_WIDE = 0.1


class TruncatedNormal(NamedTuple):
    """log P(a < Z < a+width); E[Z] - a; variance; third and fourth central moments of Z given a < Z < a+width."""

    log_mass: Tensor
    offset: Tensor
    variance: Tensor | None = None
    third: Tensor | None = None
    fourth: Tensor | None = None


def _density(x: Tensor) -> Tensor:
    return torch.exp(-0.5 * x * x) / sqrt(2 * pi)


def _closed(a: Tensor, width: Tensor, order: int) -> list[Tensor]:
    b = a + width
    # a < 1: the mass above a is at least .16, and in an interval wider than 3 most of it lies below b
    mass = 0.5 * (torch.erfc(a * sqrt(0.5)) - torch.erfc(b * sqrt(0.5)))
    log_mass, inverse = torch.log(mass), 1.0 / mass
    pa, pb = _density(a) * inverse, _density(b) * inverse
    if order < 2:
        return [log_mass, pa - pb - a]
    finite_b = torch.where(pb > 0, b, 0.0)  # b may be infinite
    d1, d2 = pa - pb, a * pa - finite_b * pb
    d3, d4 = a * a * pa - finite_b**2 * pb, a**3 * pa - finite_b**3 * pb
    m = d1
    second, raw3, raw4 = 1.0 + d2, 2.0 * m + d3, 3.0 + 3.0 * d2 + d4
    return [
        log_mass,
        m - a,
        second - m * m,
        d3 - m - 3.0 * m * d2 + 2.0 * m**3,
        raw4 - 4.0 * m * raw3 + 6.0 * m * m * second - 3.0 * m**4,
    ]


def _tail(a: Tensor, width: Tensor) -> list[Tensor]:
    """Mass and offset for 1 <= a < _FAR and an interval over which the density falls by e or more; the offset loses a^2
    eps."""
    left = torch.exp(-width * (a + 0.5 * width))
    scaled = torch.special.erfcx(a * sqrt(0.5)) - left * torch.special.erfcx((a + width) * sqrt(0.5))
    return [torch.log(0.5 * scaled) - 0.5 * a * a, sqrt(2.0 / pi) * (1.0 - left) / scaled - a]


def _quadrature(a: Tensor, width: Tensor, nodes: int, order: int) -> list[Tensor]:
    """With s = offset from the mode end: density exp(-c s - s^2/2), c = max(a, 0); a < 0 happens only for short
    intervals."""
    t, weight = (value.to(a.device) for value in legendre(nodes))
    c = a.clamp_min(0.0)
    # the density has fallen by e^-DROP at s with c s + s^2/2 = DROP
    length = torch.minimum(width, 2.0 * _DROP / (c + torch.sqrt(c * c + 2.0 * _DROP)))
    s = length[:, None] * t
    density = torch.exp(-s * (a[:, None] + 0.5 * s)).mul_(weight)
    mass = density.sum(1)
    density /= mass[:, None]
    offset = (density * s).sum(1)
    log_mass = torch.log(mass * length) - 0.5 * a * a - 0.5 * log(2 * pi)
    if order < 2:
        return [log_mass, offset]
    s -= offset[:, None]
    density *= s * s
    variance = density.sum(1)
    if order < 3:
        return [log_mass, offset, variance]
    third = (density * s).sum(1)
    return [log_mass, offset, variance, third, (density * s).mul_(s).sum(1)]


def truncated_normal(a: Tensor, width: Tensor, order: int = 4) -> TruncatedNormal:
    """Mass and moments of Z ~ N(0, 1) cut to [a, a + width]; tensors that broadcast, width > 0 (inf allowed).

    The interval is given by its lower end and its width, because a short interval far out has no digits left in b - a.
    order 1: mass and offset, the rest None; 2: and the variance, the rest zero; 4: all.

    >>> cut = truncated_normal(torch.tensor([30.0]), torch.tensor([1.0]))
    >>> round(float(cut.offset), 6), round(float(cut.log_mass), 4)
    (0.03326, -454.3212)
    """
    a, width = torch.broadcast_tensors(a.to(torch.float64), width.to(torch.float64))
    if not bool((width > 0).all()):
        raise ValueError("width must be positive everywhere")
    shape, a, width = a.shape, a.reshape(-1), width.reshape(-1)
    flip = a < -0.5 * width
    low = torch.where(flip, -(a + width), a)
    out = torch.zeros(2 if order < 2 else 5, len(a), dtype=torch.float64, device=a.device)
    wide = (low < 1.0) & (width > (_WIDE if order < 2 else 3.0))
    tail = (low >= 1.0) & (low < _FAR) & (width * (low + 0.5 * width) > 1.0) if order < 2 else torch.zeros_like(wide)
    rest = (~(wide | tail)).nonzero()[:, 0]
    reach = torch.minimum(width[rest], _DROP / low[rest].clamp_min(1e-300))
    gentle = (low[rest].abs() + 0.5 * reach) * reach < 6.0  # the exponent changes by less than 6 over the interval
    for rows, nodes in ((wide.nonzero()[:, 0], 0), (tail.nonzero()[:, 0], 1), (rest[gentle], 12), (rest[~gentle], 32)):
        for part in rows.split(_CHUNK if nodes > 1 else 4 * _CHUNK):
            if not len(part):
                continue
            if nodes > 1:
                values = _quadrature(low[part], width[part], nodes, order)
            else:
                values = _tail(low[part], width[part]) if nodes else _closed(low[part], width[part], order)
            for row, value in zip(out, values):
                row[part] = value
    out = out.reshape(len(out), *shape)
    flip, width = flip.reshape(shape), width.reshape(shape)
    offset = torch.where(flip, width - out[1], out[1])
    if order < 2:
        return TruncatedNormal(out[0], offset)
    return TruncatedNormal(out[0], offset, out[2], torch.where(flip, -out[3], out[3]), out[4])
