"""Fisher information of log sigma in one sample, and how close the posterior and the MLE come to it."""

from __future__ import annotations

import math

import torch

from analysis.laws.cases import build, level_range, noise_sqnorm, noisy, prior_around, rms
from analysis.noise_level.derivatives import first
from analysis.noise_level.estimates import controlled_ratio, controlled_variance
from analysis.theory.noise import linear_log_sd
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, PlugInDenoiser

__all__ = ["cell_efficiency", "cell_information"]

_STEP = 0.05  # step in log sigma: the 12th-order difference is then exact to 1e-9


def cell_information(params: dict, seed: int) -> list[dict]:
    """E (d log p_sigma(Y)/d log sigma)^2, by differences of log p, over 2d - E Var(|X-Y|^2|Y)/sigma^4, from the same draws.

    `ratio` is that; `ratio_plain` has 2d, the information of pure noise, below; `ratio_wrong_level` has the score taken
    at 1.1 sigma. The square of the score of the noise itself, of known mean 2d, serves as control variate.
    """
    law = build(params)
    sigma, d = params["level"] * rms(law), law.ambient_dim
    source = stream(seed, "information", params["law"], params["dim"], params["level"])
    x, y = noisy(law, sigma, params["draws"], source)
    pure = (noise_sqnorm(law, x, y, sigma) - d).square()

    def score(at: float) -> torch.Tensor:
        step = torch.full((len(y),), _STEP, dtype=torch.float64)
        return first(
            lambda t: torch.stack([law.log_marginal(y, at * torch.exp(row)) for row in t]), step, ladder=(1.0,)
        )

    below = 2.0 * d - law.distance_variance(y, sigma) / sigma**4
    square, wrong = score(sigma).square(), score(1.1 * sigma).square()
    row = {"information": float(below.mean())}
    row["pure_noise"], row["pure_noise_se"] = (
        float(pure.mean()) / (2.0 * d),
        float(pure.std()) / math.sqrt(len(pure)) / (2.0 * d),
    )
    row["ratio"], row["ratio_se"] = controlled_ratio(square, below, pure, 2.0 * d)
    row["ratio_plain"], row["ratio_plain_se"] = controlled_ratio(square, torch.full_like(below, 2.0 * d), pure, 2.0 * d)
    row["ratio_wrong_level"], row["ratio_wrong_level_se"] = controlled_ratio(wrong, below, pure, 2.0 * d)
    return [row]


def cell_efficiency(params: dict, seed: int) -> list[dict]:
    """Posterior sd of log sigma over 1/sqrt(2n), n = d - m, and Var(log sigma_hat) of the MLE over 1/information."""
    law = build(params, reduced=True)
    sigma, d = params["level"] * rms(law), law.ambient_dim
    source = stream(seed, "efficiency", *(params[key] for key in ("law", "dim", "ambient", "level")))
    x, y = noisy(law, sigma, params["draws"], source)
    sd = BlindDenoiser(law, prior_around(law, sigma)).noise_posterior(y[: params["posteriors"]]).sd
    log_hat = torch.log(PlugInDenoiser(law, *level_range(law, sigma)).sigma_hat(y) / sigma)
    pure = noise_sqnorm(law, x, y, sigma)
    # what an observer of z itself would say, to first order: variance 1/(2d)
    variance, error = controlled_variance(log_hat, None if pure is None else (pure / d - 1.0) / 2.0, 1.0 / (2.0 * d))
    information = 2.0 * d - float(law.distance_variance(y, sigma).mean()) / sigma**4
    n = law.space.normal_dim
    unit = math.sqrt(2.0 * n)
    return [
        {
            "normal_dim": n,
            "posterior_sd": float(sd.mean()),
            "sd_ratio": float(sd.mean()) * unit,
            "sd_ratio_se": float(sd.std()) / math.sqrt(len(sd)) * unit,
            "linear_sd_ratio": linear_log_sd(n) * unit,
            "mle_bias": float(log_hat.mean()),
            "mle_variance": variance,
            "information": information,
            "mle_ratio": variance * information,
            "mle_ratio_se": error * information,
        }
    ]
