"""Causes that show only when the denoiser is called again: elsewhere, turned, a little further, read otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from analysis.certify.fits import Fit
from analysis.certify.levels import At, ask, noisy, total
from analysis.certify.wrapping import PREDICTIONS, Wrapped
from manifolds.law import Law
from manifolds.shapes import Points, Rows
from manifolds.streams import Stream

__all__ = ["level_grid", "prediction", "rounding", "turned"]

Function = Callable[..., Any]
_REACH = 0.4  # implied levels are looked for within a factor e^0.4 of the true ones


def prediction(f: Function, blind: bool, levels: list[At]) -> tuple[str, float] | None:
    """(what f seems to predict, which part of the gap that explains), the best of the other declarations."""
    inner = f if isinstance(f, Wrapped) else Wrapped(f, "clean", not blind, None, torch.float64, None)
    fits = []
    for kind in PREDICTIONS:
        if kind == inner.predicts:
            continue
        other = inner.declared(kind)
        outs = [ask(other, other.blind, at.y, at.sigma) for at in levels]
        errors = [out - at.best for out, at in zip(outs, levels) if out is not None]
        if len(errors) == len(levels):
            fits.append((1.0 - total(levels, errors) / total(levels), kind))
    return (max(fits)[1], max(fits)[0]) if fits else None


def rounding(f: Function, blind: bool, best: Function, at: At, stream: Stream) -> Rows | None:
    """|change of f - f*|^2 / 2, (n,), when the points move by a millionth: rounding, for the truth is smooth."""
    moved = at.y * (1 + 1e-6 * stream.normal(*at.y.shape))
    out = ask(f, blind, moved, at.sigma)
    if out is None:
        return None
    jump = (out - at.f) - (best(moved, at.sigma) - at.best)
    return (jump**2).sum(dim=1) / 2


def turned(f: Function, blind: bool, law: Law, at: At, stream: Stream) -> Points | None:
    """f(Q y) - Q f(y) for a rotation or reflection Q of the directions normal to the data, which no law can see."""
    if law.reduced or law.space.normal_dim < 2:
        return None
    axes = [law.space.normal_part(stream.child(i).normal(1, law.ambient_dim)) for i in range(4)]

    def turn(v: Points) -> Points:
        v = v - 2 * law.space.normal_part(v)
        for axis in axes:
            v = v - 2 * (v @ axis.T) * axis / (axis**2).sum()
        if law.space.frame is None:
            v = torch.cat([v[:, : law.core_dim], v[:, law.core_dim :].roll(1, dims=1)], dim=1)
        return v

    out = ask(f, blind, turn(at.y), at.sigma)
    return None if out is None else out - turn(at.f)


def level_grid(f: Function, law: Law, low: float, high: float, n: int, stream: Stream) -> Fit | None:
    """Whether a blind f knows but a grid of levels: those that its answers imply then cluster. Size: log of the grid's
    ratio."""
    log_low, width = math.log(low), math.log(high / low)
    s = log_low + width * (torch.arange(n, dtype=torch.float64) + stream.child("level").uniform(n)) / n
    y = noisy(law, s.exp(), n, stream)
    out = ask(f, True, y, 0.0)
    if out is None:
        return None
    implied, sure = _implied(out, law, y, s)
    if int(sure.sum()) < 64:
        return None
    u = implied[sure]
    found = _period(u, float(u.max() - u.min()))
    if found is None:
        return None
    strength, frequency, error = found
    step = 1 / frequency
    return Fit(strength, step, 1 / (frequency + error), 1 / max(frequency - error, 1e-3))


def _implied(out: Points, law: Law, y: Points, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(log levels at which the told denoiser answers what f did, where that is well determined)."""
    t = torch.linspace(-_REACH, _REACH, 81, dtype=torch.float64)
    square = torch.stack([((out - law.denoise(y, (s + x).exp())) ** 2).sum(dim=1) for x in t.tolist()], dim=1)
    i = square.argmin(dim=1).clamp(1, len(t) - 2)
    a, b, c = (square.gather(1, (i + j)[:, None])[:, 0] for j in (-1, 0, 1))
    bend = a - 2 * b + c
    move = torch.where(bend > 0, 0.5 * (a - c) / bend, torch.zeros_like(bend)).clamp(-0.5, 0.5)
    inside = (square.argmin(dim=1) > 0) & (square.argmin(dim=1) < len(t) - 1)
    sure = inside & (b < 0.02 * torch.minimum(square[:, 0], square[:, -1]))
    return s + t[i] + move * (t[1] - t[0]), sure


def _period(u: torch.Tensor, width: float) -> tuple[float, float, float] | None:
    """(strength, frequency, 1.96 standard errors) of the strongest period of u, by the Rayleigh periodogram.

    Periods longer than a fifth of the range do not stand out from the range itself. Of n points without a period one
    frequency exceeds r with probability exp(-n r^2), at most exp(-12) here.
    """
    frequencies = torch.arange(5 / width, 50.0, 0.1 / width, dtype=torch.float64)
    if not len(frequencies):
        return None
    phases = 2 * math.pi * frequencies[:, None] * u[None]
    strength = torch.hypot(phases.cos().mean(dim=1), phases.sin().mean(dim=1))
    i = int(strength.argmax())
    r, n = float(strength[i]), len(u)
    if r < max(0.2, math.sqrt(12 / n)):
        return None
    error = 1.96 * math.sqrt(-2 * math.log(min(r, 0.999999)) * 12 / n) / (2 * math.pi * width)
    return r, float(frequencies[i]), error
