"""How does the price of blindness grow as sigma_T falls? Its exponent, beside that of its information form."""

from __future__ import annotations

from typing import Any

import pandas

from analysis.runs import Claim, Measurement, Question, every_cell
from analysis.runs.claims import Revision
from analysis.runs.every import every_control
from analysis.runs.experiment import Tables
from analysis.theorems.price_bound import cell_price
from analysis.theorems.price_fits import ends, fits
from analysis.theorems.price_path import cell_path
from analysis.theorems.settings import PAPER

CLAIMS = (
    # growth like log(1/sigma_T) from s/10 on reads as an exponent of at most 1/log(10) = .43; the bound has exponent 2
    Claim(
        "B4",
        "finding",
        f"derived here; compare {PAPER}, Thm 3.6",
        "as sigma_T falls from s/5 to s/100 the price of blindness grows like a logarithm at most, not like sigma_T^-2 "
        "(9 laws, k = 1 to 4, d = 1e3)",
        "exponent of the price in 1/sigma_T, over laws",
        "0 for smooth laws, that of a logarithm (.35) at most for a self-similar set",
        (-0.2, 0.43),
        seeds=3,
        revised=Revision(
            "the exponent is at most .5",
            "the control was a constant error alone, of exponent 2; the limit is now the slope of a logarithm at s/10",
        ),
    ),
)


def cells(options: Any) -> list:
    """None of its own: it is read from the tables of prices."""
    return []


def derive(tables: Tables, options: Any) -> Tables:
    """The exponents."""
    return {"theorems_fits": fits(tables)}


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """B4; a smoke run has too few laws."""
    return [] if options.profile == "smoke" or "theorems_price" not in tables else [decide_growth(tables)]


def decide_growth(tables: Tables) -> Measurement:
    """B4."""
    pick = dict(iter(tables["theorems_fits"].groupby("quantity")))
    table = pick["price against 1/sigma_T"]
    null, power = pick["J against 1/sigma_T (null)"], pick["price of levels read worse as sigma_T falls (power)"]
    controls = [
        every_control(CLAIMS, "B4", "null", "J/(2d), the leading order, of the same laws", *ends(null)),
        every_control(CLAIMS, "B4", "power", "levels read worse as sigma_T falls, + .22", *ends(power)),
    ]
    note = "exponents: " + ", ".join(f"{r.law} {r.exponent:.2f}" for r in table.itertuples())
    note += "; per decade from s/10 to s/100: " + _per_decade(tables["theorems_price"])
    value, low, high = ends(table)
    return every_cell(CLAIMS, "B4", value, low, high, controls, note, table["law"])


def _per_decade(price: pandas.DataFrame) -> str:
    """What the last decade of noise levels adds to the price."""
    found = []
    for law, group in price[price["ambient"] == price["ambient"].min()].groupby("law"):
        at = group.set_index("end")["price"]
        if 0.1 in at and 0.01 in at:
            found.append(f"{law} {100 * (at[0.01] / at[0.1] - 1):+.0f} %")
    return ", ".join(found)


def show(tables: Tables, options: Any) -> str:
    """Fitted exponents with their intervals."""
    table = tables["theorems_fits"]
    exponents = [f"{r.exponent:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in table.itertuples()]
    text = table.assign(exponent=exponents).drop(columns=["low", "high"]).to_string(index=False)
    return f"Exponents with 95 % intervals\n{text}"


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"theorems_price": cell_price, "theorems_path": cell_path},
    derive=derive,
    decide=decide,
    show=show,
    figures=("price_of_blindness",),
)
