"""Is the certificate ever attained? A point mass and a denoiser with a constant error: both divergences exactly."""

from __future__ import annotations

from typing import Any

from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule
from analysis.theorems.settings import PAPER
from analysis.theory.coefficients import exponential_euler
from analysis.theory.gaussian_run import gaussian_divergence

_ERROR = 0.01  # c; both divergences are proportional to its square
_MISREAD = 1.1  # the power control integrates every step's weight 10 % too large

CLAIMS = (
    # a misread weight moves the number by 1/1.1 - 1 = -.091: the limits stand two thirds of that away
    Claim(
        "L5",
        "sharper",
        f"derived here; compare {PAPER}, eq. (16)",
        "the certificate is attained: for a point mass at 0 and f = f* + c, at a = 1/2, the KL of the run's law is "
        "1 - (sigma_T/sigma_0)^2 of the path KL, for every number of steps",
        "marginal KL / path KL / (1 - (sigma_T/sigma_0)^2), over N = 1 to 256 and sigma_0/sigma_T = 2 to 1000",
        "1",
        (0.94, 1.06),
        wide="an exact number without sampling error",
        strict=True,
    ),
)


def cells(options: Any) -> list[Cell]:
    """Few and many steps, a short and a long range of levels."""
    return [
        Cell("theorems_attained", {"steps": steps, "range": span}, cost=0.01)
        for steps in (1, 16, 256)
        for span in (2.0, 1000.0)
    ]


def cell_attained(params: dict, seed: int) -> list[dict]:
    """KL of the law of Y_N = N(m, v) in the direction of c, by the run's own recursion, and c^2 times its weights.

    f* = 0 there, so m+ = c + q (m - c), v+ = q^2 v + eta^2 from N(0, sigma_0^2).
    """
    schedule = Schedule.proportional(params["range"], 1.0, a=0.5, steps=params["steps"])
    levels = schedule.sigma.numpy()
    mean, variance = 0.0, float(levels[0]) ** 2
    for q, eta in zip(*exponential_euler(levels, 0.5), strict=True):
        mean, variance = _ERROR + float(q) * (mean - _ERROR), float(q) ** 2 * variance + float(eta) ** 2
    spread = float(gaussian_divergence(float(levels[-1]) ** 2, variance))
    marginal = spread + mean**2 / (2 * variance)
    path = _ERROR**2 * float(schedule.kl_weights.sum())
    share = 1 - params["range"] ** -2
    return [
        {
            "marginal": marginal,
            "path": path,
            "share": share,
            "over": marginal / path / share,
            "over_misread": marginal / (_MISREAD * path) / share,
            "over_closed": (share * _ERROR) ** 2 / (_ERROR**2 * share) / share,
        }
    ]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """L5."""
    table = tables["theorems_attained"]
    over = table["over"]
    controls = [
        Control(kind, what, float(column.min()), float(column.max()))
        for kind, what, column in (
            ("null", "both divergences by their closed forms", table["over_closed"]),
            ("power", "every step's weight integrated 10 % too large", table["over_misread"]),
        )
    ]
    names = [f"N = {r.steps}, sigma_0/sigma_T = {r.range:g}" for r in table.itertuples()]
    return [every_cell(CLAIMS, "L5", over, over, over, controls, names=names, span="number")]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"theorems_attained": cell_attained}, decide=decide)
