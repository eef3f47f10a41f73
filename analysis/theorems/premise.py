"""Does the conclusion need its premise? Where (A2), k^2 << d, fails with the k of Definition 3.5, the price stays."""

from __future__ import annotations

import math
from typing import Any

import pandas

from analysis.runs import Cell, Claim, Measurement, Question, every_cell
from analysis.runs.every import every_control
from analysis.runs.experiment import Tables
from analysis.theorems.price_bound import cell_price
from analysis.theorems.settings import CASES, PAPER, case, levels

_AMBIENTS = (10**3, 10**6, 10**9)
_END = 0.01  # sigma_T in units of the data's size, or the finest that a law resolves

CLAIMS = (
    Claim(
        "P5",
        "paper",
        f"{PAPER}, Def 3.5 and (A2)",
        "where premise (A2), k^2 << d with the paper's own k = 1 + log N(r_0), fails at d = 1e3 (k_cov^2/d >= 1 by its "
        "lower bound: sphere, torus, cube, product, k = 4, sigma_T = .01 to .2 of their size), blindness still costs "
        "its leading order in 1/d (limit set after a pilot)",
        "price / (J/(2 (d - m))) over the cells where the premise fails",
        "1",
        (0.97, 1.03),
        seeds=3,
        wide="the limit leaves room for the next order in 1/d, which is not small where the premise fails",
    ),
)


def cells(options: Any) -> list[Cell]:
    """Both bounds on k_cov^2/d of every law, without a draw; the prices are those of B1."""
    laws = [law for law in CASES if options.profile != "smoke" or law in ("sphere", "torus")]
    return [
        Cell("theorems_premise", {"law": law, "ambient": d, "end": _END}, cost=0.1) for law in laws for d in _AMBIENTS
    ]


def cell_premise(params: dict, seed: int) -> list[dict]:
    """k_cov = 1 + log N(r_0), r_0 = sigma_T^2/(sigma_0 sqrt d), at both bounds on N; None where it is infinite."""
    law, d = case(params["law"], params["ambient"]), params["ambient"]
    low, high = levels(law, params["end"])
    k_cov = [1 + bound for bound in law.log_covering_number(low**2 / (high * math.sqrt(d)))]
    row: dict[str, Any] = {"dim": law.intrinsic_dim, "sigma_T": low, "sigma_0": high}
    for name, value in zip(("low", "high"), k_cov):
        finite = math.isfinite(value)
        row |= {f"k_cov_{name}": value if finite else None, f"premise_{name}": value**2 / d if finite else None}
    return [row]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """P5; a smoke run has too few points."""
    if options.profile == "smoke" or not {"theorems_price", "theorems_premise"} <= set(tables):
        return []
    table = tables["theorems_price"]
    finite = table[table["k_cov_low"] < math.inf]
    square = finite["k_cov_low"] ** 2 / finite["ambient"]
    fails = finite[(square >= 1) & (finite["ambient"] == min(_AMBIENTS))]
    kept = finite[finite["k_cov_high"] ** 2 / finite["ambient"] < 0.1]

    def over(rows: pandas.DataFrame, name: str) -> list[pandas.Series]:
        factor = 1 - rows["core_dim"] / rows["ambient"]  # J/(2d) to J/(2(d - m))
        return [rows[f"{name}_over{end}"] * factor for end in ("", "_low", "_high")]

    closed = kept["law"].isin(fails["law"])  # the same laws at d = 1e5
    controls = [
        every_control(CLAIMS, "P5", "null", "the same laws at d = 1e5, where it holds", *over(kept[closed], "price")),
        every_control(CLAIMS, "P5", "power", "levels read .5 % too high, + 5 %", *over(fails, "misread")),
    ]
    names = [
        f"{r.law}, sigma_T = s {r.end:g}, k_cov^2/d >= {r.k_cov_low**2 / r.ambient:.2g}" for r in fails.itertuples()
    ]
    value, low, high = over(fails, "price")
    return [every_cell(CLAIMS, "P5", value, low, high, controls, _premises(tables["theorems_premise"]), names)]


def _premises(premise: pandas.DataFrame) -> str:
    """k_cov^2/d at each d, both bounds, of laws of bounded support."""
    said = []
    for law, group in premise.dropna(subset=["premise_low"]).groupby("law"):
        at = ", ".join(f"{r.premise_low:.2g}-{r.premise_high:.2g}" for r in group.sort_values("ambient").itertuples())
        said.append(f"{law} {at}")
    return f"k_cov^2/d at d = 1e3, 1e6, 1e9: {'; '.join(said)}"


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"theorems_price": cell_price, "theorems_premise": cell_premise},
    decide=decide,
)
