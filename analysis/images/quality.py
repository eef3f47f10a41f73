"""How good are generated images? Several instruments, each left out block by block for its interval.

frechet, frechet_random   squared Frechet distance to the data in features of a classifier, and of a random network
kernel                    squared kernel distance in the classifier's features, cubic polynomial, unbiased (1801.01401)
precision, recall         share of samples inside the data's nearest-neighbour balls, and the other way round
nearest                   root mean squared distance a pixel to the nearest training image, over that of held-out ones:
                          far below 1 for a sampler that has learnt its images by heart
brightness                mean pixel over the data's, less 1: above 0 for samples that are too bold
sharpness                 log of the power at high spatial frequencies over the data's: below 0 for blurred samples

Samples come in blocks of one size. A distance is not a mean over samples: its error is the jackknife's over blocks,
and two samplers with matched starts and noise are compared on the same blocks left out, so that what they share drops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import stats

from analysis.learning.classifier import Features
from analysis.metrics.arrays import Array
from analysis.metrics.generative import frechet_distance, precision_recall

__all__ = ["BLOCKS", "Panel", "difference", "high_power", "kernel_distance", "left_out", "planted", "quantile"]

BLOCKS = 20  # Student's quantile of 19 degrees of freedom is 7 % above the normal one
MOST_NOISE = 1e3  # of a planted degradation, in units of the pixels' range
HIGH = 0.5  # spatial frequencies above this share of the highest along an axis count as high


def kernel_distance(x: Array, y: Array) -> float:
    """Unbiased squared kernel distance of features (n, q), (m, q), kernel (x'y/q + 1)^3 (arXiv 1801.01401).

    >>> round(kernel_distance(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]])), 6)  # 1 + 8 - 2
    7.0
    """
    a, b = (np.asarray(v, dtype=float) for v in (x, y))
    q = a.shape[1]

    def kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return (left @ right.T / q + 1.0) ** 3

    def within(left: np.ndarray) -> float:
        k = kernel(left, left)
        return float(k.sum() - np.trace(k)) / (len(left) * (len(left) - 1))

    return within(a) + within(b) - 2.0 * float(kernel(a, b).mean())


def high_power(y: torch.Tensor, side: int) -> torch.Tensor:
    """Mean power (n,) of images (n, d) at high spatial frequencies, all colours together."""
    power = torch.fft.rfft2(y.view(len(y), -1, side, side)).abs().square()
    rows, columns = torch.fft.fftfreq(side).abs(), torch.fft.rfftfreq(side)
    high = torch.maximum(rows[:, None], columns[None, :]) > 0.5 * HIGH  # the highest along an axis is 1/2
    return power[:, :, high].mean(dim=(1, 2)) / side**2


@dataclass(frozen=True)
class Panel:
    """The data as the instruments see them.

    Attributes:
        train, held: images (n, d) that networks were trained on, and others.
        side: pixels a side.
        features: of a classifier.
        random: of an untrained network.
        most: data and samples that neighbours are looked for in.
    """

    train: torch.Tensor
    held: torch.Tensor
    side: int
    features: Features
    random: Features
    most: int = 1000

    @cached_property
    def data(self) -> torch.Tensor:
        """Features of the training images."""
        return self.features(self.train)

    @cached_property
    def data_random(self) -> torch.Tensor:
        return self.random(self.train)

    def frechet(self, x: torch.Tensor, random: bool = False) -> float:
        """Squared Frechet distance of images to the training images."""
        own, data = (self.random(x), self.data_random) if random else (self.features(x), self.data)
        return frechet_distance(own, data)

    def without(self, x: torch.Tensor, random: bool = False) -> list[float]:
        """The same with each block left out."""
        own, data = (self.random(x), self.data_random) if random else (self.features(x), self.data)
        return [frechet_distance(part, data) for part in left_out(own)]

    def others(self, x: torch.Tensor) -> dict[str, tuple[float, float]]:
        """The other instruments with their standard errors."""
        own, data = self.features(x), self.data
        few, known = own[: self.most], self.features(self.held if len(self.held) >= 100 else self.train)[: self.most]
        found = {"kernel": _jackknife(lambda part: kernel_distance(part, data[: self.most]), own)}
        pair = precision_recall(few, known)
        for name, share in (("precision", pair.precision), ("recall", pair.recall)):
            found[name] = share.value, (share.high - share.low) / 3.92
        nearest, usual = self._nearest(x), float(self._nearest(self.held).square().mean().sqrt())
        found["nearest"] = _jackknife(lambda part: float(part.square().mean().sqrt()) / usual, nearest)
        bright = float(self.train.mean())
        found["brightness"] = _jackknife(lambda part: float(part.mean()) / bright - 1.0, x)
        power, real = high_power(x, self.side), float(high_power(self.train, self.side).mean())
        found["sharpness"] = _jackknife(lambda part: math.log(float(part.mean()) / real), power)
        return found

    def _nearest(self, x: torch.Tensor) -> torch.Tensor:
        x = x[: self.most]
        squares = x.square().sum(1)[:, None] + self.train.square().sum(1) - 2.0 * x @ self.train.T
        return (squares.min(dim=1).values.clamp(min=0.0) / x.shape[1]).sqrt()


def left_out(rows: torch.Tensor, blocks: torch.Tensor | None = None) -> list[torch.Tensor]:
    """Rows (n, ..) with each block left out; blocks (n,) are numbered, or BLOCKS of consecutive rows."""
    own = torch.arange(len(rows)) * BLOCKS // len(rows) if blocks is None else blocks
    return [rows[own != block] for block in own.unique()]


def _jackknife(statistic: Callable[[torch.Tensor], float], rows: torch.Tensor) -> tuple[float, float]:
    value = statistic(rows)
    return value, difference(0.0, [statistic(part) for part in left_out(rows)])[1]


def difference(value: float, without: list[float] | np.ndarray) -> tuple[float, float]:
    """(value, standard error) from the values with each block left out (jackknife).

    >>> difference(2.0, [1.5, 2.0, 2.5])  # of the mean of 1, 2, 3: 1/sqrt(3)
    (2.0, 0.5773502691896257)
    """
    w = np.asarray(without, dtype=float)
    return value, math.sqrt((len(w) - 1) / len(w) * float(np.square(w - w.mean()).sum()))


def quantile(blocks: int, count: int = 1) -> float:
    """Of Student's law, of a two-sided 95 % interval from so many blocks, for `count` intervals at once."""
    return float(stats.t.ppf(1.0 - 0.025 / count, blocks - 1))


def planted(panel: Panel, x: torch.Tensor, z: torch.Tensor, factor: float) -> torch.Tensor:
    """Images x (n, d) with b times noise z (n, d) such that their Frechet distance is `factor` times as large.

    b by bisection to a thousandth of the distance.

    Raises:
        ValueError: no noise makes them so.
    """
    target = factor * panel.frechet(x)
    low, high = 0.0, 1.0
    while panel.frechet(x + high * z) < target:
        low, high = high, 2.0 * high
        if high > MOST_NOISE:
            raise ValueError(f"no noise makes the Frechet distance {factor:g} times as large")
    for _ in range(40):
        middle = 0.5 * (low + high)
        found = panel.frechet(x + middle * z)
        if abs(found / target - 1.0) < 1e-3:
            break
        low, high = (low, middle) if found > target else (middle, high)
    return x + middle * z
