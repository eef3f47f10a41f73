"""Schedules: noise levels, times and injected noise of a run. A schedule knows no solver and no denoiser.

The dynamics are dY = (f(Y) - Y) dt + sqrt(2 a_t) dB; the implicit schedule of Prop 3.2 of arXiv 2602.09639,
d(sigma^2)/dt = 2 (a_t - sigma_t^2), ties levels, times and injection together. In the proportional family
a_t = a sigma_t^2 the levels can be chosen freely and the times follow: t = log(sigma_0 / sigma) / (1 - a).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence

import torch

from analysis.samplers.grids import (
    Curve,
    check_range,
    cosine_levels,
    geometric_levels,
    karras_levels,
    las_levels,
    mmse_curve,
    optimal_levels,
    tangent_levels,
)
from analysis.samplers.injections import General, Integrals, Proportional
from manifolds.checks import positive_int, positive_number

__all__ = ["Schedule"]

Mmse = Curve | tuple[Sequence[float], Sequence[float]]  # E tr Cov[X | Y] by level: a function, or a table of losses


class Schedule:
    """Levels and injection on a time grid. Immutable: attributes cannot be set, and tensors are returned as copies.

    Build one with `proportional` (constant log-steps), `karras`, `cosine`, `tangent`, `las`, `optimal`, `from_levels`,
    `constant_step` or `from_injection`.

    Attributes (float64 tensors, N = steps):
        t (N+1,), sigma (N+1,): times from 0, and noise levels (standard deviations).
        h (N,): step lengths.
        ou_variance (N,), plain_variance (N,), kl_weights (N,): see `analysis.samplers.injections`.

    >>> schedule = Schedule.proportional(sigma_start=20.0, sigma_end=0.02, a=0.5, steps=64)
    >>> schedule, round(schedule.horizon, 3)  # 2 log 1000
    (Schedule(20 -> 0.02, steps=64, a=0.5 sigma_t^2), 13.816)
    """

    __slots__ = ("_t", "_sigma", "_injection", "_integrals")
    _t: torch.Tensor
    _sigma: torch.Tensor
    _injection: Proportional | General
    _integrals: Integrals

    def __init__(self, t: torch.Tensor, sigma: torch.Tensor, injection: Proportional | General):
        set_once = object.__setattr__
        set_once(self, "_t", t)
        set_once(self, "_sigma", sigma)
        set_once(self, "_injection", injection)
        set_once(self, "_integrals", injection.integrals(t[:-1], t[1:], sigma[:-1]))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Schedule is immutable, cannot set {name}")

    def __reduce__(self):
        return Schedule, (self._t, self._sigma, self._injection)

    def __repr__(self) -> str:
        kind = f"a={self.proportion:g} sigma_t^2" if self.proportion is not None else "a_t given"
        return f"Schedule({self.sigma_start:g} -> {self.sigma_end:g}, steps={self.steps}, {kind})"

    t = property(lambda self: self._t.clone())
    sigma = property(lambda self: self._sigma.clone())
    h = property(lambda self: self._t.diff())
    steps = property(lambda self: len(self._t) - 1)
    horizon = property(lambda self: float(self._t[-1]))
    sigma_start = property(lambda self: float(self._sigma[0]))
    sigma_end = property(lambda self: float(self._sigma[-1]))
    ou_variance = property(lambda self: self._integrals.ou.clone())
    plain_variance = property(lambda self: self._integrals.plain.clone())
    kl_weights = property(lambda self: self._integrals.kl.clone())
    level_variance_integral = property(
        lambda self: (self._integrals.plain - (self._sigma**2).diff()) / 2,
        doc="int sigma_t^2 dt over each step (N,), from d(sigma^2)/dt = 2 (a_t - sigma_t^2).",
    )
    A_T = property(lambda self: 4 * float(self._integrals.kl.sum()), doc="int dt / a_t (infinite when a_t = 0).")
    proportion = property(
        lambda self: self._injection.a if isinstance(self._injection, Proportional) else None,
        doc="a of the proportional family a_t = a sigma_t^2, or None.",
    )

    def a(self, t: float | torch.Tensor) -> torch.Tensor:
        """Injection rate a_t at times of the schedule, with the shape of t."""
        t = torch.as_tensor(t, dtype=torch.float64)
        if isinstance(self._injection, Proportional):
            return self._injection.rate(t, self.level(t))
        return self._injection.rate(t)

    def level(self, t: float | torch.Tensor) -> torch.Tensor:
        """Noise level sigma_t at times of the schedule, with the shape of t."""
        t = torch.as_tensor(t, dtype=torch.float64)
        first, slack = float(self._t[0]), 1e-12 * self.horizon
        if not bool(((t >= first - slack) & (t <= self.horizon + slack)).all()):
            raise ValueError(f"t must lie in [{first:g}, {self.horizon:g}]")
        flat = t.reshape(-1)
        i = (torch.searchsorted(self._t, flat, right=True) - 1).clamp(0, self.steps - 1)
        return self._injection.level(self._t[i], self._sigma[i], flat).reshape(t.shape)

    def refine(self, factor: int) -> Schedule:
        """The same levels with each step cut into `factor` steps of equal time.

        >>> [round(s, 12) for s in Schedule.from_levels([4.0, 1.0, 0.25]).refine(2).sigma.tolist()]
        [4.0, 2.0, 1.0, 0.5, 0.25]
        """
        factor = positive_int(factor, "factor")
        parts = torch.arange(factor, dtype=torch.float64) / factor
        t = torch.cat([(self._t[:-1, None] + self.h[:, None] * parts).reshape(-1), self._t[-1:]])
        sigma = self.level(t)
        sigma[::factor] = self._sigma
        return Schedule(t, sigma, self._injection)

    def window(self, first: int, last: int) -> Schedule:
        """Steps first .. last - 1 as a schedule of its own, on the same clock (its times start at t[first]).

        >>> Schedule.from_levels([4.0, 2.0, 1.0, 0.5]).window(1, 3).sigma.tolist()
        [2.0, 1.0, 0.5]
        """
        if not 0 <= first < last <= self.steps:
            raise ValueError(f"first and last must satisfy 0 <= first < last <= {self.steps}, got {first!r}, {last!r}")
        return Schedule(self._t[first : last + 1], self._sigma[first : last + 1], self._injection)

    @classmethod
    def from_levels(cls, levels: torch.Tensor | Sequence[float], a: float = 0.5) -> Schedule:
        """The proportional family a_t = a sigma_t^2 on any strictly decreasing positive levels (N+1,), N >= 1.

        >>> Schedule.from_levels([4.0, 2.0, 0.5], a=0.0).steps
        2
        """
        try:
            levels = torch.as_tensor(levels, dtype=torch.float64).clone()
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise ValueError(f"levels must be numbers, got {levels!r:.60}") from None
        if levels.ndim != 1 or len(levels) < 2:
            raise ValueError(f"levels must be one-dimensional with at least 2 entries, got shape {tuple(levels.shape)}")
        if (
            not bool(torch.isfinite(levels).all())
            or not bool((levels > 0).all())
            or not bool((levels.diff() < 0).all())
        ):
            raise ValueError("levels must be finite, > 0 and strictly decreasing")
        injection = Proportional(_check_proportion(a))
        return cls(injection.time(levels), levels, injection)

    @classmethod
    def proportional(cls, sigma_start: float, sigma_end: float, a: float = 0.5, steps: int = 64) -> Schedule:
        """Constant step h = T / steps, T = log(sigma_start / sigma_end) / (1 - a): geometric levels.

        >>> [round(s, 12) for s in Schedule.proportional(8.0, 1.0, steps=3).sigma.tolist()]
        [8.0, 4.0, 2.0, 1.0]
        """
        return cls.from_levels(geometric_levels(sigma_start, sigma_end, steps), a)

    geometric = proportional

    @classmethod
    def karras(
        cls, sigma_start: float, sigma_end: float, a: float = 0.5, steps: int = 64, rho: float = 7.0
    ) -> Schedule:
        """Equal steps in sigma^(1/rho) (EDM, arXiv 2206.00364, eq. 5).

        >>> Schedule.karras(9.0, 1.0, steps=2, rho=2.0).sigma.tolist()
        [9.0, 4.0, 1.0]
        """
        return cls.from_levels(karras_levels(sigma_start, sigma_end, steps, rho), a)

    @classmethod
    def cosine(
        cls, sigma_start: float, sigma_end: float, a: float = 0.5, steps: int = 64, scale: float = 1.0
    ) -> Schedule:
        """Equal steps in arctan(sigma / scale) (arXiv 2102.09672, eq. 17, read as levels).

        >>> [round(s**2, 12) for s in Schedule.cosine(3**0.5, 3**-0.5, steps=2).sigma.tolist()]
        [3.0, 1.0, 0.333333333333]
        """
        return cls.from_levels(cosine_levels(sigma_start, sigma_end, steps, scale), a)

    @classmethod
    def tangent(
        cls,
        sigma_start: float,
        sigma_end: float,
        a: float = 0.5,
        steps: int = 64,
        scales: Sequence[float] = (1.0,),
    ) -> Schedule:
        """The tangent law of arXiv 2601.13602 for Gaussian data with these standard deviations (`grids.tangent_scale`).

        >>> [round(s**2, 12) for s in Schedule.tangent(6**0.5, (2 / 3) ** 0.5, steps=2, scales=[2**0.5]).sigma.tolist()]
        [6.0, 2.0, 0.666666666667]
        """
        return cls.from_levels(tangent_levels(sigma_start, sigma_end, steps, scales), a)

    @classmethod
    def las(cls, sigma_start: float, sigma_end: float, a: float = 0.5, steps: int = 64, *, mmse: Mmse) -> Schedule:
        """Loss-adaptive schedule (arXiv 2601.21943) from an MMSE curve or a table (levels, losses): `grids.las_levels`.

        >>> losses = [0.0025, 0.0099, 0.5, 0.99]
        >>> Schedule.las(10.0, 0.05, steps=16, mmse=([0.05, 0.1, 1.0, 10.0], losses)).steps
        16
        """
        return cls.from_levels(las_levels(sigma_start, sigma_end, steps, mmse_curve(mmse)), a)

    @classmethod
    def optimal(cls, sigma_start: float, sigma_end: float, a: float = 0.5, steps: int = 64, *, mmse: Mmse) -> Schedule:
        """Least discretisation error at a = 1/2 for an MMSE curve or a table (levels, losses): `grids.optimal_levels`.

        >>> Schedule.optimal(10.0, 0.05, steps=8, mmse=lambda sigma: sigma**2 / (1 + sigma**2))
        Schedule(10 -> 0.05, steps=8, a=0.5 sigma_t^2)
        """
        return cls.from_levels(optimal_levels(sigma_start, sigma_end, steps, mmse_curve(mmse)), a)

    @classmethod
    def constant_step(cls, h: float, a: float, sigma_start: float, sigma_end: float) -> Schedule:
        """Steps of the stated length h; the last one is shortened so as to end at sigma_end.

        >>> Schedule.constant_step(h=0.5, a=0.5, sigma_start=10.0, sigma_end=0.01).steps  # 2 log(1000) / .5 = 27.6
        28
        """
        check_range(sigma_start, sigma_end)
        ratio = (1 - _check_proportion(a)) * positive_number(h, "h")
        steps = math.ceil(math.log(sigma_start / sigma_end) / ratio - 1e-9)
        levels = sigma_start * torch.exp(-ratio * torch.arange(steps + 1, dtype=torch.float64))
        levels[-1] = sigma_end
        return cls.from_levels(levels, a)

    @classmethod
    def from_injection(cls, a_t: Callable, sigma_start: float, horizon: float, steps: int) -> Schedule:
        """Levels of Prop 3.2 for any injection a_t >= 0, on equal times of [0, horizon], to near machine precision.

        Args:
            a_t: function of a tensor of times, or of one number; smooth within each step.

        Raises:
            ValueError: bad numbers, or a_t negative, not finite or not smooth.

        >>> schedule = Schedule.from_injection(lambda t: 0.25, sigma_start=2.0, horizon=1.0, steps=4)
        >>> round(schedule.sigma_end**2 - 0.25 - 3.75 * math.exp(-2.0), 12)
        0.0
        """
        steps = positive_int(steps, "steps")
        sigma_start, horizon = positive_number(sigma_start, "sigma_start"), positive_number(horizon, "horizon")
        t = horizon * torch.arange(steps + 1, dtype=torch.float64) / steps
        injection = General(a_t)
        variance = [sigma_start**2]
        for ou, h in zip(injection.integrals(t[:-1], t[1:]).ou, t.diff()):
            variance.append(variance[-1] * math.exp(-2 * h) + float(ou))
        return cls(t, torch.tensor(variance, dtype=torch.float64).sqrt(), injection)


def _check_proportion(a: float) -> float:
    if isinstance(a, bool) or not isinstance(a, numbers.Real) or not 0 <= a < 1:
        raise ValueError(f"a must lie in [0, 1), got {a!r}")
    return float(a)
