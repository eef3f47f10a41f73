"""Is the certificate ever attained? A point mass and a denoiser with a constant error: both divergences exactly."""

from __future__ import annotations

from typing import Any

from analysis.ledger.attained import attained_learning
from analysis.runs import Cell, Claim, Measurement, Question, every_cell
from analysis.runs.every import every_control
from analysis.runs.experiment import Tables
from analysis.theorems.settings import PAPER

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
    ),
)


def cells(options: Any) -> list[Cell]:
    """Few and many steps, a short and a long range of levels; each with the weights right and integrated 10 % off."""
    return [
        Cell("theorems_attained", {"steps": steps, "range": span, "weight": weight}, cost=0.01)
        for steps in (1, 16, 256)
        for span in (2.0, 1000.0)
        for weight in (1.0, _MISREAD)
    ]


def cell_attained(params: dict, seed: int) -> list[dict]:
    """KL of the law of Y_N by the run's own recursion, the path KL by the ledger's integrand, and what is left of 1."""
    found = attained_learning(params["range"], params["steps"], _ERROR, params["weight"])
    share = 1 - params["range"] ** -2
    over = found.marginal / found.path / share
    return [{"marginal": found.marginal, "path": found.path, "closed": found.closed, "share": share, "over": over}]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """L5."""
    table = tables["theorems_attained"]
    right, wrong = (table[table["weight"] == weight] for weight in (1.0, _MISREAD))
    over, misread = right["over"], wrong["over"]
    closed = right["marginal"] / right["closed"] / right["share"]
    controls = [
        every_control(CLAIMS, "L5", "null", "the path KL by its closed form", closed, closed, closed),
        every_control(
            CLAIMS, "L5", "power", "a ledger whose weights are integrated 10 % too large", misread, misread, misread
        ),
    ]
    names = [f"N = {r.steps}, sigma_0/sigma_T = {r.range:g}" for r in right.itertuples()]
    return [every_cell(CLAIMS, "L5", over, over, over, controls, names=names, span="number")]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"theorems_attained": cell_attained}, decide=decide)
