"""The integral over the noise level of a piecewise power prior against a Gaussian's density, as a function of S.

    int Theta(sigma) sigma^-d exp(-S/(2 sigma^2)) d sigma = S^-A e^r(S),    A = (d - 1 - e)/2 of the first piece,

e being the piece's exponent: lambda = sigma^-2 has a Gamma law of shape A and rate S/2, cut to the piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from manifolds.special.quadrature import legendre

__all__ = ["LevelIntegral", "PiecewisePower"]

_DROP = 45.0
_AT_ONCE = 1 << 14  # grid points
_BEND = 4.0  # log sigma within which all but e^-8 of what is not linear in an exponent has passed
_CUT = 36.0  # a prior's end that cuts off less than e^-36 of the Gamma law is not felt, to eps


class PiecewisePower(Protocol):
    """What is used of a prior: knots (p + 1,) in log sigma, and `log_density_log`, linear between them."""

    knots: torch.Tensor

    def log_density_log(self, s: torch.Tensor) -> torch.Tensor: ...


class LevelIntegral:
    """r(S) for one prior and one ambient dimension.

    Args:
        prior: a piecewise power prior.
        dim: d.

    Attributes:
        knots: (p + 1,) of the prior, in log sigma.
        shape: (p,) A of each piece.
        exponent: A of the first.

    Raises:
        ValueError: the prior is so steep that A <= 0 on some piece.

    >>> from manifolds.denoisers import NoisePrior
    >>> integral = LevelIntegral(NoisePrior.power(-1.0, 1e-6, 1e6), dim=4)
    >>> integral.remainder(torch.tensor([0.0, 2.0], dtype=torch.float64)).diff().abs() < 1e-9  # as S^-2: no end is felt
    tensor([True])
    """

    def __init__(self, prior: PiecewisePower, dim: int):
        self.knots = prior.knots
        middle = 0.5 * (self.knots[1:] + self.knots[:-1])
        third = (self.knots[1:] - self.knots[:-1]) / 3.0
        rise = prior.log_density_log(middle + 0.5 * third) - prior.log_density_log(middle - 0.5 * third)
        slope = rise / third
        self.shape = 0.5 * (dim - slope)  # A of each piece: the density of log sigma has slope e + 1
        self._height = prior.log_density_log(middle) - slope * middle
        self.exponent = float(self.shape[0])
        if not bool((self.shape > 0).all()):
            raise ValueError(f"prior must fall more slowly than sigma^{dim - 1} rises in {dim} dimensions")

    def free_range(self) -> tuple[float, float]:
        """log S between which r is constant to e^-36, by Chernoff's bound; empty for several pieces."""
        if len(self.shape) > 1:
            return math.inf, -math.inf
        a = self.exponent
        lo, hi = (math.log(2.0 * a) + 2.0 * float(knot) for knot in self.knots)
        return lo + _chernoff(a, 1.0), hi - _chernoff(a, -1.0)

    def remainder(self, x: torch.Tensor) -> torch.Tensor:
        """r at x = log S, (T,): each piece by Gauss-Legendre panels on both sides of its peak."""
        if len(x) > _AT_ONCE:
            return torch.cat([self.remainder(part) for part in x.split(_AT_ONCE)])
        pieces = [top + torch.log(torch.stack(masses).sum(dim=(0, 2))) for top, masses, _ in self._pieces(x)]
        return torch.logsumexp(torch.stack(pieces), dim=0)

    def moments(self, square: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(E lambda (n,), E lambda^j / (E lambda)^j for j = 1 .. count (n, count)) given S = square (n,), > 0.

        Moments too large for float64 are infinite or NaN.

        >>> from manifolds.denoisers import NoisePrior
        >>> integral = LevelIntegral(NoisePrior.power(-1.0, 1e-6, 1e6), dim=4)
        >>> integral.moments(torch.tensor([8.0], dtype=torch.float64), 2)  # Gamma(A), mean 2 A/S
        (tensor([0.5000], dtype=torch.float64), tensor([[1.0000, 1.5000]], dtype=torch.float64))
        """
        log_mass, log_rate = [], []
        for top, masses, offsets in self._pieces(torch.log(square)):
            log_mass += [top[:, None] + torch.log(mass) for mass in masses]
            log_rate += [-2.0 * s for s in offsets]
        weight, log_lambda = torch.softmax(torch.cat(log_mass, dim=1), dim=1), torch.cat(log_rate, dim=1)
        highest = log_lambda.amax(dim=1, keepdim=True)
        log_mean = highest + torch.log((weight * torch.exp(log_lambda - highest)).sum(dim=1, keepdim=True))
        ratio, powers = torch.exp(log_lambda - log_mean), []
        for _ in range(count):
            weight = weight * ratio
            powers.append(weight.sum(dim=1))
        return torch.exp(log_mean[:, 0]), torch.stack(powers, dim=1)

    def _pieces(self, x: torch.Tensor) -> Iterator[tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]]:
        """Of each piece of the prior (log of a factor (T,), the masses over it at the nodes (T, 40) of two panels or
        three, and log sigma there)."""
        nodes, weight = legendre(40)
        for a, height, lo, hi in zip(
            self.shape.tolist(), self._height.tolist(), self.knots[:-1].tolist(), self.knots[1:].tolist()
        ):
            free = 0.5 * (x - math.log(2.0 * a))  # peak of the Gamma law of sigma^-2, in log sigma
            centre = free.clamp(lo, hi)
            delta = centre - free
            rate = a * torch.exp(-2.0 * delta)  # S exp(-2 centre)/2

            def fall(t: torch.Tensor, rate: torch.Tensor = rate, a: float = a) -> torch.Tensor:
                return -2.0 * a * t - rate[:, None] * torch.expm1(-2.0 * t)

            masses, places = [], []
            for far, sign in ((lo, -1.0), (hi, 1.0)):
                length = self._reach(fall, (far - centre).abs(), sign)
                # upwards what is not linear bends soon, and where A is small the rest is long
                bend = length.clamp(max=_BEND) if sign > 0 else length
                panels = [(0.0 * bend, bend), (bend, length)] if bool((bend < length).any()) else [(0.0 * bend, bend)]
                for start, stop in panels:
                    t = sign * (start[:, None] + (stop - start)[:, None] * nodes)
                    masses.append(torch.exp(fall(t)) * weight * (stop - start)[:, None])
                    places.append(centre[:, None] + t)
            # a log(2 a) - 2 a delta - rate without its large constant, which no weight depends on
            first, other = self.exponent, a - self.exponent
            constant = other * math.log(2.0 * a) + first * math.log(a / first) - other
            yield constant - a * (2.0 * delta + torch.expm1(-2.0 * delta)) + height - other * x, masses, places

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
