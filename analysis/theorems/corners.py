"""Is any run farther from p_{sigma_T} than its ledger certifies? Every law at the corners of k, d and N."""

from __future__ import annotations

import math
from typing import Any

import manifolds
from analysis.ledger.certificate import held_run, impostor_run, largest_slack
from analysis.ledger.sizes import resolved_level
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule
from analysis.theorems.settings import PAPER, SIZES
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law

_START, _END = 20.0, 0.02
_MOST_AMBIENT = 10**9
# laws whose levels may be as fine as the runs ask -> the k that they are run at
_DIMS = {
    "gaussian": (1, 8, 64),
    "sphere": (1, 8, 64),
    "torus": (1, 8, 64),
    "cube": (1, 8, 64),
    "ball": (1, 8, 64),
    "product": (2, 8, 64),
    "mixture": (1, 8, 64),
    "union_of_subspaces": (1, 8, 64),
    "random_code": (1, 4, 8),
}

CLAIMS = (
    Claim(
        "L2b",
        "certificate",
        f"{PAPER}, eq. (16) and Pinsker",
        "the same certificate over nine laws, k from 1 to 64 (a code: 8), d from 2k or m + 1 to 1e9, N from 4 to 2048: "
        "no run is farther than it says",
        "largest (lower 95 % limit on TV) - sqrt(KL_path/2) over all runs",
        "<= 0",
        (-math.inf, 0.0),
        revised=Revision(
            "no run at the corners is farther than its certificate says",
            "where the certificate is above 1, as at 4 steps, no run can be farther, and where it is small no sample "
            "of this size sees a difference; L5 holds the certificate where it is attained",
        ),
    ),
)


def cells(options: Any) -> list[Cell]:
    """The corners. The smallest d is 2k, or m + 1 where that is more."""
    size, found = SIZES[options.profile], []
    for law, (least, middle, most) in _DIMS.items():
        if size < 1 and law not in ("gaussian", "sphere"):
            continue
        corners = [(least, _MOST_AMBIENT, 4), (middle, None, 32), (middle, _MOST_AMBIENT, 256), (most, None, 4)]
        if size >= 1:
            # the longest run of the largest k, a quarter as long where it would take a minute
            longest = 512 if law in ("union_of_subspaces", "random_code") else 2048
            corners += [(least, _MOST_AMBIENT, 2048), (most, _MOST_AMBIENT, longest)]
        for k, d, steps in corners:
            d = d or max(2 * k, manifolds.make(law, dim=k, ambient=_MOST_AMBIENT, reduced=True).core_dim + 1)
            points = 128 if steps > 1000 else int(max(256 * size, 128))
            params = {"law": law, "dim": k, "ambient": d, "steps": steps, "points": points}
            params["ledger_points"] = int(2048 * size)
            found.append(Cell("theorems_certificate", params, cost=0.5 + 1e-5 * points * steps * (1 + k / 32)))
    sabotage = {"law": "gaussian", "dim": 2, "ambient": _MOST_AMBIENT, "steps": 512}
    return [*found, Cell("theorems_sabotage", sabotage | {"points": 500, "ledger_points": 2048}, cost=1.0)]


def _setting(params: dict) -> tuple[Law, BlindDenoiser, Schedule]:
    law = manifolds.make(params["law"], dim=params["dim"], ambient=params["ambient"], reduced=True)
    end = resolved_level(law, _END)
    f = BlindDenoiser(law, NoisePrior.power(-3.0, end, _START))
    return law, f, Schedule.proportional(_START, end, a=0.5, steps=params["steps"])


def cell_run(params: dict, seed: int) -> list[dict]:
    """One blind run: its ledger, the paper's bounds, and how far the law it ends in is from p_{sigma_T}."""
    stream = manifolds.stream(seed, "scaling", "run", params["law"], params["dim"])
    return [held_run(*_setting(params), params["points"], params["ledger_points"], stream)]


def cell_sabotage(params: dict, seed: int) -> list[dict]:
    """A run of a denoiser scaled by 0.8, held against the certificate of the denoiser it pretends to be."""
    law, f, schedule = _setting(params)
    stream = manifolds.stream(seed, "scaling", "sabotage", params["law"], params["dim"])
    sizes = (params["points"], params["ledger_points"])
    return [impostor_run(law, f, lambda y: 0.8 * f(y), schedule, *sizes, stream)]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """L2b."""
    slack = largest_slack(tables["theorems_certificate"], tables["theorems_sabotage"])
    controls = [
        Control("null", "a sample of p_{sigma_T} itself", slack.truth, slack.truth),
        Control("power", "a denoiser scaled by 0.8 under the honest certificate", slack.impostor, slack.impostor),
    ]
    value, loose = slack.largest, slack.looser_by
    return [Measurement("L2b", value, value, value, controls, slack.note, span="number", looser_by=loose)]


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"theorems_certificate": cell_run, "theorems_sabotage": cell_sabotage},
    decide=decide,
)
