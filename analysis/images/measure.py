"""Small convolutional networks on image laws with a known optimum: blind against conditional in PSNR, and level estimators.

A cell of task "denoise" trains one denoiser and measures its risk against the optima, "level" trains an estimator of the
noise level, "exact" trains nothing. Blind and conditional networks of one law start from the same draws, see the same
batches, and are measured at the same noisy points. PSNR is 10 log10(d/risk): pixel values have range one.
"""

from __future__ import annotations

import math

import torch

from analysis.images.laws import image_law
from analysis.images.samples import image_run_rows
from analysis.training.excess_risk import levels_of, risk_rows
from analysis.training.fit import curve_rows, fit, row
from analysis.training.laws import prior_of
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["TOLD", "cell_images", "level_rows"]

TOLD = 1.5  # the power control: a conditional denoiser that is told this times the noise level
OFF = 1.2  # and an estimator of the noise level that is off by this factor


class Told:
    """A conditional denoiser that is told a multiple of the noise level."""

    blind = False

    def __init__(self, f, factor: float):
        self.f, self.factor = f, factor

    def __call__(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        return self.f(y, self.factor * sigma)


def told_rows(f, law: Law, optimum: BlindDenoiser, params: dict, draws: Stream, series: str) -> list[dict]:
    """Excess risk of a conditional denoiser that is told TOLD times the level, where that is still in the training range."""
    found = risk_rows(Told(f, TOLD), law, optimum, params, draws, series)
    return [r for r in found if r["measure"] == "excess" and r["level"] * TOLD <= params["high"]]


def level_rows(estimate: torch.Tensor, sigma: float, series: str) -> list[dict]:
    """Rows of e = log(sigma_hat/sigma) from estimates sigma_hat (n,): its mean (log_bias), its standard deviation
    (log_spread) and its root mean square (log_rms)."""
    error = torch.log(estimate / sigma)
    root, spread, square = math.sqrt(len(error)), float(error.std()), error.square()
    rms = float(square.mean().sqrt())
    return [
        row("log_bias", error.mean(), spread / root, sigma, series),
        row("log_spread", spread, spread / (math.sqrt(2.0) * root), sigma, series),
        row("log_rms", rms, float(square.std()) / root / (2.0 * rms), sigma, series),
    ]


def _level_cell(params: dict, law: Law, draws: Stream) -> list[dict]:
    """The estimator, the same 1.2 times off, and exp E[log sigma | y] of the exact posterior, with a prior that ends beyond
    the tested levels and with one that ends where the training does."""
    f = fit(params, law, draws.child("training", "level"))
    low, high, top = params["low"], params["high"], params["top"]
    wide, narrow = (BlindDenoiser(law, NoisePrior.power(-1.0, low, end)) for end in (1.5 * top, high))
    rows = curve_rows(f)
    for sigma in levels_of({**params, "high": top}):
        own, few = draws.child("level", sigma), params["exact_points"]
        y = law.add_noise(law.sample(params["points"], own.child("points")), sigma, own.child("noise"))
        estimate, exact = f(y), wide.noise_posterior(y[:few])
        rows += level_rows(estimate, sigma, "trained") + level_rows(OFF * estimate, sigma, "off")
        rows += level_rows(exact.mean.exp(), sigma, "exact")
        rows.append(row("posterior_sd", exact.sd.mean(), exact.sd.std() / math.sqrt(few), sigma, "exact"))
        if sigma > high:
            rows += level_rows(narrow.noise_posterior(y[:few]).mean.exp(), sigma, "prior as trained")
    return rows


def cell_images(params: dict, seed: int) -> list[dict]:
    """One training on an image law, or none, and what it is measured to be; rows as in `analysis.training.excess_risk`."""
    law = image_law(params)
    draws = stream(seed, "images", params["law"], params["dim"], params["ambient"])
    if params["task"] == "level":
        return [row("core_dim", law.core_dim), *_level_cell(params, law, draws)]
    optimum = BlindDenoiser(law, prior_of(params, law))
    if params["task"] == "exact":
        exact = ConditionalDenoiser(law)
        rows = [row("core_dim", law.core_dim), *risk_rows(exact, law, optimum, params, draws)]
        rows += told_rows(exact, law, optimum, params, draws, "told")
        if "run_points" in params:
            for name, known in (("blind", optimum), ("conditional", exact)):
                rows += image_run_rows(known, law, params, draws.child("run"), name)
        return rows
    f = fit(params, law, draws.child("training"))
    rows = curve_rows(f) + risk_rows(f, law, optimum, params, draws)
    if not f.blind:
        rows += told_rows(f, law, optimum, params, draws, "told")
    if "run_points" in params:
        rows += image_run_rows(f, law, params, draws.child("run"), "blind" if f.blind else "conditional")
    return rows
