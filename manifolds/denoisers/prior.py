"""Noise priors Theta: the law of the noise level that a blind denoiser averages over (arXiv 2602.09639, Prop 3.1)."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Protocol

import torch

from manifolds.checks import RANGE, instance, positive_int, positive_number, within_range
from manifolds.streams import Stream

__all__ = ["DiscretePrior", "NoisePrior", "PiecewisePowerPrior", "check_prior"]


_STEEPEST = 1e6  # a prior over 120 decades steeper than that has no logarithms left to tell levels apart


class _WeightedLevels(Protocol):
    """What `NoisePrior.aligned` needs of a schedule: levels (N + 1,) and KL weights (N,)."""

    sigma: torch.Tensor
    kl_weights: torch.Tensor


class NoisePrior:
    """A law of the noise standard deviation on [low, high]. Build one with the constructors below.

    Attributes:
        low, high: sigma_T and sigma_0, the ends of its support.
        exponent: e where the density is proportional to sigma^e throughout, else None.

    >>> prior = NoisePrior.power(-1.0, 0.01, 1.0)
    >>> prior.quantile(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    tensor([0.0100, 0.1000, 1.0000], dtype=torch.float64)
    """

    low: float
    high: float
    exponent: float | None = None

    @staticmethod
    def power(exponent: float, low: float, high: float) -> PiecewisePowerPrior:
        """Theta(sigma) proportional to sigma^exponent on [low, high].

        -3 is flat in sigma^-2 (the theory of arXiv 2602.09639), -1 log-uniform (its synthetic runs), -1/2 its image
        runs, 0 flat in sigma.

        Raises:
            ValueError: unless 0 < low < high, both from 1e-60 to 1e60, and the exponent is finite.

        >>> NoisePrior.power(-3.0, 0.5, 1.0).log_density(torch.tensor([0.5, 1.0])).exp()  # 2/3 sigma^-3
        tensor([5.3333, 0.6667], dtype=torch.float64)
        """
        if not isinstance(exponent, numbers.Real) or not abs(exponent) <= _STEEPEST:
            raise ValueError(f"exponent must be a number of size at most {_STEEPEST:g}, got {exponent!r:.60}")
        low, high = _range(low, high)
        ends = torch.tensor([math.log(low), math.log(high)], dtype=torch.float64)
        return PiecewisePowerPrior(ends, exponent * ends, exponent=float(exponent))

    @staticmethod
    def tabulated(sigma: Sequence[float], log_density: Sequence[float]) -> PiecewisePowerPrior:
        """A density given (up to a constant) at increasing levels, a power law between neighbours.

        Raises:
            ValueError: fewer than two levels, levels not increasing from 1e-60 to 1e60, or a log density that is not
                finite.

        >>> prior = NoisePrior.tabulated([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])  # uniform
        >>> prior.log_density(torch.tensor([1.0, 2.5, 4.0])).exp()
        tensor([0.5000, 0.5000, 0.0000], dtype=torch.float64)
        """
        levels = torch.as_tensor(sigma, dtype=torch.float64)
        logs = torch.as_tensor(log_density, dtype=torch.float64)
        if levels.ndim != 1 or levels.shape[0] < 2 or logs.shape != levels.shape:
            raise ValueError("sigma and log_density must be two lists of one length >= 2")
        if not bool(within_range(levels).all() and (levels.diff() > 0).all()):
            raise ValueError(f"sigma must be increasing and {RANGE}")
        if not bool(torch.isfinite(logs).all()):
            raise ValueError("log_density must be finite")
        return PiecewisePowerPrior(torch.log(levels), logs)

    @staticmethod
    def discrete(levels: Sequence[float], weights: Sequence[float]) -> DiscretePrior:
        """Atoms at the given levels, with weights that are normalised.

        Raises:
            ValueError: levels not positive and distinct, or weights not positive.

        >>> prior = NoisePrior.discrete([2.0, 0.5], [1.0, 3.0])
        >>> prior.levels, prior.weights
        (tensor([0.5000, 2.0000], dtype=torch.float64), tensor([0.7500, 0.2500], dtype=torch.float64))
        """
        return DiscretePrior(
            torch.as_tensor(levels, dtype=torch.float64), torch.as_tensor(weights, dtype=torch.float64)
        )

    @staticmethod
    def aligned(schedule: _WeightedLevels) -> DiscretePrior:
        """The prior under which a run on this schedule has a ledger whose terms add up exactly, at every step count.

        Atoms at the levels sigma_{t_i} at which the run calls its denoiser, weighted by the KL weights
        int dt / (4 a_t) of the steps. Derived here; the continuous limit is the remark after Theorem 3.12 of
        arXiv 2602.09639.

        Raises:
            ValueError: a schedule that injects no noise (its KL weights are infinite).

        >>> from types import SimpleNamespace
        >>> NoisePrior.aligned(SimpleNamespace(sigma=[2.0, 1.0, 0.5], kl_weights=[1.0, 3.0])).weights
        tensor([0.7500, 0.2500], dtype=torch.float64)
        """
        weights = torch.as_tensor(schedule.kl_weights, dtype=torch.float64)
        if not bool(torch.isfinite(weights).all()):
            raise ValueError("schedule must inject noise in every step (a > 0) to have an aligned prior")
        return DiscretePrior(torch.as_tensor(schedule.sigma, dtype=torch.float64)[: weights.shape[0]], weights)

    def log_density(self, sigma: torch.Tensor) -> torch.Tensor:
        """log Theta(sigma), normalised, with respect to d sigma; -inf outside [low, high]."""
        raise NotImplementedError

    def sample(self, n: int, stream: Stream) -> torch.Tensor:
        """n levels, (n,)."""
        instance(stream, Stream, "stream")
        return self.quantile(stream.uniform(positive_int(n, "n")))

    def quantile(self, p: torch.Tensor) -> torch.Tensor:
        """The levels below which Theta has mass p; for stratified sampling."""
        raise NotImplementedError

    def covers(self, low: float, high: float) -> None:
        """Raise ValueError unless [low, high] lies in the support (to 1e-9 relative)."""
        if low < self.low * (1 - 1e-9) or high > self.high * (1 + 1e-9):
            raise ValueError(
                f"prior must cover the schedule's levels [{low:.6g}, {high:.6g}], got [{self.low:.6g}, {self.high:.6g}]"
            )

    def check_schedule(self, levels: torch.Tensor) -> None:
        """Raise ValueError unless the levels (N + 1,) of a schedule lie in the support."""
        self.covers(float(levels.min()), float(levels.max()))


class PiecewisePowerPrior(NoisePrior):
    """log Theta piecewise linear in s = log sigma; a power law is one piece.

    Args:
        log_levels: (p + 1,) increasing knots in s.
        logs: (p + 1,) log Theta at the knots, up to a constant.

    Attributes:
        steepest: the largest slope of the log density of s.

    Raises:
        ValueError: knots that do not increase.

    >>> flat = torch.tensor([0.0, 1.0], dtype=torch.float64)
    >>> PiecewisePowerPrior(flat, -flat).log_density_log(flat)  # Theta ~ 1/sigma: log sigma is uniform on [0, 1]
    tensor([0., 0.], dtype=torch.float64)
    """

    def __init__(self, log_levels: torch.Tensor, logs: torch.Tensor, exponent: float | None = None):
        if not bool((log_levels.diff() > 0).all()):
            raise ValueError("levels must be increasing, and by enough for their logs to differ in float64")
        self.exponent = exponent
        self.knots = log_levels
        self.low, self.high = math.exp(float(log_levels[0])), math.exp(float(log_levels[-1]))
        # density of s is Theta(e^s) e^s: on a piece exp(b0 + slope (s - s0)), with slope = exponent + 1
        heights = logs + log_levels
        width = log_levels.diff()
        self._slope = heights.diff() / width
        self.steepest = float(self._slope.max())
        higher = torch.maximum(heights[:-1], heights[1:])  # of a steep piece, whose lower end may be no number
        mass = torch.exp(higher - heights.max()) * width * _expm1_ratio(-(self._slope * width).abs())
        self._cumulative = torch.cat([torch.zeros(1, dtype=torch.float64), mass.cumsum(0)])
        total = self._cumulative[-1]
        self._cumulative = self._cumulative / total
        self._heights = heights - heights.max() - torch.log(total)

    def log_density_log(self, s: torch.Tensor) -> torch.Tensor:
        """log density of s = log sigma, the linear extension of the end pieces outside the support (callers mask)."""
        knots, heights, slope = (t.to(s.device) for t in (self.knots, self._heights, self._slope))
        if len(slope) == 1:
            return torch.sub(s, knots[0]).mul_(slope[0]).add_(heights[0])
        piece = self._piece(s)
        return heights[piece] + slope[piece] * (s - knots[piece])

    def slope(self, s: torch.Tensor) -> torch.Tensor:
        """d/ds of `log_density_log` on the piece of s."""
        return self._slope.to(s.device)[self._piece(s)]

    def _piece(self, s: torch.Tensor) -> torch.Tensor:
        return torch.searchsorted(self.knots.to(s.device), s.contiguous()).sub(1).clamp(0, len(self._slope) - 1)

    def log_density(self, sigma: torch.Tensor) -> torch.Tensor:
        sigma = torch.as_tensor(sigma, dtype=torch.float64)
        inside = (sigma >= self.low * (1 - 1e-12)) & (sigma <= self.high * (1 + 1e-12))
        s = torch.log(torch.where(inside, sigma, torch.full_like(sigma, self.low)))
        return torch.where(inside, self.log_density_log(s) - s, torch.full_like(s, -math.inf))

    def quantile(self, p: torch.Tensor) -> torch.Tensor:
        piece = torch.searchsorted(self._cumulative, p, right=True).sub(1).clamp(0, len(self._slope) - 1)
        share = (p - self._cumulative[piece]) / self._cumulative.diff()[piece].clamp(min=1e-300)
        slope, width = self._slope[piece], self.knots.diff()[piece]
        rise = slope * width
        # expm1(slope x) / expm1(rise) = share, from the higher end; a flat piece is linear
        steep = width + torch.log(share + (1.0 - share) * torch.exp(-rise)) / slope
        gentle = torch.log1p(share * torch.expm1(rise)) / slope
        x = torch.where(rise > 1.0, steep, torch.where(rise.abs() < 1e-12, share * width, gentle))
        return torch.exp(torch.minimum(self.knots[piece] + x, self.knots[piece + 1]))


class DiscretePrior(NoisePrior):
    """Atoms at finitely many noise levels.

    Attributes:
        levels: (L,) increasing.
        weights: (L,) summing to one.

    Raises:
        ValueError: levels not positive and distinct, weights not positive, or more of the one than of the other.

    >>> prior = DiscretePrior(torch.tensor([0.5, 2.0]), torch.tensor([0.7, 0.3]))
    >>> prior.quantile(torch.tensor([0.6, 0.8]))
    tensor([0.5000, 2.0000])
    """

    def __init__(self, levels: torch.Tensor, weights: torch.Tensor):
        if levels.ndim != 1 or levels.shape[0] < 1 or weights.shape != levels.shape:
            raise ValueError("levels and weights must be two lists of one length >= 1")
        if not bool(within_range(levels).all()):
            raise ValueError(f"levels must be {RANGE}")
        if not bool((weights > 0).all() and torch.isfinite(weights).all()):
            raise ValueError("weights must be finite and > 0")
        order = torch.argsort(levels)
        self.levels, self.weights = levels[order], weights[order] / weights.sum()
        if bool((self.levels.diff() <= 0).any()):
            raise ValueError("levels must be distinct")
        self.low, self.high = float(self.levels[0]), float(self.levels[-1])

    def check_schedule(self, levels: torch.Tensor) -> None:
        """As for a density, but the last level may be missing: the aligned prior weighs steps, and it begins none."""
        self.covers(float(levels.sort().values[min(1, len(levels) - 1)]), float(levels.max()))

    def log_density(self, sigma: torch.Tensor) -> torch.Tensor:
        raise ValueError("a discrete prior has no density; use its levels and weights")

    def quantile(self, p: torch.Tensor) -> torch.Tensor:
        index = torch.searchsorted(self.weights.cumsum(0), p, right=True)
        return self.levels[index.clamp(max=len(self.levels) - 1)]


def check_prior(f: object, levels: torch.Tensor) -> None:
    """Raise ValueError if f is a denoiser with a noise prior that misses levels (N + 1,) of a schedule.

    A run beyond the prior is never what was meant; to sabotage one on purpose, wrap f in a function.

    >>> from types import SimpleNamespace
    >>> check_prior(SimpleNamespace(prior=NoisePrior.power(-1.0, 0.1, 1.0)), torch.tensor([2.0, 0.5]))
    Traceback (most recent call last):
    ValueError: prior must cover the schedule's levels [0.5, 2], got [0.1, 1]
    """
    prior = getattr(f, "prior", None)
    if isinstance(prior, NoisePrior):
        prior.check_schedule(levels)


def _range(low: float, high: float) -> tuple[float, float]:
    low, high = positive_number(low, "low"), positive_number(high, "high")
    if not low < high:
        raise ValueError(f"low must be < high, got low={low:.6g} and high={high:.6g}")
    if not bool(within_range(torch.tensor([low, high], dtype=torch.float64)).all()):
        raise ValueError(f"low and high must be {RANGE}, got low={low:.6g} and high={high:.6g}")
    return low, high


def _expm1_ratio(x: torch.Tensor) -> torch.Tensor:
    """(e^x - 1)/x, 1 at 0."""
    small = x.abs() < 1e-8
    return torch.where(small, 1 + x / 2, torch.expm1(x) / torch.where(small, torch.ones_like(x), x))
