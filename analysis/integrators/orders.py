"""Observed weak order of the integrators: exactly on Gaussian data, by coupled noise on curved laws and mixtures.

Two exact facts make the first possible without sampling: on N(0, s^2 I_k) the conditional denoiser is linear, so a step
multiplies tangential and normal coordinates by constants and adds noise; and the start is an exact draw of p_{sigma_0}.
"""

from __future__ import annotations

import math

import torch

import manifolds
from analysis.integrators.catalogue import build
from analysis.samplers import BrownianNoise, Integrator, KadkhodaieSimoncelli, Schedule, get_integrator, sample
from manifolds.denoisers import ConditionalDenoiser

__all__ = ["cell_coupled", "cell_exact_order", "final_variances", "named"]


def named(name: str) -> Integrator:
    """By name; the coarse-to-fine sampler of arXiv 2007.13640 with its h0 fitted to the number of steps, growing or constant."""
    if name == "kadkhodaie_simoncelli":
        return KadkhodaieSimoncelli(h0=None, growing=False)
    return get_integrator(name)


def final_variances(integrator: Integrator, schedule: Schedule, s: float) -> tuple[float, float]:
    """(tangential, normal) variance after a run that starts at p_{sigma_0} of N(0, s^2), conditional denoiser, scheduled noise.

    The linear factors are read off the integrator's own step, applied to the point (1, 1): methods with more than one evaluation included.
    """
    steps = integrator.coefficients(schedule)
    levels = steps.levels.tolist()

    def denoise(y: torch.Tensor, i: int) -> torch.Tensor:
        return y * torch.tensor([s**2 / (s**2 + levels[i] ** 2), 0.0], dtype=torch.float64)

    one = torch.ones(1, 2, dtype=torch.float64)
    variance = torch.tensor([s**2 + levels[0] ** 2, levels[0] ** 2], dtype=torch.float64)
    for i in range(steps.steps):
        factor = integrator.mean(one, denoise(one, i), i, steps, denoise)[0]
        variance = factor**2 * variance + steps.noise_variance[i]
    return float(variance[0]), float(variance[1])


def cell_exact_order(params: dict, seed: int) -> list[dict]:
    """Relative errors of the two variances against s^2 + sigma_T^2 and sigma_T^2, one row a number of steps.

    `wrong_scale` multiplies the data's standard deviation in the target only (a sabotage: an error that does not fall with the steps).
    """
    integrator, s = named(params["integrator"]), params["s"]
    rows = []
    for steps in params["steps"].split():
        schedule = Schedule.proportional(params["sigma_0"], params["sigma_T"], params["a"], int(steps))
        tangential, normal = final_variances(integrator, schedule, s)
        target = schedule.sigma_end**2
        error = {
            "tangential": tangential / ((params["wrong_scale"] * s) ** 2 + target) - 1.0,
            "normal": normal / target - 1.0,
        }
        rows.append({"N": int(steps), "h": schedule.horizon / int(steps), "declared": integrator.weak_order} | error)
    return rows


def cell_coupled(params: dict, seed: int) -> list[dict]:
    """E|u|^2 of the core coordinates after runs whose noise is coupled across step counts: differences between N and 2N steps.

    Their mean falls with the weak order; their standard error is small since the two runs share start and noise.
    `offset` is added to every difference, relative to E|u|^2 (a sabotage: an error that does not fall with the steps).
    """
    law = build(params["law"], params["dim"], params["ambient"])
    integrator, counts, n = named(params["integrator"]), [int(s) for s in params["steps"].split()], params["n"]
    levels = params["sigma_0"], params["sigma_T"], params["a"]
    stream = manifolds.stream(seed, "coupled", law.name, params["dim"], params["a"])
    fine = Schedule.proportional(*levels, counts[-1])
    start = law.add_noise(law.sample(n, stream.child("x")), params["sigma_0"], stream.child("z"))
    noise = BrownianNoise(fine, stream.child("noise"))
    values = {}
    for steps in counts:
        run = sample(
            ConditionalDenoiser(law),
            law,
            Schedule.proportional(*levels, steps),
            n,
            stream,
            integrator,
            False,
            start=start,
            noise=noise,
        )
        values[steps] = law.space.split(run.y)[0].square().sum(dim=1)
    rows = []
    for coarse, finer in zip(counts, counts[1:]):
        gap = values[coarse] - values[finer] + params["offset"] * values[finer].mean()
        row = {"N": coarse, "h": fine.horizon / coarse, "declared": integrator.weak_order}
        rows.append(
            row | {"gap": gap.mean(), "gap_se": float(gap.std()) / math.sqrt(n), "uncoupled_sd": values[finer].std()}
        )
    return rows
