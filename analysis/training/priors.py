"""Which prior to train with, judged by the ledger; and Theorem 3.12 on trained networks and on known perturbations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas
import torch
from scipy import stats

from analysis.learning.risk import DenoiserLike, prior_risk_difference
from analysis.runs import Argument, Cell, Claim, Control, Measurement, Question, whole
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule
from analysis.theory.learning import learning_bound
from analysis.training.fit import Params, Row, fit, row
from analysis.training.intervals import Interval, joint, largest_of, of
from analysis.training.laws import law_of, prior_of
from analysis.training.measure import ledger_rows
from analysis.training.settings import PART
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.streams import Stream

_PAPER = "arXiv 2602.09639, Theorem 3.12"

CLAIMS = (
    Claim(
        id="T3",
        kind="finding",
        source=f"{_PAPER} and the priors of its experiments",
        statement="at equal budget no prior gives a smaller ledger than sigma^-3",
        quantity="log of the ledger's denoiser terms over those of sigma^-3, the smaller of -1 and -1/2; mean over "
        "paired trainings",
        predicted="> log 0.95",
        allowed=(-0.0513, float("inf")),
    ),
    Claim(
        id="L4",
        kind="sharper",
        source=f"{_PAPER}; equality derived here",
        statement="for a prior proportional to sigma^-3 the learning term is A_T times the excess risk, for every "
        "network",
        quantity="learning term / (A_T excess risk), the excess measured as a difference of risks; trained networks",
        predicted="1",
        allowed=(0.95, 1.05),
    ),
    Claim(
        id="L4b",
        kind="paper",
        source=_PAPER,
        statement="learning term <= excess risk / min a(1-a) sigma^3 Theta",
        quantity="largest learning term / bound over networks trained with the priors sigma^-1 and sigma^-1/2",
        predicted="<= 1",
        allowed=(float("-inf"), 1.0),
    ),
)

_SMOKE: Params = {"dim": 1, "ambient": 8, "width": 16, "steps": 60, "batch": 128, "points": 50, "run_steps": 8}
_PAPER_SIZE: Params = {
    "dim": 2,
    "ambient": 32,
    "width": 64,
    "steps": 1200,
    "batch": 512,
    "points": 1000,
    "run_steps": 48,
}
_SIZES = {
    "smoke": _SMOKE | {"theorem_points": 4000},
    "paper": _PAPER_SIZE | {"theorem_points": 100_000},
    "full": _PAPER_SIZE | {"theorem_points": 200_000},
}
_TRAINING = {"law": "mixture", "blind": True, "architecture": "locally_linear", "lr": 4e-3, "low": 0.02, "high": 10.0}


def cells(options: Any) -> list[Cell]:
    """Trainings in pairs: each replicate trains with each of the three priors."""
    found, sizes = [], _SIZES[options.profile]
    for replicate in range(options.replicates) if "priors" in options.part else ():
        for prior in ("-3", "-1", "-0.5"):
            params = {**_TRAINING, "prior": prior, "replicate": replicate, "device": options.device, **sizes}
            found.append(Cell("training_priors", params, cost=3.0 + 0.012 * sizes["steps"]))
    return found


# -- measurement ------------------------------------------------------------------------------------------------


class Bent:
    """.93 f* + .02 sin(coordinates): a perturbation of the optimum that no law has anything to do with."""

    blind = True

    def __init__(self, optimum: BlindDenoiser):
        self.optimum = optimum

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return 0.93 * self.optimum(y) + 0.02 * torch.sin(y)


def cell_priors(params: Params, seed: int) -> list[Row]:
    """One training with one prior: the ledger's terms, Theorem 3.12; the prior's exact optimum in the same ledger."""
    law, prior = law_of(params), prior_of(params, law_of(params))
    draws = stream(seed, "priors", params["replicate"])  # one initialisation, one order of points whatever the prior
    f, optimum = fit(params, law, draws.child("training")), BlindDenoiser(law, prior)
    schedule = Schedule.proportional(params["high"], params["low"], 0.5, params["run_steps"])
    rows = []
    for name, denoiser in (("trained", f), ("exact", optimum)):
        rows += ledger_rows(denoiser, law, schedule, params["points"], draws.child("ledger"), optimum, name)
    rows.append(theorem_row("theorem", f, law, optimum, params, draws.child("theorem")))
    if params["replicate"] == 0:
        bent, own = Bent(optimum), draws.child("bent")
        rows.append(theorem_row("theorem_null", bent, law, optimum, params, own))
        rows.append(theorem_row("theorem_power", bent, law, optimum, params, own, sabotaged_bound(params)))
    return rows


def theorem_row(
    measure: str,
    f: DenoiserLike,
    law: Law,
    optimum: BlindDenoiser,
    params: Params,
    draws: Stream,
    bound: float | None = None,
) -> Row:
    """learn / bound at a = 1/2, the bound being that of Theorem 3.12.

    The theorem says <= 1 for every prior; for Theta proportional to sigma^-3 the ratio is 1 (derived here).

    Args:
        bound: of an excess risk of one; None is the theorem's for the prior of the optimum.
    """
    columns = prior_risk_difference(f, law, optimum, params["theorem_points"], draws)
    excess, learned = columns[:, 0], columns[:, 1] / 0.25
    unit = unit_bound(optimum.prior, levels=None) if bound is None else bound
    ratio = float(learned.mean() / (unit * excess.mean()))
    spread = (learned - ratio * unit * excess).std() / math.sqrt(len(excess)) / (unit * excess.mean()).abs()
    return row(measure, ratio, float(spread))


def unit_bound(prior: NoisePrior, levels: torch.Tensor | None) -> float:
    """The bound of Theorem 3.12 an excess risk of one, a = 1/2; the minimum over the whole range, or over some
    levels."""
    if levels is None:
        levels = torch.exp(torch.linspace(math.log(prior.low), math.log(prior.high), 513, dtype=torch.float64))
    levels = levels.clamp(prior.low, prior.high)
    return float(learning_bound(1.0, levels.numpy(), torch.exp(prior.log_density(levels)).numpy(), 0.5))


def sabotaged_bound(params: Params) -> float:
    """A wrong bound that a claim must notice: of another prior for the equality, else the minimum at the wrong end."""
    low, high = params["low"], params["high"]
    if float(params["prior"]) == -3.0:
        return unit_bound(NoisePrior.power(-1.0, low, high), None)
    return unit_bound(NoisePrior.power(float(params["prior"]), low, high), torch.tensor([high], dtype=torch.float64))


# -- verdicts ---------------------------------------------------------------------------------------------------


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """L4 and L4b; T3 where trainings were repeated, and not of a smoke run, which trains too little."""
    table = tables["training_priors"]
    compared = decide_priors(table) if options.profile != "smoke" and table.replicate.nunique() >= 2 else []
    return [*compared, *decide_theorem(table)]


def denoiser_terms(table: pandas.DataFrame, series: str) -> pandas.DataFrame:
    """blind + learning + cross, nats: one column a prior, one row a replicate."""
    rows = table[(table.series == series) & table.measure.isin(["ledger_blind", "ledger_learning", "ledger_cross"])]
    return rows.pivot_table(index="replicate", columns="prior", values="value", aggfunc="sum")


def _log_ratios(terms: pandas.DataFrame) -> list[tuple[str, Interval]]:
    """For each other prior, mean over replicates of log(its terms / those of -3), with Student's interval."""
    found = []
    for prior in ("-1", "-0.5"):
        log = np.log((terms[prior] / terms["-3"]).to_numpy())
        half = stats.t.ppf(0.975, len(log) - 1) * log.std(ddof=1) / math.sqrt(len(log))
        found.append((prior, (log.mean(), log.mean() - half, log.mean() + half)))
    return found


def decide_priors(table: pandas.DataFrame) -> list[Measurement]:
    trained = _log_ratios(denoiser_terms(table, "trained"))
    exact = joint((interval for _, interval in _log_ratios(denoiser_terms(table, "exact"))), min)
    best, interval = min(trained, key=lambda item: item[1][0])
    note = "; ".join(f"{prior}: {math.exp(v[0]):.2f} times the terms of -3" for prior, v in trained)
    controls = [
        Control("null", "exact blind optima of the priors", *exact[1:]),
        Control("power", f"the trained networks of -3 and {best} exchanged", -interval[2], -interval[1]),
    ]
    return [Measurement("T3", *interval, controls=controls, note=note)]


def decide_theorem(table: pandas.DataFrame) -> list[Measurement]:
    theory, others = table[table.prior == "-3"], table[table.prior != "-3"]
    rows, ratios = of(theory, "theorem"), of(others, "theorem")
    mean, se = float(rows.value.mean()), float(np.sqrt((rows.se**2).sum()) / len(rows))
    half = stats.norm.ppf(0.975) * se
    bent = ".93 f* + .02 sin in place of a network"

    def controls(part: pandas.DataFrame, power: str) -> list[Control]:
        what = {"null": bent, "power": power}
        return [Control(kind, text, *largest_of(of(part, f"theorem_{kind}"))[1:]) for kind, text in what.items()]

    return [
        Measurement("L4", mean, mean - half, mean + half, controls(theory, "the bound of the prior sigma^-1")),
        Measurement(
            "L4b",
            *largest_of(ratios),
            controls(others, "the minimum taken at sigma_0"),
            note=f"smallest ratio {ratios.value.min():.2g}",
        ),
    ]


def show(tables: Tables, options: Any) -> str:
    terms = denoiser_terms(tables["training_priors"], "trained").to_string(float_format="%.3f")
    return f"training_priors: blind + learning + cross, nats (a row a replicate)\n{terms}"


REPLICATES = Argument(
    "--replicates", type=whole(1, 1000), default=4, help="trainings for each prior", by_profile={"smoke": 2}
)
QUESTION = Question(
    cells=cells,
    parts={"training_priors": cell_priors},
    claims=CLAIMS,
    arguments=(PART, REPLICATES),
    decide=decide,
    show=show,
    figures=("training_priors",),
)
