"""`certify(denoiser, law)`: is this the optimal denoiser of the law, and if not, what is it instead?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from analysis.certify import fits, probes
from analysis.certify.levels import At, measure, noisy, reference
from analysis.certify.record import Certificate, Finding, LevelRow, Measure
from analysis.certify.runs import RunRow, StrangerError, runs_of
from analysis.certify.structure import structural
from analysis.certify.wrapping import wrap
from manifolds.checks import positive_int, positive_number
from manifolds.denoisers import NoisePrior
from manifolds.law import Law
from manifolds.shapes import Points
from manifolds.streams import Stream, stream

__all__ = ["certify"]

ONE_CAUSE = 0.75  # a cause must explain this part of the gap
# jumps of rounding are at least this part of a gap of rounding (the rest is rounded once for all points, in what f
# stores); of a smooth error they are 1e-10
ROUNDED = 0.2
MOST_TIMES = 16  # more points for a size, each time four times as many as a level has, until it is known to a tenth
RMS = "sigma, root mean square error"
_INCOMPARABLE = {"raises", "wrong_shape", "wrong_dtype", "not_finite"}


def certify(
    denoiser: Callable[..., Any],
    law: Law,
    *,
    prior: NoisePrior | None = None,
    sigma_low: float | None = None,
    sigma_high: float | None = None,
    levels: int = 8,
    points: int = 256,
    tolerance: float = 1e-5,
    seed: int = 0,
    runs: bool = True,
) -> Certificate:
    """Compare a denoiser with the optimal one of a law, and name what is wrong with it.

    First its calls: does it return finite numbers of the right shape and dtype, the same twice, and leave its argument
    alone? Then its numbers: at each level the gap E |f - f*|^2 to the optimal denoiser (told the level, or blind like
    f) is compared with the mmse. Where it is larger than `tolerance` somewhere, one cause is looked for that explains
    three quarters of it over all levels.

    Args:
        denoiser: f(y) if blind, f(y, sigma) if not, clean estimates of float64 points (n, d); see `analysis.wrap`.
        law: what the data are drawn from.
        prior: of the noise level, for a blind denoiser. None is `denoiser.prior`, or the best of sigma^-3, sigma^-1
            and sigma^-1/2 on [sigma_low, sigma_high], and the certificate says which.
        sigma_low, sigma_high: range of noise levels; None is that of the prior, or a hundredth and ten times the root
            mean square of |X|.
        levels: how many levels, evenly in the middle of the range's equal parts in log sigma.
        points: noisy points a level.
        tolerance: the largest gap that is no finding, relative to the mmse (and a hundredth of sigma^2).
        seed: of all draws.
        runs: whether the denoiser is also run: its ledger and its samples at 4, 16 and 64 steps.

    Raises:
        ValueError: an argument that is not allowed, in one line. Whatever the denoiser does is a finding.

    >>> import manifolds
    >>> law = manifolds.make("sphere", dim=2, ambient=10)
    >>> certify(lambda y, sigma: 1.02 * law.denoise(y, sigma), law).kinds()
    ['not_optimal']
    """
    if not isinstance(law, Law):
        raise ValueError(f"law must be a Law (manifolds.make(...)), got {type(law).__name__}")
    count, points, tolerance = positive_int(levels, "levels"), positive_int(points, "points"), _tolerance(tolerance)
    if points < 32:
        raise ValueError(f"points must be >= 32, got {points}")
    if prior is not None and not isinstance(prior, NoisePrior):
        raise ValueError(f"prior must be a NoisePrior, got {type(prior).__name__}")
    blind = wrap(denoiser).blind
    low, high = _range(law, prior if prior is not None else getattr(denoiser, "prior", None), sigma_low, sigma_high)
    draw = stream(seed, "certify")
    grid = [low * (high / low) ** ((i + 0.5) / count) for i in range(count)]
    draws = [(sigma, noisy(law, sigma, points, draw.child("level", i))) for i, sigma in enumerate(grid)]
    with torch.no_grad():
        found = structural(denoiser, draws, blind)
        if _INCOMPARABLE & {finding.kind for finding in found}:
            return Certificate(_name(denoiser), repr(law), "none", tuple(found), (), points, seed)
        best, name = reference(denoiser, blind, law, prior, low, high, draws)
        measured = measure(denoiser, blind, best, law, draws)
        cause = _numeric(denoiser, blind, best, law, measured, tolerance, (low, high), found, draw)
        always = _measures(denoiser, blind, best, law, measured, draw)
    rows = tuple(_row(at, law) for at in measured)
    ran: tuple[RunRow, ...] = ()
    note = ""
    if runs:
        try:
            with torch.no_grad():
                ran = runs_of(denoiser, blind, law, low, high, points, draw)
        except StrangerError as error:
            found.append(Finding("raises", f"{error}, in a run"))
        except ValueError as error:
            note = f"no runs: {error}"
    return Certificate(_name(denoiser), repr(law), name, (*found, *cause), rows, points, seed, always, ran, note)


def _measures(
    f: Callable[..., Any], blind: bool, best: Callable[..., Points], law: Law, measured: list[At], draw: Stream
) -> tuple[Measure, ...]:
    """What is said of every denoiser: how it reads the level, whether it turns along, and what rounding does to it."""
    if not measured:
        return ()
    worst = max(measured, key=lambda at: float(at.gap.mean()) / at.unit)
    unit = f"sigma, rms of %s, at sigma = {worst.sigma:.3g}"
    found = [Measure("level", *fits.level(measured, law)[1:], "times the true one is how f seems to read it")]
    turned = probes.turned(f, blind, law, worst, draw.child("turn"))
    if turned is not None:
        found.append(Measure("equivariance", *_root_of((turned**2).sum(1), worst.sigma), unit % "f(Qy) - Q f(y)"))
    jumps = probes.rounding(f, blind, best if not blind else _unlevelled(best), worst, draw.child("rounding"))
    if jumps is not None:
        found.append(Measure("precision", *_root_of(jumps, worst.sigma), unit % "jumps of f for a millionth of y"))
    return tuple(found)


def _unlevelled(best: Callable[..., Points]) -> Callable[[Points, float], Points]:
    return lambda y, sigma: best(y)


def _numeric(
    f: Callable[..., Any],
    blind: bool,
    best: Callable[..., Points],
    law: Law,
    measured: list[At],
    tolerance: float,
    ends: tuple[float, float],
    found: list[Finding],
    draw: Stream,
) -> list[Finding]:
    """The cause of the gap, where there is one worth a finding."""
    bad = [at for at in measured if float(at.gap.mean()) > tolerance * at.unit]
    if not bad:
        return []
    worst = max(bad, key=lambda at: float(at.gap.mean()) / at.unit)
    noise = next((finding.size or 0.0 for finding in found if finding.kind == "not_deterministic"), 0.0)
    if noise:
        loud = max(bad, key=lambda at: float(at.gap.mean()) / at.sigma**2)
        return [] if noise**2 >= ONE_CAUSE * float(loud.gap.mean()) / loud.sigma**2 else [_other(worst)]

    optimal = _unlevelled(best) if blind else best

    def again(n: int, i: int) -> At:
        y = noisy(law, worst.sigma, n, draw.child("again", i))
        return measure(f, blind, best, law, [(worst.sigma, y)])[0]

    size = _root(worst, again)
    otherwise = probes.prediction(f, blind, bad)
    if otherwise is not None and otherwise[1] > 0.9:
        sentence = f"returns what a prediction of {otherwise[0]} would be, not what it is declared as"
        return [Finding("wrong_prediction_type", sentence, worst.sigma, *size, RMS)]
    jumps = probes.rounding(f, blind, optimal, worst, draw.child("rounding"))
    if jumps is not None and float(jumps.mean()) > ROUNDED * float(worst.gap.mean()):
        sentence = f"loses digits: answers jump when points move by a millionth, most at sigma = {worst.sigma:.3g}"
        return [Finding("precision", sentence, worst.sigma, *size, RMS)]
    steps = probes.level_grid(f, law, *ends, 1024, draw.child("grid")) if blind else None
    if steps is not None:
        sentence = f"knows only some noise levels, a factor {math.exp(steps.size):.4g} apart"
        return [Finding("coarse_level_grid", sentence, worst.sigma, *steps[1:], "step in log sigma")]
    single = _single(law, bad, max(measured, key=lambda at: at.sigma), optimal, worst)
    if single is not None:
        return [single]
    difference = probes.turned(f, blind, law, worst, draw.child("turn"))
    if difference is not None:
        square = (difference**2).sum(dim=1)
        if float(square.mean()) / 2 >= ONE_CAUSE * float(worst.gap.mean()):
            sentence = "does not turn with its argument about the data, which look the same from there"
            unit = "sigma, root mean square of f(Qy) - Q f(y)"
            return [Finding("not_equivariant", sentence, worst.sigma, *_root_of(square, worst.sigma), unit)]
    return [_other(worst)]


def _single(
    law: Law, bad: list[At], largest: At, optimal: Callable[[Points, float], Points], worst: At
) -> Finding | None:
    """The mistake with one unknown that explains most, if it explains enough."""
    radius = law.radius if math.isfinite(law.radius) else math.sqrt(law.second_moment)
    moved = max(fits.shift(bad, largest, optimal)[0], fits.offset(bad)[0])
    off = fits.Fit(moved.explained, *(x / radius for x in moved[1:]))
    scaled, read, radial = fits.scale(bad), fits.level(bad, law), fits.dimension(bad, law)
    named = [
        (scaled, "not_optimal", f"is the optimal denoiser times {1 + scaled.size:.4g}", "factor - 1"),
        (read, "level_bias", f"reads the noise level times {read.size:.4g}", "factor of the level"),
        (off, "not_equivariant", f"is off-centre by {off.size:.3g} of the radius", "radius"),
    ]
    if radial is not None:
        k = law.intrinsic_dim
        named.append(
            (radial, "wrong_dimension", f"is optimal for dimension {k + radial.size:g}, not {k}", "dimensions")
        )
    fit, kind, sentence, unit = max(named, key=lambda entry: entry[0].explained)
    if fit.explained < ONE_CAUSE:
        return None
    return Finding(kind, sentence, worst.sigma, fit.size, fit.low, fit.high, unit)


def _other(worst: At) -> Finding:
    row = _relative(worst)
    sentence = f"is not the optimal denoiser, and no single cause was found; most at sigma = {worst.sigma:.3g}"
    return Finding("not_optimal", sentence, worst.sigma, *row, "gap / (mmse + sigma^2/100)")


def _relative(at: At) -> tuple[float, float, float]:
    """E |f - f*|^2 in the unit of the level and its 95 % interval."""
    gap = at.gap
    mean, spread = float(gap.mean()), 1.96 * float(gap.std()) / math.sqrt(len(gap))
    return mean / at.unit, max(mean - spread, 0.0) / at.unit, (mean + spread) / at.unit


def _root(at: At, again: Callable[[int, int], At]) -> tuple[float, float, float]:
    """Root mean square of f - f* over sigma and its 95 % interval; a few rare large errors need more points."""
    gap = at.gap
    for i in range(MOST_TIMES):
        size, low, high = _root_of(gap, at.sigma)
        if high - low <= 0.2 * size:
            break
        gap = torch.cat([gap, again(4 * len(at.y), i).gap])
    return _root_of(gap, at.sigma)


def _root_of(square: torch.Tensor, sigma: float) -> tuple[float, float, float]:
    """Root mean square over sigma and its 95 % interval."""
    mean, spread = float(square.mean()), 1.96 * float(square.std()) / math.sqrt(len(square))
    return math.sqrt(mean) / sigma, math.sqrt(max(mean - spread, 0.0)) / sigma, math.sqrt(mean + spread) / sigma


def _row(at: At, law: Law) -> LevelRow:
    blindness = float(((at.best - at.told) ** 2).sum(dim=1).mean()) / at.unit
    residual = float(((at.y - at.f) ** 2).sum(dim=1).mean()) / law.ambient_dim
    return LevelRow(at.sigma, at.mmse, *_relative(at), blindness, math.sqrt(residual) / at.sigma)


def _range(law: Law, prior: object, low: float | None, high: float | None) -> tuple[float, float]:
    size = math.sqrt(law.second_moment)
    ends = (prior.low, prior.high) if isinstance(prior, NoisePrior) else (0.01 * size, 10 * size)
    low = ends[0] if low is None else positive_number(low, "sigma_low")
    high = ends[1] if high is None else positive_number(high, "sigma_high")
    low = max(low, float(getattr(law.core, "finest_sigma", 0.0)))
    if not low < high:
        raise ValueError(f"sigma_low must be < sigma_high, got {low:.6g} and {high:.6g}")
    return low, high


def _tolerance(value: float) -> float:
    if positive_number(value, "tolerance") > 1:
        raise ValueError(f"tolerance must lie in (0, 1], got {value!r}")
    return float(value)


def _name(f: object) -> str:
    return getattr(f, "__name__", None) or repr(f)[:120]
