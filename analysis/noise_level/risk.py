"""Is f* the minimiser of the blind risk? The best step along a direction g from a candidate, from paired draws (X, Y)."""

from __future__ import annotations

import math

import numpy as np
import torch

from analysis.laws.cases import build, noisy, rms
from manifolds import Law, stream
from manifolds.denoisers import BlindDenoiser, NoisePrior, PlugInDenoiser

__all__ = ["cell_risk"]

_NODES = 48  # levels of the reference; with 12 normal directions the noise posterior spans a dozen of them


def cell_risk(params: dict, seed: int) -> list[dict]:
    """One row a candidate and direction: the t at which E|X - f(Y) - t g(Y)|^2 is least, with E|g|^2 = E|X - f(Y)|^2.

    In this unit t is the correlation of the residual with g, and t^2 the share of the risk that f wastes along g.
    """
    law = build(params)
    size = rms(law)
    low, high = params["low"] * size, params["high"] * size
    prior = NoisePrior.power(params["exponent"], low, high)
    source = stream(seed, "risk", params["law"], params["dim"], params["exponent"])
    sigma = prior.sample(params["draws"], source.child("level"))
    x, y = noisy(law, sigma, params["draws"], source.child("points"))
    best = BlindDenoiser(law, prior)(y)
    candidates = {
        "blind": best,
        "reference": _brute_force(law, prior, y),
        "scaled by 1.05": 1.05 * best,
        "prior range off by 5": BlindDenoiser(law, NoisePrior.power(params["exponent"], 5.0 * low, 5.0 * high))(y),
    }
    directions = {
        "scale": best,
        "shrink": y - best,
        "one level": law.denoise(y, math.sqrt(low * high)) - best,
        "plug-in": PlugInDenoiser(law, low, high)(y) - best,
    }
    rows = []
    for candidate, f in candidates.items():
        for direction, g in directions.items():
            step, error = _best_step(x - f, g)
            rows.append({"candidate": candidate, "direction": direction, "step": step, "step_se": error})
    return rows


def _best_step(residual: torch.Tensor, g: torch.Tensor) -> tuple[float, float]:
    """(t, standard error): mean of r.g over sqrt(mean |r|^2 mean |g|^2)."""
    dot = (residual * g).sum(1)
    unit = float((residual.square().sum(1).mean() * g.square().sum(1).mean()).sqrt())
    return float(dot.mean()) / unit, float(dot.std()) / math.sqrt(len(dot)) / unit


def _brute_force(law: Law, prior: NoisePrior, y: torch.Tensor, rows: int = 1 << 12) -> torch.Tensor:
    """f* by a Gauss rule over the whole range of log sigma, from log p and the conditional means alone."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    middle, half = 0.5 * math.log(prior.low * prior.high), 0.5 * math.log(prior.high / prior.low)
    levels = np.exp(middle + half * nodes)
    log_weights = np.log(weights * levels) + prior.log_density(torch.from_numpy(levels)).numpy()
    found = []
    for part in y.split(rows):
        log_mu = torch.stack([law.log_marginal(part, s) + w for s, w in zip(levels, log_weights)])
        share = torch.softmax(log_mu, dim=0)[..., None]
        found.append(sum(p * law.denoise(part, s) for s, p in zip(levels, share)))
    return torch.cat(found)
