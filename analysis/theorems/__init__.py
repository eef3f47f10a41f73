"""The paper's theorems term by term: the start, the price of blindness, their exact sum, and the rates that the laws follow."""

from __future__ import annotations

from typing import Any

import pandas

from analysis.ledger.screen import exponents
from analysis.runs import Cell, Experiment, Question
from analysis.scaling.cells import cell_run, cell_sabotage
from analysis.theorems.claims import CLAIMS
from analysis.theorems.decisions import decide
from analysis.theorems.paper_cells import cell_init, cell_marginal, cell_recipe, cell_sum
from analysis.theorems.plan import study
from analysis.theorems.price_cells import cell_path, cell_price
from analysis.theorems.tables import fits


def plan(options: Any) -> list[Cell]:
    """What the claims are decided by."""
    return study(options.profile)


def derive(tables: dict[str, pandas.DataFrame], options: Any) -> dict[str, pandas.DataFrame]:
    """The exponents."""
    return {"theorems_fits": fits(tables)}


EXPERIMENT = Experiment(
    name="theorems",
    summary=__doc__,
    questions=(
        Question(
            parts={
                "theorems_price": cell_price,
                "theorems_path": cell_path,
                "theorems_sum": cell_sum,
                "theorems_certificate": cell_run,
                "theorems_sabotage": cell_sabotage,
                "theorems_start": cell_init,
                "theorems_recipe": cell_recipe,
                "theorems_marginal": cell_marginal,
            },
            cells=plan,
            derive=derive,
            decide=decide,
            claims=CLAIMS,
            show=lambda tables, options: exponents(tables["theorems_fits"]),
            figures=("price_of_blindness",),
        ),
    ),
)
