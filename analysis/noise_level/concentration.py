"""E|lambda - lambda_t|^2/lambda_t^2 for lambda = sigma^-2 drawn from the noise posterior (arXiv 2602.09639, Prop 3.8)."""

from __future__ import annotations

import math

import numpy as np
import torch

import manifolds
from analysis.laws.cases import build, noisy, prior_around, rms
from analysis.theory.noise import two_scale_second_moment
from manifolds import Law, Stream, stream
from manifolds.denoisers import BlindDenoiser, NoisePrior

__all__ = ["cell_concentration", "cell_linear", "cell_worst_case"]

_CHUNK = 1 << 13


def _squared_error(
    law: Law, sigma: float, prior: NoisePrior, y: torch.Tensor, true: float | None = None
) -> dict[str, float]:
    """Mean over the rows of y of the posterior mean of |lambda - lambda_t|^2/lambda_t^2, and its standard error."""
    f = BlindDenoiser(law, prior)
    error = torch.cat([f.noise_posterior(part).squared_error(true or sigma) for part in y.split(_CHUNK)])
    return {"error": float(error.mean()), "error_se": float(error.std()) / math.sqrt(len(error))}


def cell_concentration(params: dict, seed: int) -> list[dict]:
    """One law, k, d and level: the mean squared relative error; and if lambda_t is taken twice too large."""
    law = build(params, reduced=True)
    sigma = params["level"] * rms(law)
    source = stream(seed, "concentration", *(params[key] for key in ("law", "dim", "ambient", "level")))
    _, y = noisy(law, sigma, params["draws"], source)
    row = {"core_dim": law.core_dim, **_squared_error(law, sigma, prior_around(law, sigma), y)}
    wrong = _squared_error(law, sigma, prior_around(law, sigma), y, true=sigma / math.sqrt(2.0))
    return [{**row, "wrong": wrong["error"], "wrong_se": wrong["error_se"]}]


def cell_linear(params: dict, seed: int) -> list[dict]:
    """A line in R^(n+1) with noise far below the data's scale: what the closed form is about. `alpha`: prior sigma^(alpha-3).

    `gamma` has lambda drawn from its Gamma law instead, with no law or quadrature of ours.
    """
    n, alpha, sigma, draws = params["normal_dim"], params["alpha"], 1e-3, params["draws"]
    source = stream(seed, "linear", n, alpha)
    law = manifolds.make("gaussian", dim=1, ambient=n + 1, reduced=True)
    prior = NoisePrior.power(alpha - 3.0, sigma / 1000.0, 1000.0 * sigma)
    _, y = noisy(law, sigma, draws, source.child("points"))
    # lambda/lambda_t = 2 Gamma(A)/chi2_n with A = (n - alpha)/2 + 1
    ratio = (
        2.0
        * source.child("gamma").gamma((n - alpha) / 2.0 + 1.0, 10 * draws)
        / source.child("chi2").chi2(n, 10 * draws)
    )
    direct = (ratio - 1.0).square()
    gamma = {"gamma": float(direct.mean()), "gamma_se": float(direct.std()) / math.sqrt(len(direct))}
    return [{**_squared_error(law, sigma, prior, y), **gamma}]


def cell_worst_case(params: dict, seed: int) -> list[dict]:
    """p_X = 1/2 delta_0 + 1/2 N(0, (k/d) I_d), sigma = 1; `linear` data with the same k and d; and the closed quadrature.

    `grid` is the mean over draws of a plain grid posterior in numpy, which shares no code with the law.
    """
    d, k, draws = params["ambient"], params["dim"], params["draws"]
    source = stream(seed, "worst case", k, d)
    prior = NoisePrior.power(-3.0, 1e-2, 1e2)
    worst = manifolds.make("two_scale", dim=k, ambient=d, reduced=True)
    linear = manifolds.make("gaussian", dim=k, ambient=d, reduced=True, scale=100.0)
    row = _squared_error(worst, 1.0, prior, noisy(worst, 1.0, draws, source.child("worst"))[1])
    contrast = _squared_error(linear, 1.0, prior, noisy(linear, 1.0, draws, source.child("linear"))[1])
    row |= {"linear": contrast["error"], "linear_se": contrast["error_se"]}
    row["grid"], row["grid_se"] = _grid_error(d, k, draws, source.child("grid"))
    row["predicted"] = two_scale_second_moment(d, k)
    return [row]


def _grid_error(d: int, k: int, draws: int, source: Stream, nodes: int = 1200) -> tuple[float, float]:
    """As `_squared_error` for the two-scale law, by a sum over lambda in [1/4, 4] (the posterior's mass outside is nil)."""
    wide = source.uniform(draws).numpy() < 0.5
    rho2 = np.where(wide, 1.0 + k / d, 1.0) * source.chi2(d, draws).numpy()
    variance = np.exp(np.linspace(-math.log(4.0), math.log(4.0), nodes))
    narrow = -0.5 * d * np.log(variance)
    broad = -0.5 * d * np.log(variance + k / d)
    error = np.empty(draws)
    for i in range(0, draws, 1000):
        r = rho2[i : i + 1000, None]
        # prior flat in lambda: d lambda = lambda d log lambda
        logs = np.logaddexp(narrow - 0.5 * r / variance, broad - 0.5 * r / (variance + k / d)) - np.log(variance)
        weight = np.exp(logs - logs.max(axis=1, keepdims=True))
        error[i : i + 1000] = weight @ (1.0 / variance - 1.0) ** 2 / weight.sum(axis=1)
    return float(error.mean()), float(error.std()) / math.sqrt(draws)
