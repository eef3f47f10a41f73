"""The stochastic coarse-to-fine sampler of Kadkhodaie and Simoncelli (arXiv 2007.13640), with its own step law."""

from __future__ import annotations

import math
import numbers

import torch

from analysis.samplers.schedule import Schedule
from analysis.samplers.step import Coefficients, Integrator
from manifolds.checks import positive_number

__all__ = ["KadkhodaieSimoncelli"]

_CAP = 100_000  # steps; a run that needs more has an h0 mistyped by orders of magnitude


class KadkhodaieSimoncelli(Integrator):
    """c_i = 1 - h_i, eta_i^2 = [(1 - beta h_i)^2 - (1 - h_i)^2] sigma_hat^2, h_i = h0 i / (1 + h0 (i - 1)).

    Each step multiplies the noise level by 1 - beta h_i; 1 - beta plays the role of a. The schedule gives the first
    and last levels; the number of steps follows from h0 and beta, or from the schedule when h0 is None.

    Args:
        h0: first step, in (0, 1]; None solves for the h0 that ends at the last level in exactly `schedule.steps` steps.
        beta: in (0, 1], 1 for no injected noise; None takes 1 - a from a proportional schedule.
        sigma_stop: residual estimate at which to stop; None is the last level of the schedule.
        growing: False for the constant step h_i = h0.

    Raises:
        ValueError: arguments outside these ranges, or (h0 None) fewer steps than the law of h_i allows.

    >>> steps = KadkhodaieSimoncelli(h0=0.5, beta=0.5).coefficients(Schedule.proportional(4.0, 2.5))
    >>> [round(v, 3) for v in steps.levels.tolist()]  # h = 1/2, 2/3: levels fall by 3/4, 2/3
    [4.0, 3.0, 2.0]
    """

    name = "kadkhodaie_simoncelli"
    adaptive = True

    def __init__(
        self,
        h0: float | None = 0.01,
        beta: float | None = None,
        sigma_stop: float | None = None,
        growing: bool = True,
    ):
        for label, value in (("h0", h0), ("beta", beta)):
            if value is not None and (not isinstance(value, numbers.Real) or not 0 < value <= 1):
                raise ValueError(f"{label} must lie in (0, 1], got {value!r}")
        if sigma_stop is not None:
            positive_number(sigma_stop, "sigma_stop")
        self.h0, self.beta, self.sigma_stop, self.growing = h0, beta, sigma_stop, growing

    def __repr__(self) -> str:
        options = f"h0={self.h0}, beta={self.beta}, sigma_stop={self.sigma_stop}, growing={self.growing}"
        return f"KadkhodaieSimoncelli({options})"

    def stop_level(self, schedule: Schedule) -> float:
        return schedule.sigma_end if self.sigma_stop is None else self.sigma_stop

    def coefficients(self, schedule: Schedule) -> Coefficients:
        beta, end = self._beta(schedule), self.stop_level(schedule)
        if end >= schedule.sigma_start:
            raise ValueError(f"sigma_stop must be below sigma_start = {schedule.sigma_start:g}, got {end:g}")
        target = math.log(end / schedule.sigma_start)
        h = self._fitted(beta, target, schedule.steps) if self.h0 is None else self._own(self.h0, beta, target)
        shrink = 1 - beta * h
        levels = schedule.sigma_start * torch.cat([torch.ones(1, dtype=torch.float64), shrink.cumprod(0)])
        noise = (1 - beta) * h * (2 - (1 + beta) * h) * levels[:-1] ** 2  # the difference of squares, factored
        return Coefficients(levels, 1 - h, noise)

    def _beta(self, schedule: Schedule) -> float:
        if self.beta is not None:
            return self.beta
        if schedule.proportion is None:
            raise ValueError("beta must be given for a schedule whose injection is not proportional")
        return 1 - schedule.proportion

    def _own(self, h0: float, beta: float, target: float) -> torch.Tensor:
        """Steps of the stated h0 until the nominal level is at or below the last one."""
        count = 64
        while count <= _CAP:
            h = self._steps(h0, count)
            reached = torch.nonzero(torch.log1p(-beta * h).cumsum(0) <= target)
            if len(reached):
                return h[: int(reached[0]) + 1]
            count *= 4
        raise ValueError(f"h0 must be larger: {h0:g} needs over {_CAP} steps to reach the last level")

    def _fitted(self, beta: float, target: float, count: int) -> torch.Tensor:
        """`count` steps whose h0 makes the last level exact, by bisection on the increasing log contraction."""

        def reach(h0: float) -> float:
            return float(torch.log1p(-beta * self._steps(h0, count)).sum())

        low, high = 0.0, 1.0
        if reach(high) > target:
            least = math.ceil(target / math.log1p(-beta)) if beta < 1 else 1
            raise ValueError(f"steps must be at least {least} for beta = {beta:g} and this range, got {count}")
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if reach(middle) > target else (low, middle)
        return self._steps(high, count)

    def _steps(self, h0: float, count: int) -> torch.Tensor:
        i = torch.arange(1, count + 1, dtype=torch.float64)
        return h0 * i / (1 + h0 * (i - 1)) if self.growing else torch.full_like(i, h0)
