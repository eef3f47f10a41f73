"""How many levels can one sample tell apart, and is it d or d - k that counts? (U12 U15)"""

from __future__ import annotations

import math

import pandas as pd
import torch

import manifolds
from analysis.metrics.intervals import Estimate
from analysis.neighbours.settings import ABSTRACT, control, exponent, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from manifolds.denoisers import NoisePrior
from manifolds.denoisers.parametrised import parametrisation
from manifolds.law import Law
from manifolds.laws.gaussian import gaussian

CLAIMS = (
    Claim(
        id="U12",
        kind="neighbour",
        source=f"arXiv 2604.10857v1 ({ABSTRACT}): with scores of polynomial accuracy any sampler must search over "
        f"sqrt d "
        "distinct noise levels",
        statement="one sample tells apart a number of noise levels that grows as sqrt d, the printed rate: the "
        "posterior "
        "of log sigma is 1/sqrt(2(d-m)) wide. The lower bound itself is about approximate scores: with exact ones the "
        "number of steps is free of d (U5). Gaussian plane, sigma = .3, levels 20 to .02, d = 1e3 .. 1e8",
        quantity="exponent in d of log(sigma_0/sigma_T)/(2 sd of log sigma); interval: its decades",
        predicted="1/2; printed 1/2",
        allowed=(0.25, 0.75),  # half the distance to 0 (the steps of exact denoisers) and to 1
        wide="the rates that it separates are 1/2 apart",
    ),
    Claim(
        id="U15",
        kind="neighbour",
        source=f"arXiv 2605.08344v1 ({ABSTRACT}): one observation z gives the flow-matching time t at rate "
        f"1/sqrt(d-k), "
        "spiked covariance",
        statement="the posterior of log t given one z is wide as 1/sqrt(2(d-k)), sharp in its constant: d - k counts "
        "and "
        "not d; Gaussian k-subspace of scale 1, t = .05, d = 400, k = 40 .. 360",
        quantity="exponent of the posterior's sd in d - k; interval: between neighbouring k",
        predicted="-1/2; printed -1/2; 0 if d alone counted",
        allowed=(-0.65, -0.35),
        wide="the rates that it separates are 1/2 apart",
    ),
)
_LOW, _HIGH = 0.02, 20.0
_AMBIENTS, _DIMS, _CODIM = (10**3, 10**4, 10**6, 10**8), (40, 200, 300, 360), 400
_DEAF = {"eps": 0.4, "velocity": 0.6}  # sabotages: networks that read n^.4 or n^.6 of the normal coordinates


def cells(options) -> list[Cell]:
    """Widths over d and over k, honest and by networks that read fewer coordinates."""
    few = smoke(options)
    n = 10 if few else 40
    plan = []
    for share in (1.0, _DEAF["eps"]):
        for d in _AMBIENTS[:2] if few else _AMBIENTS:
            params = {"predicts": "eps", "dim": 2, "ambient": d, "share": share, "level": 0.3}
            plan.append(Cell("neighbours_reading", params | {"n": n}, 0.3))
    plan += [
        Cell("neighbours_reading", {"predicts": "eps", "dim": 8, "ambient": d, "share": 1.0, "level": 0.3, "n": n}, 0.3)
        for d in _AMBIENTS
        if not few
    ]
    for share, level in ((1.0, 0.05), (1.0, 0.03), (_DEAF["velocity"], 0.05)):
        for k in () if few else _DIMS:
            params = {"predicts": "velocity", "dim": k, "ambient": _CODIM, "share": share, "level": level}
            plan.append(Cell("neighbours_reading", params | {"n": n}, 0.5))
    return plan


def cell_reading(params: dict, seed: int) -> list[dict]:
    """Root mean square of the posterior's standard deviation of log sigma, or of log t for the velocity.

    `share` < 1: of the n normal coordinates n^share are read.
    """
    k, n = params["dim"], params["ambient"] - params["dim"]
    law = Law(gaussian(k), k + max(round(n ** params["share"]), 1), reduced=True)
    f = parametrisation(law, params["predicts"], NoisePrior.power(-1.0, params["level"] / 10, 10 * params["level"]))
    stream = manifolds.stream(seed, "neighbours reading", params["predicts"], k, params["ambient"], params["share"])
    y = law.add_noise(law.sample(params["n"], stream.child("x")), params["level"], stream.child("z"))
    w, weight = f.levels(y, params["level"])
    read = torch.log(w / (1 + w) if params["predicts"] == "velocity" else w)
    mean = (weight * read).sum(1, keepdim=True)
    sd = math.sqrt(float((weight * (read - mean) ** 2).sum(1).mean()))
    return [{"codimension": n, "sd": sd, "over_limit": sd * math.sqrt(2.0 * n)}]


def _of(rows: pd.DataFrame, over: str, **fixed) -> Estimate:
    for column, value in fixed.items():
        rows = rows[rows[column] == value]
    return exponent(rows[over], rows.sd)


def decide(tables, options) -> list[Measurement]:
    """The exponents over d and over d - k."""
    rows = tables["neighbours_reading"]
    eps, time = rows[rows.predicts == "eps"], rows[rows.predicts == "velocity"]
    if not len(time):
        return []
    found = []
    own, null, power = (
        _of(eps, "ambient", dim=dim, share=share).scaled(-1.0) for dim, share in ((2, 1.0), (8, 1.0), (2, _DEAF["eps"]))
    )
    controls = [
        control("null", "Gaussian data, k = 8", null),
        control("power", f"a network that reads n^{_DEAF['eps']:g} of the coordinates", power),
    ]
    levels = eps[(eps.dim == 2) & (eps.share == 1.0)]
    note = "levels told apart: " + ", ".join(
        f"{math.log(_HIGH / _LOW) / (2 * sd):.0f} at d = {d:g}" for d, sd in zip(levels.ambient, levels.sd)
    )
    found.append(Measurement("U12", own.value, own.low, own.high, controls, note, "", "range"))
    own, null, power = (
        _of(time, "codimension", share=share, level=level)
        for share, level in ((1.0, 0.05), (1.0, 0.03), (_DEAF["velocity"], 0.05))
    )
    controls = [
        control("null", "t = .03", null),
        control("power", f"a network that reads n^{_DEAF['velocity']:g} of the coordinates", power),
    ]
    exact = time[(time.share == 1.0) & (time.level == 0.05)].over_limit
    note = f"sd sqrt(2(d-k)) {exact.min():.3f} to {exact.max():.3f}"
    found.append(Measurement("U15", own.value, own.low, own.high, controls, note, "", "range"))
    return found


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_reading": cell_reading}, decide=decide)
