"""Do steps grow with the number of components of a mixture? (U6)"""

from __future__ import annotations

import manifolds
from analysis.ledger.telescope import mmse_curves, steps_for_nats
from analysis.neighbours.laws import AMBIENT
from analysis.neighbours.settings import ABSTRACT, control, exponent, smoke
from analysis.runs import Cell, Claim, Measurement, Question
from manifolds.law import Law
from manifolds.laws.isotropic_mixture import isotropic_mixture

CLAIMS = (
    Claim(
        id="U6",
        kind="neighbour",
        source=f"arXiv 2504.05300 ({ABSTRACT}): TV <= eps in 1/eps steps for isotropic Gaussian mixtures, free of d "
        f"and "
        "of the number of components",
        statement="steps for a path KL of .5 nat hardly grow with the number of components, as printed: as (k/2) log + "
        "log J, an exponent in J near 0; isotropic mixtures in R^8, centres spread 3 widths, J = 16 .. 4096, levels 20 "
        "to .05, a = 1/2; the 1/eps is U3's",
        quantity="exponent of the steps in J; interval: between neighbouring J",
        predicted="below 1/(8 log(1/.05)) = .04; 1 if every component were paid for",
        allowed=(-0.1, 0.5),  # half the distance between 0 and 1
        wide="the rates that it separates are 1 apart",
    ),
)
_LOW, _HIGH, _NATS, _DIM = 0.05, 20.0, 0.5, 8
_COUNTS, _FEW = (16, 64, 256, 1024, 4096), (16, 64, 256)
_GROWTH = 0.65  # a sabotage: components in R^(J^.65)


def cells(options) -> list[Cell]:
    """Mixtures of J components; one component J times; components whose dimension grows with J."""
    few = smoke(options)
    plan = [
        Cell("neighbours_components", {"components": j, "kind": "mixture", "n": 100 if few else 400}, j / 500)
        for j in (_FEW[:2] if few else _COUNTS)
    ]
    for kind in ("one place", "growing"):
        plan += [
            Cell("neighbours_components", {"components": j, "kind": kind, "n": 100 if few else 400}, 0.5)
            for j in (_FEW[:2] if few else _FEW)
        ]
    return plan


def cell_components(params: dict, seed: int) -> list[dict]:
    """Certified steps for .5 nat. Kind "one place": all centres within a thousandth of a width of each other."""
    j, kind = params["components"], params["kind"]
    dim = round(j**_GROWTH) if kind == "growing" else _DIM
    core = isotropic_mixture(dim, components=j, spread=0.001 if kind == "one place" else 3.0)
    law = Law(core, AMBIENT, reduced=True)
    stream = manifolds.stream(seed, "neighbours components", j, kind)
    (curve,) = mmse_curves(law, _LOW, _HIGH, params["n"], 1, stream)
    return [{"m": dim, "steps": steps_for_nats(curve, _NATS, _HIGH, _LOW)}]


def decide(tables, options) -> list[Measurement]:
    """The exponent over J."""
    rows = tables["neighbours_components"]
    by = {str(kind): g.sort_values("components") for kind, g in rows.groupby("kind")}
    if len(by["mixture"]) < len(_COUNTS):
        return []
    own, one, growing = (exponent(by[k].components, by[k].steps) for k in ("mixture", "one place", "growing"))
    controls = [
        control("null", "all centres in one place: one Gaussian", one),
        control("power", f"components in R^(J^{_GROWTH:g})", growing),
    ]
    note = ", ".join(f"{n:.0f} steps at J = {j}" for j, n in zip(by["mixture"].components, by["mixture"].steps))
    return [Measurement("U6", own.value, own.low, own.high, controls, note, "", "range")]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"neighbours_components": cell_components}, decide=decide)
