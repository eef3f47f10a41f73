"""Does training reach the Bayes optimum? Excess risk of a network at every noise level, its ledger and its run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas

from analysis.learning.risk import DenoiserLike, excess_at
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule
from analysis.training.fit import Params, Row, curve_rows, fit, row
from analysis.training.intervals import Interval, largest_of, of, widest
from analysis.training.laws import law_of, prior_of
from analysis.training.measure import NULL_SHIFT, Misread, Shifted, ledger_rows, levels_of, risk_rows, run_rows
from analysis.training.settings import PART
from analysis.training.trainings import first, labels, over_trainings, trainings
from manifolds import stream
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

_NETWORK_NAME = "the suite's own network (locally linear, with a noise scale built in)"
_WIDE = "counted from the optimum; a network stands 10 half widths from it, and the limit 3 above the network"

CLAIMS = (
    Claim(
        id="T2",
        kind="sharper",
        source="derived here (excess risk against both optima)",
        statement=f"{_NETWORK_NAME}, trained on a mixture and a sphere, k = 4, d = 64, is within 2.5 % of the Bayes "
        "risk at every noise level; blind and conditional",
        quantity="largest excess risk over the optimum's risk, levels from .02 to 10; blind against blind, "
        "conditional against conditional",
        predicted="<= 0.025",
        allowed=(float("-inf"), 0.025),
        wide=_WIDE,
        each=True,
        revised=Revision(
            was="a trained network is within 2.5 % of the Bayes risk, the network not named",
            why="its sabotage, the optimum times 1.05, had an excess of 31 at a limit of .025",
        ),
    ),
    Claim(
        id="T2b",
        kind="sharper",
        source="derived here: E|f - y|^2 = d sigma^2 (1 - k_eff/d)",
        statement=f"the residual estimate of {_NETWORK_NAME} has the bias 1 - k_eff/d of the exact one to .01: "
        "mixture and sphere, k = 4, d = 64",
        quantity="largest |E|f - y|^2/(d sigma^2) - (1 - k_eff/d)| over the levels and networks of T2",
        predicted="0; k_eff/d itself is about .06",
        allowed=(float("-inf"), 0.01),
        wide=_WIDE,
        each=True,
        revised=Revision(
            was="the same, the network not named",
            why="its sabotage, the optimum times 1.05, was off by 2 at a limit of .01",
        ),
    ),
)

# Sizes by profile; costs of cells are seconds on one core.
_NETWORK = {"dim": 4, "ambient": 64, "width": 128, "levels": 13}
_SIZES: dict[str, Params] = {
    "smoke": {"dim": 2, "ambient": 16, "width": 32, "steps": 30, "batch": 128}
    | {"levels": 2, "points": 100, "run_steps": 8, "run_points": 100},
    "paper": _NETWORK | {"points": 4000, "run_steps": 48, "run_points": 2000},
    "full": _NETWORK | {"points": 20_000, "run_steps": 48, "run_points": 10_000},
}
# steps and batch; the conditional network of the mixture learns its smallest level last
_STEPS = {
    ("sphere", True): (2000, 512),
    ("sphere", False): (9000, 512),
    ("mixture", True): (12_000, 512),
    ("mixture", False): (13_000, 768),
}
_TRAINING = {"architecture": "locally_linear", "prior": "balanced", "lr": 6e-3, "low": 0.02, "high": 10.0}
# times the level, near the limit of each measure: an excess of 3.3 %, a residual .014 off (pilot)
MISREAD = {"gap": 1.2, "variance_shift": 1.25}


def cells(options: Any) -> list[Cell]:
    """A blind and a conditional network for each of two laws."""
    if "nets" not in options.part:
        return []
    sizes, found = _SIZES[options.profile], []
    for law in ("mixture", "sphere"):
        for blind in (True, False):
            steps, batch = (sizes["steps"], sizes["batch"]) if "steps" in sizes else _STEPS[law, blind]
            params = {"law": law, "blind": blind, **_TRAINING, "device": options.device, **sizes}
            cost = 2.0 + 0.014 * steps * batch / 512 + 0.006 * sizes["points"]
            for training in trainings(options.profile):
                cell = params | {"steps": steps, "batch": batch} | training
                found.append(Cell("training_nets", cell, cost=cost))
    return found


# -- measurement ------------------------------------------------------------------------------------------------


def cell_nets(params: Params, seed: int) -> list[Row]:
    """Train one network and measure it; see `analysis.training.fit.row` for the columns."""
    law = law_of(params)
    draws = stream(seed, "nets", params["law"], params["dim"], params["ambient"])
    f = fit(params, law, draws.child("training", *labels(params)))
    optimum = BlindDenoiser(law, prior_of(params, law))
    rows = curve_rows(f) + risk_rows(f, law, optimum, params, draws)
    schedule = Schedule.proportional(params["high"], params["low"], 0.5, params["run_steps"])
    if params["blind"]:
        few = max(params["points"] // 4, 50)
        rows += control_rows(law, optimum, params, draws)
        rows += ledger_rows(f, law, schedule, few, draws.child("ledger"), prior_of(params, law))
    exact = optimum if params["blind"] else ConditionalDenoiser(law)
    for name, denoiser in (("trained", f), ("exact", exact)):
        rows += run_rows(denoiser, law, schedule, params["run_points"], draws.child("run"), name)
    return rows


def control_rows(law: Law, optimum: BlindDenoiser, params: Params, draws: Stream) -> list[Row]:
    """The same measurements of two denoisers whose answers are known: an excess of 1 % (null), the exact denoiser at
    MISREAD times the level (power)."""
    rows, few = [], max(params["points"] // 4, 50)
    for sigma in levels_of(params):
        own = draws.child("control", sigma)
        y = law.add_noise(law.sample(few, own.child("bayes")), sigma, own.child("bayes noise"))
        root = math.sqrt(float(law.posterior_trace(y, sigma).mean()))
        known: dict[str, DenoiserLike] = {
            "null": Shifted(optimum, NULL_SHIFT * root),
        }
        known |= {measure: Misread(law, optimum, factor) for measure, factor in MISREAD.items()}
        found = {name: excess_at(f, law, optimum, sigma, few, own) for name, f in known.items()}
        for measure in MISREAD:
            for kind, name in (("null", "null"), ("power", measure)):
                value, se = found[name][measure], found[name][f"{measure}_se"]
                rows.append(row(f"{measure}_{kind}", value, se, sigma))
    return rows


# -- verdict ----------------------------------------------------------------------------------------------------


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """T2 and T2b; a smoke run trains too little to decide them."""
    if options.profile == "smoke":
        return []
    return over_trainings(CLAIMS, tables["training_nets"], decide_nets)


def decide_nets(table: pandas.DataFrame) -> list[Measurement]:
    """T2 and T2b from the networks of one training."""
    blind = table.blind.astype(bool)
    rows = pandas.concat([of(table[blind], "gap"), of(table[~blind], "excess")], ignore_index=True)
    worst = rows.iloc[int(rows.value.argmax())]
    note = f"worst: {worst.law}, {'blind' if worst.blind else 'conditional'}, sigma = {worst.level:.3g}"

    def controls(measure: str, size: Callable[[pandas.DataFrame], Interval]) -> list[Control]:
        spoilt = f"the exact denoiser at {MISREAD[measure]:g} times the level"
        what = {"null": "the optimum plus a shift worth 1 %", "power": spoilt}
        return [Control(kind, text, *size(of(table, f"{measure}_{kind}"))[1:]) for kind, text in what.items()]

    return [
        Measurement("T2", *largest_of(rows), controls=controls("gap", largest_of), note=note),
        Measurement("T2b", *widest(of(table, "variance_shift")), controls=controls("variance_shift", widest)),
    ]


def show(tables: Tables, options: Any) -> str:
    return net_lines("training_nets", first(tables["training_nets"]), ["law", "blind"])


def net_lines(name: str, table: pandas.DataFrame, keys: list[str]) -> str:
    """A line a network: its excess over both optima, and its noise estimates in the sampler."""
    lines = [f"{name}: largest excess over the blind and the conditional optimum; denoiser in the sampler"]
    for key, net in table.groupby(keys):
        log_ratio = of(net, "log_ratio")
        own = log_ratio[log_ratio.series.str.startswith("trained")].value.abs().max()
        gap, excess = of(net, "gap").value.max(), of(net, "excess").value.max()
        label = ", ".join(str(k) for k in key)
        lines.append(
            f"  {label:28s} blind {gap:8.2%}  conditional {excess:8.2%}  max |log sigma_hat/sigma_t| {own:.3f}"
        )
    return "\n".join(lines)


QUESTION = Question(
    cells=cells,
    parts={"training_nets": cell_nets},
    claims=CLAIMS,
    arguments=(PART,),
    decide=decide,
    show=show,
    figures=("training_excess_risk",),
)
