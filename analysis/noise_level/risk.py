"""Is f*, the average of f_sigma over the noise posterior, the minimiser of the blind risk?

The best step along a direction g from a candidate, from paired draws (X, Y): it is 0 for the minimiser, whatever g.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from analysis.laws.settings import build, case, noisy, rms
from analysis.noise_level.settings import LAW, PAPER, as_control, labels, measured, of_profile, seeds_of, worst
from analysis.runs import Cell, Claim, Measurement, Question
from manifolds import Law, stream
from manifolds.denoisers import BlindDenoiser, NoisePrior, PlugInDenoiser

__all__ = ["CLAIMS", "QUESTION", "cell_risk", "decide"]

CLAIMS = (
    # 2 % of the residual's length along g is 0.04 % of the risk; the draws resolve it, a denoiser off by 2 % fails it
    Claim(
        "P1",
        "paper",
        f"{PAPER}, Prop 3.1",
        "averaging the conditional denoiser over the noise posterior minimises the blind risk: log-uniform prior over "
        "a decade, k = 2, 12 normal directions, Gaussian, sphere, atoms and mixture, four directions g",
        "t of least risk of f* + t g, E|g|^2 = risk, worst law and g",
        "0",
        (-0.02, 0.02),
        seeds=3,
    ),
)

_LAWS = ("gaussian", "sphere", "atoms", "mixture")
_DRAWS = {"smoke": 2_000, "paper": 60_000, "full": 400_000}  # of one seed
_MORE = {"atoms": 4, "gaussian": 2}  # times as many, where the residual has the heaviest tails along some direction


def cells(options) -> list[Cell]:
    """One cell a law, at a log-uniform prior over a decade of levels."""
    prior, seeds, found = {"low": 0.1, "high": 1.0, "exponent": -1.0}, seeds_of(options.profile), []
    for name in options.law:
        if name in _LAWS:
            draws = _DRAWS[options.profile] * _MORE.get(name, 1)
            found.append(Cell("risk", {**case(name, 2, 12), **prior, "draws": draws}, 1e-4 * draws, seeds))
    return found


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
        "scaled by 1.02": 1.02 * best,
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


def decide(tables, options) -> list[Measurement]:
    """P1: the step that reaches furthest from 0 over laws and directions, per candidate."""
    of = dict(iter(tables["risk"].groupby("candidate")))

    def farthest(name: str):
        return worst(of[name].step, of[name].step_se, 0.0, labels(of[name], "law", "direction"))

    truth, where = farthest("blind")
    controls = [as_control("null", "f* by a fixed Gauss rule over all levels", farthest("reference")[0])]
    for name in ("scaled by 1.02", "prior range off by 5"):
        # every law must notice it in some direction: the law that notices least counts
        by_law = {law: worst(rows.step, rows.step_se, 0.0)[0] for law, rows in of[name].groupby("law")}
        least = min(by_law, key=lambda law: abs(by_law[law].value))
        controls.append(as_control("power", f"{name}, {least}, which notices least", by_law[least]))
    return of_profile([measured("P1", truth, controls, where)], CLAIMS, options)


QUESTION = Question(cells=cells, parts={"risk": cell_risk}, claims=CLAIMS, arguments=(LAW,), decide=decide)
