"""The noise level of one image, estimated by maximum likelihood under the exact law of its manifold (arXiv 2602.09639, figure 12)."""

from __future__ import annotations

import math

import torch

from analysis.laws.cases import build, level_range, noise_sqnorm, noisy
from manifolds import stream
from manifolds.denoisers import PlugInDenoiser

__all__ = ["cell_images"]


def cell_images(params: dict, seed: int) -> list[dict]:
    """Root mean square relative error of three estimates of sigma (pixels lie in [0, 1]), each with its standard error.

    `mle`; `pure`, sqrt(|z|^2/d) of the noise itself; `naive`, the distance from the mean image over sqrt(d), which takes
    the image for noise. And the Cramer-Rao bound of the first.
    """
    law = build(params, reduced=True)
    sigma, d = params["sigma"], law.ambient_dim
    x, y = noisy(
        law,
        sigma,
        params["draws"],
        stream(seed, "images", *(params[key] for key in ("law", "dim", "ambient", "sigma"))),
    )
    estimates = {
        "mle": PlugInDenoiser(law, *level_range(law, sigma)).sigma_hat(y) / sigma,
        "pure": (noise_sqnorm(law, x, y, sigma) / d).sqrt(),
        "naive": (law.space.sqnorm(y - law.space.center) / d).sqrt() / sigma,
    }
    information = 2.0 * d - float(law.distance_variance(y, sigma).mean()) / sigma**4
    row = {"core_dim": law.core_dim, "nodes": len(law.core.points), "cramer_rao": 1.0 / math.sqrt(information)}
    for name, ratio in estimates.items():
        row[name], row[f"{name}_se"] = _rms(ratio - 1.0)
    return [row]


def _rms(error: torch.Tensor) -> tuple[float, float]:
    """(sqrt of the mean square, its standard error by the delta method)."""
    square = error.square()
    value = float(square.mean().sqrt())
    return value, float(square.std()) / math.sqrt(len(square)) / (2.0 * value)
