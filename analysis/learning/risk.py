"""How far a denoiser is from the optimal ones of a law, level by level and over its prior.

At level sigma the risk of any f is  E|X - f|^2 = mmse(sigma) + E|f - f_sigma|^2  (f_sigma the conditional optimum), so
the excess over the conditional optimum is measured without the noise of X, and the excess over the blind optimum f* is
E|f - f_sigma|^2 - E|f* - f_sigma|^2 with both terms on the same points. At a single level the second one may be
negative: f* is optimal on average over its prior (arXiv 2602.09639, Prop 3.1).
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch

from manifolds.denoisers import BlindDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["DenoiserLike", "call", "excess_at", "prior_risk_difference"]


class DenoiserLike(Protocol):
    """Whatever is called as a denoiser is: f(y) if it is blind, f(y, sigma) if it is not."""

    @property
    def blind(self) -> bool: ...

    def __call__(self, y: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor: ...


def _mean(values: torch.Tensor) -> tuple[float, float]:
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))


def _ratio(top: torch.Tensor, bottom: torch.Tensor) -> tuple[float, float]:
    """Ratio of means of paired columns, and its standard error (delta method)."""
    ratio = float(top.mean() / bottom.mean())
    return ratio, float((top - ratio * bottom).std() / math.sqrt(len(top)) / bottom.mean().abs())


def call(f: DenoiserLike, y: torch.Tensor, sigma: torch.Tensor | float) -> torch.Tensor:
    """f(y) or f(y, sigma), whichever it takes."""
    return f(y) if f.blind else f(y, sigma)


def excess_at(
    f: DenoiserLike, law: Law, optimum: BlindDenoiser, sigma: float, n: int, stream: Stream
) -> dict[str, float]:
    """The excess risk of f at one level, and its residual estimate of the noise level.

    >>> import manifolds
    >>> law = manifolds.make("sphere", dim=2, ambient=16)
    >>> f = BlindDenoiser(law, manifolds.denoisers.NoisePrior.power(-3.0, 0.1, 3.0))
    >>> excess_at(f, law, f, 0.5, 100, manifolds.stream(0))["gap"]
    0.0

    Args:
        f: denoiser, blind or conditional.
        optimum: the blind optimum for the prior that f was trained with.
        n: points.

    Returns:
        bayes: mmse(sigma); excess, price: E|f - f_sigma|^2 and E|f* - f_sigma|^2 over the Bayes risk; gap: their
        difference, paired, over the risk of f*. variance_ratio: E|f - y|^2/(d sigma^2); variance_exact: 1 - k_eff/d,
        the same for f_sigma; variance_shift: their difference, paired. Each with a standard error `<name>_se`.
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


def prior_risk_difference(f: DenoiserLike, law: Law, optimum: BlindDenoiser, n: int, stream: Stream) -> torch.Tensor:
    """Two columns (n, 2) on the same points, whose means are the two sides of arXiv 2602.09639, Theorem 3.12.

    First Theta/q (|x - f|^2 - |x - f*|^2): the excess risk of f over f* under the prior, as it is defined. Second
    sigma^-2 log(high/low) |f - f*|^2: its mean is int E|f - f*|^2 sigma^-3 dsigma, the learning term up to 1/(a(1-a)).
    Levels are spread evenly in log sigma over the prior's range, one a point.
    """
    prior = optimum.prior
    span = math.log(prior.high / prior.low)
    place = (torch.arange(n, dtype=torch.float64) + stream.child("level").uniform(n)) / n
    sigma = prior.low * torch.exp(span * place)
    x = law.sample(n, stream.child("points"))
    y = law.add_noise(x, sigma, stream.child("noise"))
    output, blind = call(f, y, sigma), optimum(y)
    density = torch.exp(prior.log_density(sigma)) * sigma * span
    difference = density * (law.space.sqnorm(x - output) - law.space.sqnorm(x - blind))
    return torch.stack([difference, span / sigma**2 * law.space.sqnorm(output - blind)], dim=1)
