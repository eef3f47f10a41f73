"""True against scheduled noise along a run (arXiv 2602.09639, figure 9), with the closed form through the points."""

from __future__ import annotations

import math

import torch

import manifolds
from analysis.mismatch.arms import build_arm
from analysis.mismatch.settings import integrator_of, law_of, schedule_of
from analysis.samplers import Coefficients, Schedule, sample
from analysis.theory import coefficients as theory
from manifolds.denoisers import as_denoiser

__all__ = ["cell_levels", "closed_form", "leaky"]

LEAK = 0.02  # share of the noise that the sabotaged denoiser of the control leaves in its output


def closed_form(integrator: str, schedule: Schedule, coefficients: Coefficients) -> torch.Tensor:
    """True noise sd in the normal directions (N + 1,), from formulas that share no code with the sampler.

    Kadkhodaie and Simoncelli's steps (arXiv 2007.13640) are built to multiply the noise level by 1 - beta h_i, c_i = 1 - h_i.
    """
    levels, a = schedule.sigma.numpy(), schedule.proportion
    if integrator == "kadkhodaie_simoncelli":
        shrink = 1 - (1 - a) * (1 - coefficients.contraction)
        return schedule.sigma_start * torch.cat([torch.ones(1, dtype=torch.float64), shrink.cumprod(0)])
    formulas = {
        "exponential_euler": lambda: theory.exponential_euler(levels, a),
        "euler": lambda: theory.plain_euler(levels, a),
        "ancestral": lambda: theory.ancestral(levels),
        "ddim": lambda: theory.ddim(levels),
        "heun": lambda: theory.ddim(levels),  # f vanishes in normal directions: both slopes are y / sigma
    }
    c, eta = formulas[integrator]()
    return torch.from_numpy(theory.noise_variance(c, eta, levels[0] ** 2)).sqrt()


def leaky(f, space):
    """A denoiser that leaves LEAK of the noise in: a sabotage that breaks the closed form, since f vanishes no more."""

    def leaving(y: torch.Tensor, *sigma) -> torch.Tensor:
        clean = f(y, *sigma)
        return clean + LEAK * (y - clean)

    if f.blind:
        return as_denoiser(lambda y: leaving(y), space)
    return as_denoiser(lambda y, sigma: leaving(y, sigma), space)


def cell_levels(params: dict, seed: int) -> list[dict]:
    """One row a step: scheduled sd, predicted true sd, and the measured one (root mean square over all normal directions).

    `relative` is measured over predicted sd, `relative_se` its standard error.
    """
    law = law_of(params["law"], params["ambient"])
    integrator = integrator_of(params["integrator"])
    schedule = schedule_of(params["grid"], params["a"], params["steps"])
    coefficients = integrator.coefficients(schedule)
    arm = build_arm(params["arm"], law, schedule, coefficients)
    f = leaky(arm.f, law.space) if params["sabotage"] else arm.f
    source = manifolds.stream(seed, "mismatch levels", params["law"], params["ambient"])
    run = sample(f, law, schedule, params["samples"], source, integrator, adaptive=False, record="levels")
    predicted = closed_form(params["integrator"], schedule, coefficients)
    scheduled = coefficients.levels
    rows = []
    for i, variance in enumerate(run.normal_variance):
        measured = math.sqrt(float(variance.mean()))
        rows.append(
            {"step": i, "scheduled": scheduled[i], "predicted": predicted[i], "measured": measured}
            | {
                "told": math.nan if arm.f.blind else scheduled[i],
                "residual_estimate": run.sigma_hat[i].square().mean().sqrt(),
            }
            | {"relative": measured / float(predicted[i])}
            | {"relative_se": float(variance.std()) / (2 * measured * float(predicted[i]) * params["samples"] ** 0.5)}
        )
    return rows
