"""Cells on statements of the paper: the start (B.4), the sum of the terms, and the whole recipe of Corollary 3.10."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import optimize, stats

import manifolds
from analysis.ledger.chosen import perturbed
from analysis.ledger.initial import initial_term
from analysis.ledger.pythagoras import measure_parts
from analysis.ledger.transfer import marginal_divergence
from analysis.metrics.intervals import mean
from analysis.metrics.support import bounded_lipschitz, bounded_lipschitz_lower
from analysis.samplers import Schedule, sample
from analysis.theorems.catalogue import IMAGE_SIDE, case, scale
from analysis.theory.discretisation import gaussian_discretisation
from analysis.theory.gaussian_run import final_divergence
from analysis.theory.initial import gaussian_initial, initial_bound
from analysis.theory.rates import recipe
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law

__all__ = ["cell_init", "cell_marginal", "cell_recipe", "cell_sum"]

_SPARE = 12  # normal directions of the Pythagoras runs: few, so that blindness is a visible part of the total


def cell_init(params: dict, seed: int) -> list[dict]:
    """KL(p_{sigma_0} || N(E X, sigma_0^2 I)) over its bound, and the same for a start 20 % too narrow in the core."""
    law = case(params["law"], 10**6)
    sigma = params["start"] * scale(law)
    term = initial_term(law, sigma, params["points"], manifolds.stream(seed, "ledger", "init", params["law"]))
    bound = initial_bound(scale(law) ** 2, sigma)
    m, c = law.core_dim, 0.8
    # E log N(sigma^2)/N(c^2 sigma^2) over the core: its mean square is known
    narrow = term.value + m * math.log(c) + (scale(law) ** 2 + m * sigma**2) / (2 * sigma**2) * (c**-2 - 1)
    low, high = term.interval()
    row = {
        "sigma_0": sigma,
        "init": term.value,
        "bound": bound,
        "ratio": term.value / bound,
        "ratio_low": max(low, 0.0) / bound,
        "ratio_high": high / bound,
    }
    exact = gaussian_initial(m, law.core.scale, sigma) / bound if params["law"] == "gaussian" else None
    return [row | {"narrow_ratio": narrow / bound, "exact_ratio": exact}]


def cell_sum(params: dict, seed: int) -> list[dict]:
    """(total - sum of the terms)/total on common samples, for one law, prior of f* and f^."""
    small = manifolds.make(params["law"], dim=params["dim"], ambient=100, reduced=True)
    law = small.with_ambient(small.core_dim + _SPARE)
    schedule = Schedule.proportional(10.0, 0.05, a=0.5, steps=params["steps"])
    prior = (
        NoisePrior.aligned(schedule)
        if params["prior"] == "aligned"
        else NoisePrior.power(float(params["prior"]), 0.05, 10.0)
    )
    best = BlindDenoiser(law, prior, tol=1e-6)
    f = perturbed(best) if params["denoiser"] == "perturbed" else best
    stream = manifolds.stream(seed, "ledger", "sum", params["law"])
    parts = measure_parts(law, f, best, schedule, params["points"], stream)
    init = initial_term(law, 10.0, params["points"], stream.child("init")).value
    total = init + float(parts.total.mean())
    gap = mean(parts.difference.numpy() / total)
    row = {
        "ambient": law.ambient_dim,
        "init": init,
        "total": total,
        "total_se": float(parts.total.std()) / math.sqrt(len(parts.total)),
    }
    row |= {name: float(getattr(parts, name).mean()) for name in ("blind", "discretisation", "learning")}
    return [row | {"difference": gap.value, "difference_low": gap.low, "difference_high": gap.high}]


def _in_recipe(name: str, k: int) -> Law:
    if name == "blobs":  # the finest level is that of the recipe, 1.3 times finer
        return manifolds.make(name, dim=k, ambient=IMAGE_SIDE**2, reduced=True, finest=0.5)
    return manifolds.make(name, dim=k, ambient=100, reduced=True)


def cell_recipe(params: dict, seed: int) -> list[dict]:
    """Corollary 3.10 with eps relative to R: D_X of the projected run from the data, over eps; truth and a sabotage beside it.

    D_X from samples (optimal assignment) exceeds that of the laws in the mean, so its upper limit is one for D_X; the lower
    limit is a split-sample bound.
    """
    k, eps, n = params["dim"], params["eps"], params["points"]
    small = _in_recipe(params["law"], k)
    size = small.radius
    plan = recipe(k, eps, 1.0, "proof", factor=params["factor"])
    law = small.with_ambient(max(math.ceil(plan.ambient_dim), small.core_dim + 1))
    schedule = Schedule.proportional(size * plan.sigma_0, size * plan.sigma_T, a=0.5, steps=math.ceil(plan.steps))
    f = BlindDenoiser(law, NoisePrior.power(-3.0, schedule.sigma_end, schedule.sigma_start), tol=1e-6)
    push = torch.zeros(law.space.width, dtype=torch.float64)
    push[0] = 0.7 * size
    stream = manifolds.stream(seed, "ledger", "recipe", params["law"])
    end = sample(f, law, schedule, n, stream.child("run")).y
    pushed = sample(lambda y: f(y) + push, law, schedule, n, stream.child("run")).y if params["sabotage"] else None
    noisy = law.add_noise(law.sample(n, stream.child("near")), schedule.sigma_end, stream.child("near noise"))
    truth = _core(law, law.sample(n, stream.child("truth"))) / size
    row = {
        "sigma_0": schedule.sigma_start,
        "sigma_T": schedule.sigma_end,
        "steps": schedule.steps,
        "ambient": law.ambient_dim,
        "radius": size,
    }
    for name, y in (("run", end), ("truth", noisy), ("pushed", pushed)):
        if y is None:
            row |= {f"{name}_over_eps": None, f"{name}_low": None, f"{name}_high": None}
            continue
        x = _core(law, law.project(y)) / size
        blocks = mean([bounded_lipschitz(a, b) for a, b in zip(np.array_split(x, 4), np.array_split(truth, 4))])
        low = min(bounded_lipschitz_lower(x, truth, stream.child("lower", name)), blocks.value)
        row |= {f"{name}_over_eps": blocks.value / eps, f"{name}_low": low / eps, f"{name}_high": blocks.high / eps}
    return [row]


def _core(law: Law, points: torch.Tensor) -> np.ndarray:
    return law.space.split(points)[0].numpy()


def cell_marginal(params: dict, seed: int) -> list[dict]:
    """Exact KL and TV between p_{sigma_T} and the law of Y_N as d grows without bound, scale 1 a dimension."""
    name, k, steps = params["law"], params["dim"], params["steps"]
    schedule = Schedule.proportional(20.0, 0.05, a=0.5, steps=steps)
    h = float(schedule.h[0])
    certified = gaussian_discretisation(schedule.sigma.numpy(), k, 1.0)
    row = {"h": h, "gaussian_tv_certified": math.sqrt(certified / 2)}
    if name == "gaussian":
        c, eta = torch.exp(-schedule.h).numpy(), schedule.ou_variance.sqrt().numpy()
        kl, _ = final_divergence(c, eta, schedule.sigma.numpy(), k, 10**9, 1.0, told="true")
        return [row | {"kl": float(kl), "tv": _gaussian_tv(float(kl), k), "mass": 1.0}]
    if name == "two_atoms":
        law = case(name, 100)
    else:
        law = manifolds.make(
            name, dim=k, ambient=4 * k + 10, reduced=True, **({"radius": math.sqrt(k)} if name == "sphere" else {})
        )
    found = marginal_divergence(law, schedule, radial=name == "sphere")
    return [row | {"kl": found.kl, "tv": found.tv, "mass": found.mass}]


def _gaussian_tv(kl: float, k: int) -> float:
    """TV between N(0, I_k) and N(0, v I_k), v <= 1, at this KL: a difference of chi-square distribution functions."""
    v = optimize.brentq(lambda v: 0.5 * k * (1 / v - 1 + math.log(v)) - kl, 1e-6, 1.0)
    cut = k * v * math.log(1 / v) / (1 - v)
    return float(stats.chi2.cdf(cut / v, k) - stats.chi2.cdf(cut, k))
