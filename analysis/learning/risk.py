"""How far a denoiser is from the optimal ones of a law, level by level and summed along a schedule.

At level sigma the risk of any f is  E|X - f|^2 = mmse(sigma) + E|f - f_sigma|^2  (f_sigma the conditional optimum), so
the excess over the conditional optimum is measured without the noise of X, and the excess over the blind optimum f* is
E|f - f_sigma|^2 - E|f* - f_sigma|^2 with both terms on the same points. At a single level the second one may be
negative: f* is optimal on average over its prior (arXiv 2602.09639, Prop 3.1).
"""

from __future__ import annotations

import math
from typing import Callable

import torch

from manifolds.denoisers import BlindDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["excess_at", "ledger_terms", "prior_risk_difference"]

_Z95 = 1.959963984540054


def _mean(values: torch.Tensor) -> tuple[float, float]:
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))


def _ratio(top: torch.Tensor, bottom: torch.Tensor) -> tuple[float, float]:
    """Ratio of means of paired columns, and its standard error (delta method)."""
    ratio = float(top.mean() / bottom.mean())
    return ratio, float((top - ratio * bottom).std() / math.sqrt(len(top)) / bottom.mean().abs())


def call(f: Callable, y: torch.Tensor, sigma: torch.Tensor | float) -> torch.Tensor:
    """f(y) or f(y, sigma), whichever it takes."""
    return f(y) if f.blind else f(y, sigma)


def excess_at(f: Callable, law: Law, optimum: BlindDenoiser, sigma: float, n: int, stream: Stream) -> dict[str, float]:
    """The excess risk of f at one level, and its residual estimate of the noise level.

    Args:
        f: denoiser, blind or conditional.
        optimum: the blind optimum for the prior that f was trained with.
        n: points.

    Returns:
        bayes: mmse(sigma); excess, price: E|f - f_sigma|^2 and E|f* - f_sigma|^2 over the Bayes risk; gap: their
        difference, paired, over the risk of f*. variance_ratio: E|f - y|^2/(d sigma^2); variance_exact: 1 - k_eff/d, the
        same for f_sigma; variance_shift: their difference, paired. Each with a standard error `<name>_se`.
    """
    x = law.sample(n, stream.child("points"))
    y = law.add_noise(x, sigma, stream.child("noise"))
    exact, trace = law.denoise(y, sigma), law.posterior_trace(y, sigma)
    output, blind = call(f, y, sigma), optimum(y)
    own, price = law.space.sqnorm(output - exact), law.space.sqnorm(blind - exact)
    unit = law.ambient_dim * sigma**2
    residual, exact_residual = law.space.sqnorm(output - y) / unit, law.space.sqnorm(exact - y) / unit
    found = {
        "bayes": _mean(trace),
        "excess": _ratio(own, trace),
        "price": _ratio(price, trace),
        "gap": _ratio(own - price, trace + price),
        "variance_ratio": _mean(residual),
        "variance_exact": (1.0 - float(trace.mean()) / unit, float(trace.std()) / unit / math.sqrt(n)),
        "variance_shift": _mean(residual - exact_residual),
    }
    return {key: value for name, pair in found.items() for key, value in ((name, pair[0]), (f"{name}_se", pair[1]))}


def ledger_terms(
    f: Callable, law: Law, optimum: BlindDenoiser, low: float, high: float, a: float, n: int, stream: Stream
) -> dict[str, float]:
    """Terms of the path KL that depend on the denoiser, in continuous time, in nats.

    With dt/(4 a_t) = dsigma / (4 a (1-a) sigma^3) along the proportional schedule: blind = int E|f* - f_sigma|^2,
    learn = int E|f - f*|^2, cross = 2 int E<f - f*, f* - f_sigma>, denoiser = int E|f - f_sigma|^2 = their sum. The cross
    term vanishes for a prior proportional to sigma^-3 on [low, high] (derived here). One noise level a point, spread
    evenly in log sigma.

    Args:
        optimum: the blind optimum of a prior on [low, high].
        a: injection ratio in (0, 1).
    """
    y, exact, _, weight = _along_levels(law, low, high, n, stream)
    weight = weight / (4.0 * a * (1.0 - a))
    output, blind = call(f, y, _levels(n, low, high, stream)), optimum(y)
    terms = {
        "blind": weight * law.space.sqnorm(blind - exact),
        "learn": weight * law.space.sqnorm(output - blind),
        "cross": 2.0 * weight * ((output - blind) * (blind - exact)).sum(dim=1),
        "denoiser": weight * law.space.sqnorm(output - exact),
    }
    return {key: v for name, t in terms.items() for key, v in ((name, _mean(t)[0]), (f"{name}_se", _mean(t)[1]))}


def prior_risk_difference(
    f: Callable, law: Law, optimum: BlindDenoiser, n: int, stream: Stream
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Per point, (risk difference, squared difference, level): unbiased for the prior's risk of f minus that of f*.

    The first column is Theta/q (|x - f|^2 - |x - f*|^2), the excess risk of arXiv 2602.09639, Theorem 3.12, measured as
    it is defined; the second is |f - f*|^2 sigma^-2 log(high/low), whose mean is int E|f - f*|^2 sigma^-3 dsigma. Both on
    the same points, with levels spread evenly in log sigma over the prior's range.
    """
    prior = optimum.prior
    y, _, x, weight = _along_levels(law, prior.low, prior.high, n, stream)
    sigma = _levels(n, prior.low, prior.high, stream)
    output, blind = call(f, y, sigma), optimum(y)
    density = torch.exp(prior.log_density(sigma)) * sigma * math.log(prior.high / prior.low)
    difference = density * (law.space.sqnorm(x - output) - law.space.sqnorm(x - blind))
    return difference, weight * law.space.sqnorm(output - blind), sigma


def _levels(n: int, low: float, high: float, stream: Stream) -> torch.Tensor:
    """n levels, one in each n-th of log sigma."""
    place = (torch.arange(n, dtype=torch.float64) + stream.child("level").uniform(n)) / n
    return low * torch.exp(place * math.log(high / low))


def _along_levels(
    law: Law, low: float, high: float, n: int, stream: Stream
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """y, f_sigma(y), x, and weights sigma^-2 log(high/low) with which a mean over points is an integral sigma^-3 dsigma."""
    sigma = _levels(n, low, high, stream)
    x = law.sample(n, stream.child("points"))
    y = law.add_noise(x, sigma, stream.child("noise"))
    return y, law.denoise(y, sigma), x, math.log(high / low) / sigma**2


def interval(value: float, se: float) -> tuple[float, float, float]:
    """(value, low, high) of a 95 % normal interval."""
    return value, value - _Z95 * se, value + _Z95 * se
