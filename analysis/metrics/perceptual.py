"""D_X of arXiv 2602.09639: how far samples are from a law for an eye that sees them projected onto its support."""

from __future__ import annotations

import math

import numpy as np
import torch

from manifolds.law import Law
from manifolds.streams import Stream

from .intervals import Estimate, mean
from .support import bounded_lipschitz, bounded_lipschitz_lower

_BATCHES, _LARGEST = 8, 500  # exact assignment is cubic in the batch


def perceptual(samples: torch.Tensor, law: Law, stream: Stream, confidence: float = 0.95) -> Estimate:
    """D_X(law of the samples, law): the bounded-Lipschitz distance of the projections onto the support, as an interval.

    Remark 3.11 of arXiv 2602.09639 asks for it. The samples are cut into 8 batches of at most 500, each held against
    fresh draws of the law by exact assignment. low: a lower confidence limit by functions chosen on one half and tested
    on the other. high: an upper one: the distance of two empirical laws exceeds that of the laws on average. value:
    the root of its square less that of truth against truth (the floor), kept between the two.

    Args:
        samples: (n, width) points of the law's space, n >= 64; rows independent.
        stream: source of the fresh draws.

    Raises:
        ValueError: fewer points, or points of another space.

    >>> import manifolds
    >>> law = manifolds.make("sphere", dim=2, ambient=10**6, reduced=True)
    >>> noisy = law.add_noise(law.sample(800, manifolds.stream(0)), 0.2, manifolds.stream(0, "noise"))
    >>> found = perceptual(noisy, law, manifolds.stream(0, "truth"))  # projected, they are the law again
    >>> found.low == 0.0 and found.value < 0.02 < found.high < 0.5
    True
    """
    law.space.check(samples, "samples")
    size = min(len(samples) // _BATCHES, _LARGEST)
    if size < 8:
        raise ValueError(f"samples must hold at least {8 * _BATCHES} points, got {len(samples)}")

    def core(points: torch.Tensor) -> np.ndarray:
        return law.space.core_part(law.project(points)).numpy()

    seen = core(samples[: size * _BATCHES]).reshape(_BATCHES, size, -1)
    truth, other = (core(law.sample(size * _BATCHES, stream.child(label))).reshape(seen.shape) for label in "ab")
    upper = mean(np.array([bounded_lipschitz(x, y) for x, y in zip(seen, truth)]), confidence)
    floor = mean(np.array([bounded_lipschitz(x, y) for x, y in zip(other, truth)]), confidence)
    width = seen.shape[2]
    low = bounded_lipschitz_lower(
        seen.reshape(-1, width), truth.reshape(-1, width), stream.child("functions"), confidence=(1 + confidence) / 2
    )
    high = max(upper.high, low)
    excess = math.sqrt(max(upper.value**2 - floor.value**2, 0.0))
    return Estimate(min(max(excess, low), high), low, high)
