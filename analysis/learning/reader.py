"""Reading the noise level of points with an estimator that no denoiser shares (arXiv 2602.09639, figures 9 and 12).

An estimator has a bias of its own, most of all where its training range ends. It is measured where the level is known,
at held-out points to which noise was added, and taken off: what is left of log(reading/level) along a run is the run's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from manifolds.checks import positive_number
from manifolds.streams import Stream

__all__ = ["LevelReader", "calibrated"]

SLOPE = 0.1  # of log estimate against log level, at least: below it a reading multiplies the estimate's errors by ten
Estimator = Callable[[torch.Tensor], torch.Tensor]  # points (n, d) -> noise standard deviations (n,)


@dataclass(frozen=True)
class LevelReader:
    """An estimator of the noise level, and what it says at known levels.

    >>> reader = LevelReader(lambda y: 1.1 * y[:, 0], (0.1, 1.0), (math.log(1.1), math.log(1.1)), (0.0, 0.0), 50)
    >>> reader(torch.tensor([[0.2], [0.5]])).round(decimals=6).tolist()
    [0.2, 0.5]

    Attributes:
        estimator: points (n, d) -> (n,).
        levels: where it was calibrated, increasing; wider than what will be read, whose errors reach beyond.
        bias, spread: mean and standard deviation over points of log(estimate/level) there.
        points: number of points that both were measured at.
    """

    estimator: Estimator
    levels: tuple[float, ...]
    bias: tuple[float, ...]
    spread: tuple[float, ...]
    points: int

    def __post_init__(self) -> None:
        said = self._said()
        for i, (low, high) in enumerate(zip(said[:-1], said[1:])):
            if high - low < SLOPE * math.log(self.levels[i + 1] / self.levels[i]):
                pair = f"{self.levels[i]:.3g} and {self.levels[i + 1]:.3g}"
                raise ValueError(f"the estimator does not tell the levels {pair} apart: it cannot be read")

    def _said(self) -> np.ndarray:
        """log estimates at the levels, in the mean."""
        return np.log(self.levels) + np.asarray(self.bias)

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        """Levels (n,): estimates less their bias, which is linear in the logarithm between the calibrated levels and
        constant beyond."""
        log = torch.log(self.estimator(y)).to(torch.float64).numpy()
        said, known = self._said(), np.log(self.levels)
        inside = np.interp(log, said, known)
        beyond = np.minimum(log - said[0], 0.0) + np.maximum(log - said[-1], 0.0)
        return torch.from_numpy(np.exp(inside + beyond))

    def beside(self, y: torch.Tensor, fy: torch.Tensor) -> torch.Tensor:
        """The reader as `analysis.samplers.sample` takes an estimator: it sees y alone, not the denoiser's answer."""
        return self(y)

    def shift(self, y: torch.Tensor, level: float) -> tuple[float, float]:
        """Mean of log(reading/level) over points, and its standard error, that of the calibration included."""
        log = torch.log(self(y) / positive_number(level, "level"))
        own = float(log.var()) / len(log)
        known = float(np.interp(math.log(level), np.log(self.levels), self.spread)) ** 2 / self.points
        return float(log.mean()), math.sqrt(own + known)


def calibrated(estimator: Estimator, clean: torch.Tensor, levels: Sequence[float], draws: Stream) -> LevelReader:
    """A reader from an estimator and points (n, d) that it was not trained on: noise of every level is added to all.

    Raises:
        ValueError: fewer than two points or levels, levels that do not increase, or an estimator that is not monotone.
    """
    if len(clean) < 2 or len(levels) < 2:
        raise ValueError(f"at least 2 points and 2 levels are needed, got {len(clean)} and {len(levels)}")
    known = [positive_number(level, "level") for level in levels]
    if any(a >= b for a, b in zip(known[:-1], known[1:])):
        raise ValueError(f"levels must increase, got {known}")
    bias, spread = [], []
    for level in known:
        noise = draws.child("calibration", level).normal(*clean.shape)
        error = torch.log(estimator(clean + level * noise) / level).to(torch.float64)
        bias.append(float(error.mean()))
        spread.append(float(error.std()))
    return LevelReader(estimator, tuple(known), tuple(bias), tuple(spread), len(clean))
