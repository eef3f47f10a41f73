"""Which sampler should a user choose? Denoiser calls against the error of all samplers, blind and told the level.

Left: KL of the noisy output on Gaussian data, exactly. Right: D_X of the clean output by samples.
"""

from __future__ import annotations

import manifolds
from analysis.integrators.catalogue import build
from analysis.integrators.settings import named, pairs
from analysis.metrics.perceptual import perceptual
from analysis.neighbours.settings import gaussian_kl, smoke
from analysis.runs import Cell, Question
from analysis.samplers import INTEGRATORS, Schedule, sample
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior

_LOW, _HIGH, _DIM, _AMBIENT = 0.05, 10.0, 2, 1000
_COUNTS, _RUNS = (8, 16, 32, 64), (8, 16, 32)
_SAMPLED = ("exponential_euler", "euler", "ddim", "ancestral", "heun", "dpm_solver_2m", "randomised_midpoint")


def cells(options) -> list[Cell]:
    """Every registered integrator, exactly; the better known ones by samples, on two laws."""
    few = smoke(options)
    names = ("ancestral", "heun") if few else sorted(INTEGRATORS)
    plan = [Cell("neighbours_work_exact", {"integrator": n, "a": a}, 0.3) for n, a in pairs(names, (0.0, 0.5))]
    for law in ("mixture",) if few else ("mixture", "cube"):
        for name, a in pairs(names if few else _SAMPLED, (0.5,)):
            for kind in ("blind", "told"):
                for steps in _RUNS[:1] if few else _RUNS:
                    own = {"law": law, "integrator": name, "a": a, "kind": kind, "N": steps}
                    plan.append(Cell("neighbours_work", own | {"n": 400 if few else 2000}, 0.5))
    return plan


def cell_exact(params: dict, seed: int) -> list[dict]:
    """KL(p_{sigma_T} || law of Y_N), N(0, I_2) in d = 1000, level told, one row an N."""
    rows, method = [], named(params["integrator"])
    for steps in _COUNTS:
        schedule = Schedule.proportional(_HIGH, _LOW, params["a"], steps)
        consistent = method.coefficients(schedule).normal_consistent
        kl = gaussian_kl(method, schedule, 1.0, _DIM, 0.0 if consistent else float(_AMBIENT - _DIM))
        rows.append({"N": steps, "calls": steps * method.evaluations, "kl": kl})
    return rows


def cell_work(params: dict, seed: int) -> list[dict]:
    """D_X of the clean outputs of one set of runs from the paper's start, with its interval."""
    law = build(params["law"], _DIM, _AMBIENT)
    stream = manifolds.stream(seed, "neighbours work", params["law"], params["N"])  # same start and noise for all
    prior = NoisePrior.power(-1.0, _LOW / 4, 4 * _HIGH)
    f = BlindDenoiser(law, prior) if params["kind"] == "blind" else ConditionalDenoiser(law)
    schedule = Schedule.proportional(_HIGH, _LOW, params["a"], params["N"])
    run = sample(f, law, schedule, params["n"], stream, named(params["integrator"]))
    found = perceptual(run.x, law, manifolds.stream(seed, "neighbours work truth"))
    return [{"calls": run.calls, "D_X": found.value, "D_X_low": found.low, "D_X_high": found.high}]


def show(tables, options) -> str | None:
    """D_X by samples, blind beside told, at each number of calls."""
    rows = tables.get("neighbours_work")
    if rows is None:
        return None
    index = ["law", "integrator", "N", "calls"]
    return (
        "D_X of the clean output\n" + rows.pivot_table(index=index, columns="kind", values="D_X").round(4).to_string()
    )


QUESTION = Question(
    cells=cells,
    parts={"neighbours_work_exact": cell_exact, "neighbours_work": cell_work},
    show=show,
    figures=("work_precision",),
)
