"""The estimate of the noise level that samplers use, sigma_hat^2 = |f(y) - y|^2/d, is too small by the factor 1 - k_eff/d."""

from __future__ import annotations

import torch

from analysis.laws.cases import build, noisy, rms
from analysis.noise_level.estimates import controlled_mean, controlled_ratio
from manifolds import stream

__all__ = ["cell_residual"]


def cell_residual(params: dict, seed: int) -> list[dict]:
    """E sigma_hat^2/sigma^2 over 1 - k_eff/d, k_eff = E tr Cov/sigma^2, from the same draws.

    `ratio_plain` is E sigma_hat^2/sigma^2 itself; `ratio_scaled` has the denoiser 5 % too large. |z|^2/d, of mean 1, is the
    control variate.
    """
    law = build(params)
    sigma, d = params["level"] * rms(law), law.ambient_dim
    x, y = noisy(law, sigma, params["draws"], stream(seed, "residual", params["law"], params["dim"], params["level"]))
    f, unit = law.denoise(y, sigma), d * sigma**2
    pure = law.space.sqnorm(y - x) / unit
    share = law.posterior_trace(y, sigma) / unit
    row = {"effective_dim": float(share.mean()) * d, "factor": 1.0 - float(share.mean())}
    row["pure_noise"], row["pure_noise_se"] = controlled_mean(pure, None, 1.0)
    for name, estimate, below in (
        ("ratio", f, 1.0 - share),
        ("ratio_plain", f, torch.ones_like(share)),
        ("ratio_scaled", 1.05 * f, 1.0 - share),
    ):
        row[name], row[f"{name}_se"] = controlled_ratio(law.space.sqnorm(estimate - y) / unit, below, pure, 1.0)
    return [row]
