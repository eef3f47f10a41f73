"""How much noise the dynamics inject: the function a_t of dY = (f(Y) - Y) dt + sqrt(2 a_t) dB, and its integrals.

Of a_t a sampler needs three integrals over each step [s, e], in closed form or by quadrature:

    ou     2 int a_u e^{-2(e - u)} du    variance that the linear part lets through (exponential Euler)
    plain  2 int a_u du                  variance injected without that decay (plain Euler)
    kl     int du / (4 a_u)              weight of a squared drift error in the path KL (Girsanov)

and the noise level of Prop 3.2 of arXiv 2602.09639, sigma_e^2 = e^{-2(e-s)} sigma_s^2 + ou(s, e).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

__all__ = ["Integrals", "Proportional", "General"]

_NODES, _WEIGHTS = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(16))
_TOLERANCE = 1e-13  # a few hundred roundings: sums of 16 panels of 16 nodes settle there for smooth a_t
_TINY = 1e-290  # below this, rounding is no longer relative
_MAX_PANELS = 1024


class Integrals(NamedTuple):
    """Per step: OU-weighted variance, plain variance, KL weight; each (N,).

    >>> Integrals(*torch.ones(3, 2)).kl.tolist()
    [1.0, 1.0]
    """

    ou: torch.Tensor
    plain: torch.Tensor
    kl: torch.Tensor


@dataclass(frozen=True)
class Proportional:
    """a_t = a sigma_t^2, 0 <= a < 1, for which sigma_t = sigma_start e^{-(1-a) t}; everything in closed form.

    >>> levels = torch.tensor([4.0, 1.0], dtype=torch.float64)
    >>> round(float(Proportional(0.5).time(levels)[-1]), 6)  # 2 log 4
    2.772589
    """

    a: float

    def time(self, sigma: torch.Tensor) -> torch.Tensor:
        """Times at which the level is sigma (decreasing), from 0 at the first."""
        return torch.log(sigma[0] / sigma) / (1 - self.a)

    def rate(self, t: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """a_t at times whose levels are sigma."""
        return self.a * sigma**2

    def level(self, t0: torch.Tensor, sigma0: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Level at t >= t0, given the level sigma0 at t0."""
        return sigma0 * torch.exp(-(1 - self.a) * (t - t0))

    def integrals(self, start: torch.Tensor, end: torch.Tensor, sigma: torch.Tensor) -> Integrals:
        """Integrals over the steps [start_i, end_i], with sigma (N,) the level at each start."""
        a, h = self.a, end - start
        drop = -torch.expm1(-2 * (1 - a) * h)  # (sigma_s^2 - sigma_e^2) / sigma_s^2, without cancellation
        end_variance = sigma**2 * torch.exp(-2 * (1 - a) * h)
        ou = -end_variance * torch.expm1(-2 * a * h)
        plain = a * sigma**2 * drop / (1 - a)
        kl = torch.full_like(h, math.inf) if a == 0 else drop / end_variance / (8 * a * (1 - a))
        return Integrals(ou, plain, kl)


@dataclass(frozen=True)
class General:
    """Any a_t >= 0 given as a function of time, smooth within each step; integrals by Gauss-Legendre quadrature.

    The number of panels is doubled until `ou` and `plain` change by less than 1e-13 of themselves.

    Attributes:
        function: takes a float64 tensor of times (q,) and returns as many rates, or takes one number.

    >>> a_t = General(lambda t: torch.exp(-t))
    >>> round(float(a_t.integrals(torch.zeros(1).double(), torch.ones(1).double()).plain), 6)  # 2 (1 - 1/e)
    1.264241
    """

    function: Callable

    def rate(self, t: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        """a_t at the times t (any shape); raises ValueError where it is negative or not finite."""
        flat = t.reshape(-1)
        try:
            value = torch.as_tensor(self.function(flat), dtype=torch.float64).expand(flat.shape)
        except (TypeError, ValueError, RuntimeError):  # a function of one number, such as math.exp
            value = torch.tensor([float(self.function(float(s))) for s in flat], dtype=torch.float64)
        if not bool(torch.isfinite(value).all()) or bool((value < 0).any()):
            raise ValueError("a_t must be finite and >= 0 at every time in [0, horizon]")
        return value.reshape(t.shape)

    def level(self, t0: torch.Tensor, sigma0: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Level at t >= t0, given the level sigma0 at t0."""
        return torch.sqrt(sigma0**2 * torch.exp(-2 * (t - t0)) + self.integrals(t0, t).ou)

    def integrals(self, start: torch.Tensor, end: torch.Tensor, sigma: torch.Tensor | None = None) -> Integrals:
        """Integrals over the steps [start_i, end_i].

        Raises:
            ValueError: a_t is not resolved by 1024 panels a step. A KL weight that does not settle is infinite.
        """
        panels, old = 1, self._panels(start, end, 1)
        while panels < _MAX_PANELS:
            panels *= 2
            new = self._panels(start, end, panels)
            if _settled(old.ou, new.ou) and _settled(old.plain, new.plain):
                kl = torch.where(_close(old.kl, new.kl, 1e-10), new.kl, torch.inf)
                return Integrals(new.ou, new.plain, kl)
            old = new
        raise ValueError(
            "a_t must be smooth within each step: its integral did not settle, use more steps or a smoother a_t"
        )

    def _panels(self, start: torch.Tensor, end: torch.Tensor, panels: int) -> Integrals:
        width = (end - start)[:, None, None] / panels
        left = start[:, None, None] + width * torch.arange(panels, dtype=torch.float64)[None, :, None]
        s = left + width * (_NODES + 1) / 2
        weight = width * _WEIGHTS / 2
        a = self.rate(s)
        ou = 2 * (weight * a * torch.exp(-2 * (end[:, None, None] - s))).sum((1, 2))
        return Integrals(ou, 2 * (weight * a).sum((1, 2)), (weight / (4 * a)).sum((1, 2)))


def _close(old: torch.Tensor, new: torch.Tensor, tolerance: float) -> torch.Tensor:
    return (new - old).abs() <= tolerance * new.abs() + _TINY


def _settled(old: torch.Tensor, new: torch.Tensor) -> bool:
    return bool(_close(old, new, _TOLERANCE).all())
