"""What a wrong sigma argument costs a conditional denoiser (arXiv 2602.09639, figure 6). For any denoiser, trained ones too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

import manifolds
from analysis.metrics.intervals import mean
from analysis.mismatch.arms import exact_blind
from analysis.mismatch.settings import SIGMA_END, SIGMA_START, law_of
from manifolds.denoisers import ConditionalDenoiser, as_denoiser

__all__ = ["argument_curve", "cell_argument", "expected_excess"]

SHIFT = 2.0  # the sabotaged denoiser of the control reads its argument as this many times too large


def argument_curve(
    f: Callable, x: torch.Tensor, y: torch.Tensor, sigma: float, factors: Sequence[float], space
) -> list[dict]:
    """Mean squared error of f at points y = x + sigma z when it is told factor * sigma; a blind f is told nothing.

    Args:
        f: any denoiser f(y, sigma) or f(y), exact or trained.
        x, y: clean and noisy points (n, width).
        factors: told over true level; 1 is added if it is missing.

    Returns:
        One row a factor: mse, and its paired difference from that at the true level, `excess`, with a 95 % interval.
    """
    f = as_denoiser(f, space)
    factors = sorted({1.0, *map(float, factors)})
    with torch.no_grad():
        errors = {t: space.sqnorm((f(y) if f.blind else f(y, t * sigma)) - x) for t in factors}
    rows = []
    for factor in factors:
        mse, excess = mean(errors[factor]), mean(errors[factor] - errors[1.0])
        rows.append(
            {"factor": factor, "mse": mse.value, "mse_low": mse.low, "mse_high": mse.high}
            | {"excess": excess.value, "excess_low": excess.low, "excess_high": excess.high}
        )
    return rows


def expected_excess(f: Callable, y: torch.Tensor, sigma: float, factor: float, space) -> float:
    """E |f_{factor sigma} - f_sigma|^2: what the excess is for the exact posterior mean (Pythagoras), without the clean x."""
    return float(space.sqnorm(f(y, factor * sigma) - f(y, sigma)).mean())


def cell_argument(params: dict, seed: int) -> list[dict]:
    """The curve of one exact denoiser at one true level; per data dimension (divide by d for the scale of the paper)."""
    law, sigma = law_of(params["law"], params["ambient"]), params["sigma"]
    source = manifolds.stream(seed, "mismatch argument", params["law"], sigma)
    x = law.sample(params["samples"], source.child("data"))
    y = law.add_noise(x, sigma, source.child("noise"))
    exact = ConditionalDenoiser(law)
    f = {
        "conditional": exact,
        "blind": exact_blind(law, SIGMA_END, SIGMA_START),
        "shifted": as_denoiser(lambda y, told: exact(y, SHIFT * told), law.space),
    }[params["arm"]]
    rows = argument_curve(f, x, y, sigma, params["factors"].split(), law.space)
    mmse = float(law.posterior_trace(y, sigma).mean())
    return [
        row | {"mmse": mmse, "expected_excess": expected_excess(exact, y, sigma, row["factor"], law.space)}
        for row in rows
    ]
