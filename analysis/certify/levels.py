"""The denoiser and the optimal one at the same noisy points, level by level."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.shapes import Points, Rows
from manifolds.streams import Stream

__all__ = ["EXPONENTS", "At", "ask", "call", "measure", "noisy", "reference", "total", "unit"]

EXPONENTS = (-3.0, -1.0, -0.5)  # of priors sigma^e: the theory's, the log-uniform, the one of the paper's image runs
Function = Callable[..., Any]


class At(NamedTuple):
    """One level: n points, what the denoiser f, the optimal f* and the one that is told the level answer there.

    unit: what a squared error is measured in, the mmse and a hundredth of sigma^2; the latter speaks where the mmse
    vanishes faster than every power of sigma, on finite data.
    """

    sigma: float
    y: Points
    f: Points
    best: Points
    told: Points
    mmse: float
    unit: float

    @property
    def gap(self) -> Rows:
        """|f - f*|^2 (n,)."""
        return ((self.f - self.best) ** 2).sum(dim=1)


def unit(mmse: float, sigma: float) -> float:
    """See `At`.

    >>> unit(1.0, 2.0)
    1.04
    """
    return mmse + 0.01 * sigma**2


def call(f: Function, blind: bool, y: Points, sigma: float | torch.Tensor) -> Points:
    """f at a copy of y, told the level only if it is not blind."""
    return f(y.clone()) if blind else f(y.clone(), sigma)


def ask(f: Function, blind: bool, y: Points, sigma: float | torch.Tensor) -> Points | None:
    """As `call`; None where a stranger's function refuses, or answers something that cannot be compared."""
    try:
        out = call(f, blind, y, sigma)
    except Exception:
        return None
    good = isinstance(out, torch.Tensor) and out.shape == y.shape and bool(torch.isfinite(out).all())
    return out.detach().to(y) if good else None


def noisy(law: Law, sigma: float | torch.Tensor, n: int, stream: Stream) -> Points:
    """n noisy points."""
    return law.add_noise(law.sample(n, stream.child("x")), sigma, stream.child("z"))


def measure(f: Function, blind: bool, best: Function, law: Law, draws: list[tuple[float, Points]]) -> list[At]:
    """Every level at which f can be compared; `best` is the optimal denoiser of the same kind."""
    found = []
    for sigma, y in draws:
        out = ask(f, blind, y, sigma)
        if out is None:
            continue
        told, trace = law.mean_and_trace(y, sigma)
        mmse = float(trace.mean())
        found.append(At(sigma, y, out, best(y) if blind else told, told, mmse, unit(mmse, sigma)))
    return found


def total(levels: list[At], errors: list[Points] | None = None) -> float:
    """Mean squared errors (those of f by default) over levels, each in the unit of its level."""
    squares = [
        at.gap if errors is None else (e**2).sum(dim=1) for at, e in zip(levels, errors or [at.f for at in levels])
    ]
    return sum(float(s.mean()) / at.unit for at, s in zip(levels, squares))


def reference(
    f: Function,
    blind: bool,
    law: Law,
    prior: NoisePrior | None,
    low: float,
    high: float,
    draws: list[tuple[float, Points]],
) -> tuple[Callable[..., Points], str]:
    """The optimal denoiser of the same kind, and its name. The prior of a blind one is given, or its own, or the one of
    `EXPONENTS` on [low, high] that fits best."""
    if not blind:
        return ConditionalDenoiser(law), "optimal, told the level"
    known = prior if prior is not None else getattr(f, "prior", None)
    if isinstance(known, NoisePrior):
        return BlindDenoiser(law, known), f"optimal blind, prior on [{known.low:.3g}, {known.high:.3g}] as given"
    fits = []
    for exponent in EXPONENTS:
        best = BlindDenoiser(law, NoisePrior.power(exponent, low, high))
        fits.append((total(measure(f, True, best, law, [(s, y[:64]) for s, y in draws])), exponent, best))
    _, exponent, best = min(fits, key=lambda fit: fit[0] if math.isfinite(fit[0]) else math.inf)
    return best, f"optimal blind, prior sigma^{exponent:g} on [{low:.3g}, {high:.3g}]: the best fit of those tried"
