"""Is the noise level of one image estimated accurately, under the exact law of its manifold?

The maximum-likelihood level of images with k = 2 parameters (companion of arXiv 2602.09639, figure 12).
"""

from __future__ import annotations

import math

import torch

from analysis.laws.settings import build, level_range, node_count, noisy, shape
from analysis.noise_level.settings import LAW, PAPER, as_control, labels, measured, of_profile, worst
from analysis.runs import Cell, Claim, Measurement, Question
from manifolds import stream
from manifolds.denoisers import PlugInDenoiser

__all__ = ["CLAIMS", "QUESTION", "cell_images", "decide"]

CLAIMS = (
    # twice the Cramer-Rao bound 1/sqrt(2d) of 32 x 32 pixels, 2.2 %; taking the image for noise is 9 % off or more
    Claim(
        "I1",
        "paper",
        f"{PAPER}, fig. 12",
        "the noise level of one image (k = 2, d >= 1024) is estimated accurately",
        "rms relative error of the MLE, worst family, size and level",
        "1/sqrt(2d) = 0.022, 0.011",
        (0.0, 0.045),
    ),
)

_DRAWS = {"smoke": 40, "paper": 80, "full": 1000}


def cells(options) -> list[Cell]:
    """Every family at 32 x 32 and 64 x 64 pixels; nodes as fine as the level asks (the posterior is far narrower)."""
    grid = ((32, 0.7),) if options.profile == "smoke" else ((32, 0.35), (32, 0.7), (32, 1.4), (64, 0.7), (64, 1.4))
    sizes = [{"ambient": n * n, "sigma": s, "finest": 0.75 * s, "draws": _DRAWS[options.profile]} for n, s in grid]
    families = [name for name in options.law if shape(name, 2).image]
    return [Cell("image_levels", {"law": name, "dim": 2, **size}, cost=2.0) for name in families for size in sizes]


def cell_images(params: dict, seed: int) -> list[dict]:
    """Root mean square relative error of three estimates of sigma (pixels lie in [0, 1]), each with its standard error.

    `mle`; `pure`, sqrt(|z|^2/d) of the noise itself; `naive`, the distance from the mean image over sqrt(d), which
    takes the image for noise. And the Cramer-Rao bound of the first.
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
        "pure": (law.space.sqnorm(y - x) / sigma**2 / d).sqrt(),
        "naive": (law.space.sqnorm(y - law.space.center) / d).sqrt() / sigma,
    }
    information = 2.0 * d - float(law.distance_variance(y, sigma).mean()) / sigma**4
    row = {"core_dim": law.core_dim, "nodes": node_count(law), "cramer_rao": 1.0 / math.sqrt(information)}
    for name, ratio in estimates.items():
        row[name], row[f"{name}_se"] = _rms(ratio - 1.0)
    return [row]


def _rms(error: torch.Tensor) -> tuple[float, float]:
    """(sqrt of the mean square, its standard error by the delta method)."""
    square = error.square()
    value = float(square.mean().sqrt())
    return value, float(square.std()) / math.sqrt(len(square)) / (2.0 * value)


def decide(tables, options) -> list[Measurement]:
    """I1: the largest error over families, sizes and levels."""
    rows = tables["image_levels"]

    def largest(column: str):
        return worst(rows[column], rows[f"{column}_se"], 0.0, labels(rows, "law", "ambient", "sigma"))

    truth, where = largest("mle")
    controls = [
        as_control("null", "the noise itself", largest("pure")[0]),
        as_control("power", "the image taken for noise", largest("naive")[0]),
    ]
    note = f"{where} (law d sigma); {(rows.mle / rows.cramer_rao).mean():.3f} of the Cramer-Rao bound on average"
    return of_profile([measured("I1", truth, controls, note)], CLAIMS, options)


QUESTION = Question(
    cells=cells,
    parts={"image_levels": cell_images},
    claims=CLAIMS,
    arguments=(LAW,),
    decide=decide,
    figures=("image_levels",),
)
