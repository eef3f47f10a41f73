"""Cells of two loose ends of arXiv 2602.09639: how many steps its image settings take, and training that stops below the start."""

from __future__ import annotations

import math

import numpy as np

import manifolds
from analysis.metrics.intervals import mean
from analysis.mismatch.compare import squared_errors, summarise
from analysis.mismatch.settings import law_of
from analysis.samplers import KadkhodaieSimoncelli, Schedule, get_integrator, sample
from manifolds.denoisers import BlindDenoiser, NoisePrior, as_denoiser

__all__ = ["IMAGE_END", "IMAGE_START", "VARIANTS", "cell_step_counts", "cell_truncated"]

IMAGE_START, IMAGE_END = 4.0, 0.05  # the levels between which the paper samples images
CAP = 1000

# the readings of "h = .2, a = .2": integrator, and the power of sigma_hat that a_t is proportional to; in the last two .2 is the
# beta of Kadkhodaie and Simoncelli, with the constant step h = .2 or with their growing one from .01
VARIANTS = {
    "squared": ("euler_maruyama", 2.0),
    "exponential": ("exponential_euler", 2.0),
    "unsquared": ("euler_maruyama", 1.0),
    "beta_constant": (KadkhodaieSimoncelli(h0=0.2, beta=0.2, growing=False), 2.0),
    "beta_growing": (KadkhodaieSimoncelli(h0=0.01, beta=0.2), 2.0),
}


def cell_step_counts(params: dict, seed: int) -> list[dict]:
    """Steps that an adaptive blind run takes from 4 to .05 under one reading of the printed settings, at most 1000.

    `level_end` is the root mean square of sigma_hat at the end: for the unsquared reading, the fixed point
    2 a h/(1 - (1-h)^2) of v+ = (1-h)^2 v + 2 a h sqrt(v).
    """
    integrator, power = VARIANTS[params["variant"]]
    law = law_of(params["law"], params["ambient"])
    f = BlindDenoiser(law, NoisePrior.power(-1.0, IMAGE_END / 50, 3 * IMAGE_START))
    schedule = Schedule.constant_step(params["h"], params["a"], IMAGE_START, 0.1 * IMAGE_END)
    root = 0.5 * power

    def estimate(y, fy):
        # the injected variance is eta^2/sigma^2 times the square of this: sigma_hat^power
        return (law.space.sqnorm(fy - y) / law.ambient_dim) ** (root / 2)

    source = manifolds.stream(seed, "mismatch step counts", params["law"], params["ambient"])
    options = {"adaptive": True, "sigma_min": IMAGE_END**root, "max_steps": CAP, "estimator": estimate}
    run = sample(f, law, schedule, params["samples"], source, integrator, **options)
    steps, last = mean(run.stopped_at.double()), run.sigma_hat[-1] ** (1 / root)
    h, a = params["h"], params["a"]
    return [
        {
            "steps_mean": steps.value,
            "steps_low": steps.low,
            "steps_high": steps.high,
            "steps_sd": run.stopped_at.double().std(),
        }
        | {
            "level_end": last.square().mean().sqrt(),
            "fixed_point": 2 * a * h / (1 - (1 - h) ** 2),
            "run_status": run.status,
        }
        | {"steps_recursion": _recursion(integrator, schedule) if power == 2.0 else math.inf}
    ]


def _recursion(integrator: str | KadkhodaieSimoncelli, schedule: Schedule) -> int:
    """Steps until v+ = c^2 v + (eta^2/sigma^2) v is at most sigma_min^2: no sampling, no denoiser."""
    steps = get_integrator(integrator).coefficients(schedule)
    factors = (steps.contraction**2 + steps.noise_ratio).tolist()
    variance, count = IMAGE_START**2, 0
    while variance > IMAGE_END**2:
        variance *= factors[min(count, len(factors) - 1)]
        count += 1
    return count


def cell_truncated(params: dict, seed: int) -> list[dict]:
    """Blind runs from sigma = 4 whose denoiser knows of levels up to `prior_high` only, beside one that knows of them all."""
    law = law_of(params["law"], params["ambient"])
    schedule = Schedule.constant_step(params["h"], params["a"], IMAGE_START, IMAGE_END)
    squares = np.empty((params["replicates"], 3))
    for r in range(params["replicates"]):
        source = manifolds.stream(seed, "mismatch truncated", params["law"], r)
        outputs = []
        for high in (params["prior_high"], 3 * IMAGE_START):
            ideal = BlindDenoiser(law, NoisePrior.power(-1.0, IMAGE_END / 50, high))
            # as a plain function: the sampler refuses a prior that does not reach the first level, which is the point here
            f = as_denoiser(lambda y, ideal=ideal: ideal(y), law.space)
            outputs.append(sample(f, law, schedule, params["samples"], source.child("run"), params["integrator"]).x)
        squares[r] = squared_errors(law, outputs, source)
    return [summarise(squares[:, 1], squares[:, 0], squares[:, 2])]
