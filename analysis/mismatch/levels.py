"""Is the true noise along a run that of v+ = c^2 v + eta^2, whatever denoiser makes it (arXiv 2602.09639, figure 9)?"""

from __future__ import annotations

import math

import pandas as pd
import torch
from scipy import stats

import manifolds
from analysis.mismatch.compare import build_arm
from analysis.mismatch.settings import (
    A_VALUES,
    GRID,
    INTEGRATOR,
    PAPER,
    decided,
    farthest,
    integrator_of,
    law_of,
    normal_variance,
    own_settings,
    schedule_of,
    with_rows,
)
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.samplers import Coefficients, Schedule, sample
from analysis.theory import coefficients as theory
from manifolds.denoisers import Denoiser, as_denoiser
from manifolds.space import Space

__all__ = ["CLAIMS", "QUESTION", "cell_levels", "closed_form", "decide", "leaky"]

CLAIMS = (
    Claim(
        "M2",
        "sharper",
        f"derived here; compare {PAPER}, figure 9",
        "the true noise level of a run is that of v+ = c^2 v + eta^2, for a blind and for a conditional denoiser "
        "alike: six integrators, three grids, a = 0, .2, .5, 50 steps from 20 to .02, Gaussian data, k = 4, d = 10^4 "
        "(limit set after a pilot)",
        "measured over predicted level: the farthest from 1 over steps, integrators, grids, a and both denoisers",
        "1",
        # three half widths of all steps of all runs at once (.0015)
        (0.9955, 1.0045),
        seeds=3,
        revised=Revision(
            "the same within .01, each step with an interval of its own",
            "the nearest sabotage, 2 % of the noise left in, lay 19 limits away",
        ),
    ),
)

_SAMPLES = {"smoke": 100, "paper": 400, "full": 2000}  # of all seeds


def cells(options) -> list[Cell]:
    """Every integrator, grid and a, blind and conditional; one run a value of a is sabotaged."""
    found, seeds = [], 1 if options.profile == "smoke" else 3
    samples = _SAMPLES[options.profile] // seeds
    for integrator in options.integrator:
        for grid in options.grid:
            for a in (a for a in A_VALUES if own_settings(integrator, grid, a)):
                for arm in ("blind", "conditional"):
                    spoilt = (integrator, grid, arm) == ("euler", "geometric", "conditional")
                    for sabotage in (False, True) if spoilt else (False,):
                        params = {"law": "gaussian", "ambient": 10_000, "integrator": integrator, "grid": grid, "a": a}
                        params |= {"steps": 50, "arm": arm, "sabotage": sabotage, "samples": samples}
                        found.append(Cell("mismatch_levels", params, 0.15 / seeds, seeds))
    return found


LEAK = 0.0008  # share of the noise that the sabotaged denoiser of the control leaves in its output


def closed_form(integrator: str, schedule: Schedule, coefficients: Coefficients) -> torch.Tensor:
    """True noise sd in the normal directions (N + 1,), from formulas that share no code with the sampler.

    Kadkhodaie and Simoncelli's steps (arXiv 2007.13640) are built to multiply the level by 1 - beta h_i, c_i = 1 - h_i.
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


def leaky(f: Denoiser, space: Space) -> Denoiser:
    """A denoiser that leaves LEAK of the noise in: a sabotage that breaks the closed form, since f vanishes no more."""

    def leaving(y: torch.Tensor, *sigma) -> torch.Tensor:
        clean = f(y, *sigma)
        return clean + LEAK * (y - clean)

    if f.blind:
        return as_denoiser(lambda y: leaving(y), space)
    return as_denoiser(lambda y, sigma: leaving(y, sigma), space)


def cell_levels(params: dict, seed: int) -> list[dict]:
    """One row a step: scheduled sd, predicted true sd, and the measured one (root mean square over normal directions).

    `relative` is measured over predicted sd, `relative_se` its standard error.
    """
    law = law_of(params["law"], params["ambient"])
    integrator = integrator_of(params["integrator"])
    schedule = schedule_of(params["grid"], params["a"], params["steps"])
    coefficients = integrator.coefficients(schedule)
    arm = build_arm(params["arm"], law, schedule, coefficients)
    f = as_denoiser(arm.f, law.space)
    if params["sabotage"]:
        f = leaky(f, law.space)
    source = manifolds.stream(seed, "mismatch levels", params["law"], params["ambient"])
    run = sample(f, law, schedule, params["samples"], source, integrator, adaptive=False, record="levels")
    predicted = closed_form(params["integrator"], schedule, coefficients)
    scheduled = coefficients.levels
    rows = []
    for i, variance in enumerate(normal_variance(run)):
        measured = math.sqrt(float(variance.mean()))
        row = {"step": i, "scheduled": scheduled[i], "predicted": predicted[i], "measured": measured}
        row |= {"told": math.nan if f.blind else scheduled[i]}
        row |= {"residual_estimate": run.sigma_hat[i].square().mean().sqrt()}
        row |= {"relative": measured / float(predicted[i])}
        spread = float(variance.std()) / (2 * measured * float(predicted[i]) * params["samples"] ** 0.5)
        rows.append(row | {"relative_se": spread})
    return rows


def decide(tables, options) -> list[Measurement]:
    """M2: the step that is farthest from the closed form, over all runs."""
    found = with_rows(tables, "mismatch_levels")
    return decided([_farthest_step(*found)] if found else [], options)


def _farthest_step(rows: pd.DataFrame) -> Measurement | None:
    spoilt = rows.sabotage.astype(bool)
    # one interval for all steps of all runs
    half = stats.norm.ppf(1 - 0.025 / max(int((~spoilt).sum()), 1)) * rows.relative_se
    rows = rows.assign(relative_low=rows.relative - half, relative_high=rows.relative + half)
    clean, broken = rows[~spoilt], rows[spoilt]
    kept = clean[clean.integrator != "euler"].copy()
    for name in ("relative", "relative_low", "relative_high"):
        kept[name] *= kept.predicted / kept.scheduled
    measured, null, power = (
        farthest(clean, "relative", 1.0),
        farthest(kept, "relative", 1.0),
        farthest(broken, "relative", 1.0),
    )
    if measured is None or null is None or power is None:
        return None
    controls = [
        Control("null", "measured over scheduled level, coefficients that keep it", *null[1:]),
        Control("power", f"a denoiser that leaves {100 * LEAK:.2g} % of the noise in", *power[1:]),
    ]
    euler = clean[(clean.integrator == "euler") & (clean.a == 0)]
    last = ", ".join(f"{grid} {(g.measured / g.scheduled).iloc[-1]:.3f}" for grid, g in euler.groupby("grid"))
    note = f"plain Euler, a = 0, true over scheduled level at the end: {last}"
    return Measurement("M2", *measured, controls, note)


QUESTION = Question(
    cells=cells,
    parts={"mismatch_levels": cell_levels},
    claims=CLAIMS,
    arguments=(INTEGRATOR, GRID),
    decide=decide,
    figures=("paper_fig9",),
)
