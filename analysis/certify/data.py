"""`certify_data(denoiser, data)`: what can be said of a denoiser on data whose law nobody knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from analysis.certify.data_record import UNKNOWN, UNTOLD, AssumedRow, DataCertificate, DataRow
from analysis.certify.levels import ask
from analysis.certify.record import Finding, Measure
from analysis.certify.structure import structural
from analysis.certify.wrapping import PREDICTIONS, Wrapped, wrap
from analysis.metrics.intervals import mean
from manifolds.checks import positive_int, positive_number
from manifolds.shapes import Points, Rows
from manifolds.streams import Stream, stream

__all__ = ["certify_data"]

Function = Callable[..., Any]
FACTORS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 2.0)  # of figure 6 of the paper: assumed over true level
GAIN = 0.01  # an improvement of the error by less is no finding: a trained network always leaves some
SURE = 1 - 1e-5  # of a gain: ten levels to tell at eight levels of noise, all tried on the same points
OTHERWISE = 0.1  # another declaration must leave less than this part of the error
# change of y in a directional derivative, in sigma: the rounding of a float32 network, 1e-7 of its answers, is divided
# by it, the curvature of f over it multiplied
STEP = {torch.float32: 0.05, torch.float16: 0.3, torch.bfloat16: 0.3}
AGREE = 3.5  # standard errors between two probes of the divergence
BATCHES = 16


def certify_data(
    denoiser: Function,
    data: torch.Tensor | np.ndarray,
    *,
    against: Function | None = None,
    sigma_low: float | None = None,
    sigma_high: float | None = None,
    levels: int = 8,
    points: int = 256,
    seed: int = 0,
) -> DataCertificate:
    """Measure a denoiser on data, and name what no optimal denoiser would do.

    At each level: its error, and with it k_eff = error/sigma^2 and k_eff^2/d (premise (A2) of arXiv 2602.09639); the
    level that its residual shows, and the corrected one |f - y|^2/(d - div f), the divergence by two probes that must
    agree. An optimal denoiser gains nothing by being multiplied by a number, or by being told another level: a gain of
    1 % or more, sure to one in 1e5, is a finding.

    Args:
        denoiser: as for `certify`.
        data: (n, d), or images (n, ...), which are flattened; best such as the denoiser was not trained on.
        against: another denoiser, of the same data, told the level if `denoiser` is blind or the other way round:
            then blind is compared with told.
        sigma_low, sigma_high: range of noise levels; None is a tenth of the standard deviation of a
            coordinate, and half the root mean square of |X - E X|.
        levels, points, seed: as for `certify`; each point is used once a level.

    Raises:
        ValueError: an argument that is not allowed, in one line.

    >>> x = torch.zeros(64, 12, dtype=torch.float64)
    >>> x[:, :2] = stream(0).normal(64, 2)
    >>> shrink = torch.tensor([1.0, 1.0] + [0.0] * 10).double()
    >>> certify_data(lambda y, sigma: shrink * y / (1 + sigma**2), x, levels=3).kinds()
    []
    """
    x = _data(data)
    count, points = positive_int(levels, "levels"), positive_int(points, "points")
    blind = wrap(denoiser).blind
    if against is not None and wrap(against).blind == blind:
        raise ValueError(f"against must be {'told the level' if blind else 'blind'}, for the denoiser is not")
    size = math.sqrt(float((x - x.mean(dim=0)).square().sum(dim=1).mean()))
    if not size > 0:
        raise ValueError("data must hold more than one point")
    low = 0.1 * size / math.sqrt(x.shape[1]) if sigma_low is None else positive_number(sigma_low, "sigma_low")
    high = 0.5 * size if sigma_high is None else positive_number(sigma_high, "sigma_high")
    if not low < high:
        raise ValueError(f"sigma_low must be < sigma_high, got {low:.6g} and {high:.6g}")
    draw = stream(seed, "certify data")
    clean = x[draw.child("order").uniform(len(x)).argsort()[: min(points, len(x))]]
    grid = [low * (high / low) ** ((i + 0.5) / count) for i in range(count)]
    draws = [(s, clean + s * draw.child("level", i).normal(*clean.shape)) for i, s in enumerate(grid)]
    head = (_name(denoiser), f"{tuple(x.shape)}, {len(clean)} points a level, seed {seed}")
    with torch.no_grad():
        found = structural(denoiser, draws, blind)
        if {"raises", "wrong_shape", "wrong_dtype", "not_finite"} & {f.kind for f in found}:
            return DataCertificate(*head, tuple(found), (), (), (), UNKNOWN)
        rows, errors = [], []
        for i, (sigma, y) in enumerate(draws):
            row, error = _level(denoiser, blind, against, clean, y, sigma, draw.child("probe", i))
            rows.append(row)
            errors.append(error)
        assumed = () if blind else tuple(_assumed(denoiser, clean, y, sigma) for sigma, y in draws)
        told = denoiser if not blind else against
        measures = () if told is None else _price(told, draws, rows, math.log(high / low))
        found += _findings(denoiser, blind, clean, draws, errors)
    unknown = UNKNOWN if told is not None else (*UNKNOWN, UNTOLD)
    return DataCertificate(*head, tuple(found), tuple(rows), assumed, measures, unknown)


def _data(data: torch.Tensor | np.ndarray) -> Points:
    try:
        x = torch.as_tensor(np.asarray(data) if not isinstance(data, torch.Tensor) else data)
    except (TypeError, ValueError):
        raise ValueError(f"data must be an array of numbers (n, ...), got {type(data).__name__}") from None
    if x.ndim < 2 or len(x) < 32:
        raise ValueError(f"data must be (n, ...) with n >= 32, got shape {tuple(x.shape)}")
    x = x.detach().cpu().to(torch.float64).reshape(len(x), -1)
    if not bool(torch.isfinite(x).all()):
        raise ValueError("data must be finite, got NaN or infinity")
    return x


def _called(f: Function, blind: bool, y: Points, sigma: float) -> Points:
    out = ask(f, blind, y, sigma)
    if out is None:
        raise ValueError(f"denoiser {_name(f)} does not answer at sigma = {sigma:.3g}")
    return out


def _level(
    f: Function, blind: bool, against: Function | None, x: Points, y: Points, sigma: float, draw: Stream
) -> tuple[DataRow, Points]:
    d = y.shape[1]
    out = _called(f, blind, y, sigma)
    error, residual = ((out - x) ** 2).sum(dim=1), ((out - y) ** 2).sum(dim=1)
    found = mean(error / sigma**2)
    probes = [_divergence(f, blind, y, sigma, draw.child(i)) for i in range(2)]
    apart = probes[0] - probes[1]
    agree = abs(float(apart.mean())) <= AGREE * float(apart.std()) / math.sqrt(len(apart)) + 1e-6 * d
    divergence = (probes[0] + probes[1]) / 2
    left = d - float(divergence.mean())
    read = math.sqrt(float(residual.mean()) / d) / sigma
    ratio = float(residual.mean()) / (left * sigma**2) if left > 0 and agree else math.nan
    difference = (math.nan,) * 3
    if against is not None:
        other = ((_called(against, not blind, y, sigma) - x) ** 2).sum(dim=1)
        pair = (error - other) if blind else (other - error)  # blind less told
        paired = mean(pair / float((other if blind else error).mean()))
        difference = (paired.value, paired.low, paired.high)
    corrected = math.sqrt(ratio) if ratio > 0 else math.nan
    k = found.value
    row = DataRow(sigma, k * sigma**2, k, found.low, found.high, k**2 / d, read, corrected, agree, *difference)
    return row, out - x


def _divergence(f: Function, blind: bool, y: Points, sigma: float, draw: Stream) -> Rows:
    """v . (f(y + e v) - f(y - e v)) / 2e, (n,), v of random signs: unbiased for div f (Hutchinson), up to e^2."""
    v = 2.0 * draw.integers(2, y.numel()).reshape(y.shape).to(y) - 1.0
    inner = f.dtype if isinstance(f, Wrapped) and isinstance(f.dtype, torch.dtype) else torch.float64
    if isinstance(f, Wrapped) and isinstance(f.dtype, np.dtype) and f.dtype.itemsize < 8:
        inner = torch.float32
    step = sigma * STEP.get(inner, 1e-3)
    ahead, behind = (_called(f, blind, y + s * step * v, sigma) for s in (1, -1))
    return (v * (ahead - behind)).sum(dim=1) / (2 * step)


def _assumed(f: Function, x: Points, y: Points, sigma: float) -> AssumedRow:
    """Errors at assumed levels over that at the true one; NaN where f does not answer."""
    errors = []
    for factor in FACTORS:
        out = ask(f, False, y, factor * sigma)
        errors.append(math.nan if out is None else float(((out - x) ** 2).sum(dim=1).mean()))
    true = errors[FACTORS.index(1.0)]
    return AssumedRow(sigma, *(e / true for e in errors))


def _price(
    told: Function, draws: Sequence[tuple[float, Points]], rows: Sequence[DataRow], width: float
) -> tuple[Measure, ...]:
    """int E |df/dlog sigma|^2 / (2 (d - k_eff) sigma^2) dlog sigma: what an optimal blind denoiser of these data pays.

    A level read with the least possible variance 1/(2(d - k_eff)) of its logarithm; interval over batches of points,
    widened by what every second level alone would give otherwise.
    """
    integrand = []
    for (sigma, y), row in zip(draws, rows):
        ahead, behind = (ask(told, False, y, sigma * math.exp(s * 0.05)) for s in (1, -1))
        if ahead is None or behind is None:
            return ()
        slope = ((ahead - behind) / 0.1).square().sum(dim=1) / sigma**2
        batches = torch.stack([part.mean() for part in slope.tensor_split(BATCHES)])
        integrand.append(batches / (2 * max(y.shape[1] - row.k_eff, 1.0)))
    every = torch.stack(integrand)  # levels stand in the middle of equal parts
    found = mean(every.mean(dim=0) * width)
    halves = [float(every[start::2].mean()) * width for start in (0, 1)] if len(every) > 1 else [found.value]
    grid = max(halves) - min(halves)
    low, high = max(found.low - grid / 2, 0.0), found.high + grid / 2
    return (Measure("price", found.value, low, high, "nats: blindness, predicted over these levels, a = 1/2"),)


def _findings(
    f: Function, blind: bool, x: Points, draws: Sequence[tuple[float, Points]], errors: Sequence[Points]
) -> list[Finding]:
    otherwise = _declared(f, blind, x, draws, errors)
    if otherwise is not None:
        return [otherwise]
    found = []
    scaled = [_gain_of_scale(x, e, sigma) for (sigma, _), e in zip(draws, errors)]
    worst = max(scaled, key=lambda pair: pair[0])
    if worst[0] > 0:
        found.append(worst[1])
    if not blind:
        told = [_gain_of_level(f, x, y, e, sigma) for (sigma, y), e in zip(draws, errors)]
        best = max(told, key=lambda pair: pair[0])
        if best[0] > worst[0]:
            found = [best[1]]
    return found


def _declared(
    f: Function, blind: bool, x: Points, draws: Sequence[tuple[float, Points]], errors: Sequence[Points]
) -> Finding | None:
    inner = f if isinstance(f, Wrapped) else Wrapped(f, "clean", not blind, None, torch.float64, None)
    own = sum(float(e.square().sum()) / sigma**2 for (sigma, _), e in zip(draws, errors))
    for kind in PREDICTIONS:
        if kind == inner.predicts:
            continue
        other = inner.declared(kind)
        outs = [ask(other, other.blind, y, sigma) for sigma, y in draws]
        if any(out is None for out in outs):
            continue
        error = sum(float((o - x).square().sum()) / s**2 for (s, _), o in zip(draws, outs) if o is not None)
        if error < OTHERWISE * own:
            sentence = f"returns what a prediction of {kind} would be: its error is then {error / own:.2g} of this one"
            return Finding("wrong_prediction_type", sentence)
    return None


def _gain_of_scale(x: Points, error: Points, sigma: float) -> tuple[float, Finding]:
    """(lower limit of the gain less what is allowed, finding): what the best multiple of f saves of its error."""
    f = x + error
    along, size = (f * error).sum(dim=1), f.square().sum(dim=1)
    slope = mean(along / float(size.mean()), SURE)  # f = (1 + slope) times its best multiple, to first order
    gain = slope.value**2 * float(size.mean()) / float(error.square().sum(dim=1).mean())
    sure = min(abs(slope.low), abs(slope.high)) / abs(slope.value) if slope.low * slope.high > 0 else 0.0
    sentence = f"would err {100 * gain:.2g} % less if it were divided by {1 + slope.value:.4g}, at sigma = {sigma:.3g}"
    finding = Finding("not_optimal", sentence, sigma, slope.value, slope.low, slope.high, "factor - 1")
    return gain * sure**2 - GAIN, finding


def _gain_of_level(f: Function, x: Points, y: Points, error: Points, sigma: float) -> tuple[float, Finding]:
    """The same of the best level to tell it."""
    own, best = error.square().sum(dim=1), (-GAIN, Finding("level_bias", "", sigma))
    for factor in FACTORS + (0.9, 0.95, 1.05, 1.1):
        out = ask(f, False, y, factor * sigma)
        if factor == 1.0 or out is None:
            continue
        saved = mean((own - (out - x).square().sum(dim=1)) / float(own.mean()), SURE)
        if saved.low - GAIN > best[0]:
            sentence = (
                f"reads the level times {1 / factor:.3g}: told {factor:g} sigma it errs {100 * saved.value:.2g} % "
                f"less, at sigma = {sigma:.3g}"
            )
            best = (
                saved.low - GAIN,
                Finding("level_bias", sentence, sigma, 1 / factor, None, None, "factor of the level"),
            )
    return best


def _name(f: object) -> str:
    return getattr(f, "__name__", None) or repr(f)[:120]
