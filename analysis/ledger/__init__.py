"""The error ledger: the path KL of a blind sampler, term by term, beside the paper's bound for each term."""

from __future__ import annotations

from typing import Any

import pandas

import manifolds
from analysis.ledger.calculation import ledger
from analysis.ledger.chosen import denoiser_name
from analysis.ledger.direct import direct_total
from analysis.ledger.record import Ledger
from analysis.ledger.run_cells import cell_ledger, cell_run
from analysis.ledger.screen import show
from analysis.ledger.terms import Term
from analysis.runs import Argument, Experiment, Question, one_of, open_fraction, positive_float, positive_int
from analysis.theorems.plan import terms as plan
from analysis.theorems.tables import terms as term_table

__all__ = ["EXPERIMENT", "Ledger", "Term", "direct_total", "ledger"]


def derive(tables: dict[str, pandas.DataFrame], options: Any) -> dict[str, pandas.DataFrame]:
    """The terms of each run beside their bounds."""
    return (
        {"ledger_terms": term_table(tables["ledger"], tables["ledger_run"])}
        if {"ledger", "ledger_run"} <= set(tables)
        else {}
    )


EXPERIMENT = Experiment(
    name="ledger",
    summary=__doc__,
    questions=(
        Question(
            parts={"ledger": cell_ledger, "ledger_run": cell_run},
            cells=plan,
            derive=derive,
            show=show,
            figures=("ledger_over_sigma",),
            arguments=(
                Argument("--law", type=one_of(*manifolds.names()), nargs="+", default=("sphere",), help="data laws"),
                Argument("--dim", type=positive_int, nargs="+", default=(8,), help="intrinsic dimensions k"),
                Argument(
                    "--ambient", type=positive_int, nargs="+", default=(20, 100, 1000), help="ambient dimensions d"
                ),
                Argument("--steps", type=positive_int, default=256, help="steps N", by_profile={"smoke": 64}),
                Argument("--a", type=open_fraction, default=0.5, help="injection a_t = a sigma_t^2"),
                Argument(
                    "--denoiser",
                    type=denoiser_name,
                    nargs="+",
                    default=("blind", "scaled:0.99"),
                    help="blind, conditional, plug-in, perturbed or scaled:FACTOR",
                ),
                Argument("--sigma-start", type=positive_float, default=20.0, help="largest noise level sigma_0"),
                Argument("--sigma-end", type=positive_float, default=0.02, help="smallest noise level sigma_T"),
            ),
        ),
    ),
)
