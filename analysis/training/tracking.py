"""Do the networks of figures 3 and 11 (arXiv 2602.09639) track the schedule, and is a shorter training as good?

A blind network on k = 2 data in R^d, d large and d = k, from a finite data set. It runs in the sampler with both
readings of the paper's step size, the exact blind optimum beside it from the same start with the same noise. The
recipe that the paper states is trained in the profile `full`.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import pandas

from analysis.runs import Argument, Cell, Claim, Control, Measurement, Question, one_of
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.samplers import Schedule
from analysis.schedule.settings import Overdosed
from analysis.training.excess_risk import net_lines
from analysis.training.fit import Params, Row, curve_rows, fit
from analysis.training.intervals import Interval, joint, largest_of, of, widest
from analysis.training.laws import law_of, prior_of
from analysis.training.measure import risk_rows, run_rows
from analysis.training.settings import PART
from analysis.training.trainings import first, labels, over_trainings, trainings
from manifolds import stream
from manifolds.denoisers import BlindDenoiser

PAPER = "arXiv 2602.09639, figures 3 and 11"

NETWORK = "the suite's own blind network (locally linear, with a noise scale built in; 2500 steps)"

CLAIMS = (
    # three half widths (.0036) above what the exact optimum is off, (k_eff + 1)/(2d) = .018 with its own error
    Claim(
        id="T1",
        kind="paper",
        source=f"{PAPER}, Remark 4.1",
        statement=f"{NETWORK} trained on k = 2 data in R^100 or R^200 tracks the implicit schedule down to sigma_T, to "
        "2.9 % (limit set after a pilot; whatever the network believes, see S6)",
        quantity="largest |mean log(sigma_hat/sigma_t)| over the steps of both readings of the step size, "
        "d = 100 and 200",
        predicted="about (k + 1)/(2d) = 0.015",
        allowed=(float("-inf"), 0.029),
        each=True,
        revised=Revision(
            was="a blind network tracks to log 1.1, the network not named",
            why="a network with 25 times the Bayes risk tracks as well; its sabotage, d = 2, was off by 1.2",
        ),
    ),
    Claim(
        id="T1b",
        kind="paper",
        source=PAPER,
        statement=f"{NETWORK} does not track the schedule at d = k = 2",
        quantity="largest |mean log(sigma_hat/sigma_t)| over the steps, smallest over figures and readings, d = 2",
        predicted="> 0.5",
        allowed=(0.5, float("inf")),
        wide="a statement of failure: by how much is nobody's prediction",
        each=True,
        revised=Revision(was="the same, the network not named", why="it reads as if any network were meant"),
    ),
    Claim(
        id="T1c",
        kind="paper",
        source=PAPER,
        statement=f"the samples of {NETWORK} are right for d = 100 and 200 (and wrong for d = 2)",
        quantity="sliced W2 of the outputs to the law, sampling part removed, over the spread of the law along a "
        "direction; h = .5",
        predicted="< 0.2; the step size alone costs 0.11 for a Gaussian",
        allowed=(float("-inf"), 0.2),
        each=True,
        revised=Revision(
            was="the samples are right, the network not named",
            why="a noise reader is built into it; the network that the paper states is another (T1cs)",
        ),
    ),
)

# law: n, both ambient dimensions, weight decay
_FIGURES = {"figure3": (5000, (2, 100), 0.01), "figure11": (50_000, (2, 200), 0.05)}
_LAW = {"dim": 2}
_TRAINING = {"blind": True, "prior": "-1", "low": 0.01, "high": 10.0}
_SHORT = {"architecture": "locally_linear", "width": 64, "steps": 2500, "batch": 512, "lr": 4e-3, "recipe": "short"}
_STATED = {"architecture": "mlp", "width": 512, "steps": 50_000, "batch": 512, "lr": 1e-3}
_STATED |= {"decay": "constant", "average": 0.0, "clip": 1e9, "recipe": "stated"}
_PAPER_SIZE: Params = _SHORT | {"levels": 9, "points": 4000, "run_points": 4000, "paths": 6, "shown": 400}
_SMOKE_SIZE: Params = _SHORT | {"width": 16, "steps": 30, "batch": 128, "levels": 2, "points": 100}
_SMOKE_SIZE |= {"run_points": 80, "paths": 2, "shown": 20, "n": 5000}
_RECIPES: dict[str, tuple[Params, ...]] = {
    "smoke": (_SMOKE_SIZE,),
    "paper": (_PAPER_SIZE,),
    "full": (_PAPER_SIZE, _PAPER_SIZE | _STATED),
}
# The stated h = a = .5 needs 27.6 steps from 10 to .01; the line that the paper plots falls by e^{-.5} a step: 13.8
# steps.
READINGS = {"as stated": 28, "as plotted": 14}
READING = "as stated"


class Spoilt(NamedTuple):
    """What spoils a run: the injected variance is multiplied, the steps are few."""

    dose: float
    few: int


# Near the limits: a dose of .965 lowers the level by 1.8 %, one of 1.15 raises it by 7 %; the exact optimum in 9 steps
# is .28 off, the stated network in 14 too (pilot).
SPOILT = {"short": Spoilt(0.965, 9), "stated": Spoilt(1.15, READINGS["as plotted"])}


def cells(options: Any) -> list[Cell]:
    """For each figure a network in each ambient dimension, by each recipe of the profile."""
    found = []
    for law, (n, ambients, weight_decay) in _FIGURES.items() if "figures" in options.part else ():
        for ambient in ambients if law.removeprefix("figure") in options.figure else ():
            shared = {"law": law, **_LAW, "ambient": ambient, "n": n, **_TRAINING, "device": options.device}
            for recipe, training in itertools.product(_RECIPES[options.profile], trainings(options.profile)):
                params = {**shared, "weight_decay": weight_decay, **recipe, **training}
                cost = 3.0 + (0.06 if recipe["recipe"] == "stated" else 0.013) * recipe["steps"]
                found.append(Cell("training_figures", params, cost=cost))
    return found


def cell_figures(params: Params, seed: int) -> list[Row]:
    """Train on n points; sample with both readings of the step size, beside the exact optimum (same start and noise);
    and as SPOILT says."""
    law = law_of(params)
    draws = stream(seed, "figures", params["law"])  # one data set and one run in core coordinates, whatever d
    data = law.sample(params["n"], draws.child("data"))
    f = fit(params, law, draws.child("training", params["ambient"], params["recipe"], *labels(params)), data)
    optimum = BlindDenoiser(law, prior_of(params, law))
    rows = curve_rows(f) + risk_rows(f, law, optimum, params, draws.child(params["ambient"]))
    for reading, steps in READINGS.items():
        schedule = Schedule.proportional(params["high"], params["low"], 0.5, steps)
        for name, denoiser in (("trained", f), ("exact", optimum)):
            own = draws.child("run", params["ambient"])
            kept = (params["paths"], params["shown"]) if name == "trained" else (0, params["shown"])
            rows += run_rows(denoiser, law, schedule, params["run_points"], own, f"{name} {reading}", *kept)
    own, spoilt = draws.child("run", params["ambient"]), SPOILT[params["recipe"]]
    for name, count, dose in (("dosed", READINGS[READING], spoilt.dose), ("few", spoilt.few, 1.0)):
        schedule = Schedule.proportional(params["high"], params["low"], 0.5, count)
        rows += run_rows(f, law, schedule, params["run_points"], own, name, integrator=Overdosed(dose))
    return rows


# -- verdicts -----------------------------------------------------------------------------------------------------


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """T1 to T1c, of the short recipe; a smoke run trains too little to decide them."""
    if options.profile == "smoke":
        return []
    table = tables["training_figures"]
    return over_trainings(CLAIMS, table[table.recipe == "short"], decide_tracking)


def _deviations(table: pandas.DataFrame, name: str) -> list[Interval]:
    """Largest |mean log ratio| of each run (law, dimension, reading) of the trained, exact or spoilt denoiser."""
    rows = of(table, "log_ratio")
    rows = rows[rows.series.str.startswith(name)]
    return [widest(run) for _, run in rows.groupby(["law", "ambient", "series"])]


def decide_tracking(table: pandas.DataFrame, suffix: str = "") -> list[Measurement]:
    """T1 to T1c of one recipe and training, from both ambient dimensions; `suffix` is that of the claims' ids."""
    wide, filled = table[table.ambient > table.dim], table[table.ambient == table.dim]
    if wide.empty or filled.empty:
        return []
    spoilt = SPOILT[table.recipe.iloc[0]]
    trained, exact, dosed = (joint(_deviations(wide, name)) for name in ("trained", "exact", "dosed"))
    failing, exact_failing = (joint(_deviations(filled, name), min) for name in ("trained", "exact"))
    errors, exact_errors, few_errors = (
        largest_of(of(wide, "sample_error", series)) for series in (f"trained {READING}", f"exact {READING}", "few")
    )
    tracks = [
        Control("null", "exact blind optimum", *exact[1:]),
        Control("power", f"the same network, {spoilt.dose:g} times the variance injected", *dosed[1:]),
    ]
    fails = [
        Control("null", "exact blind optimum, d = 2", *exact_failing[1:]),
        Control("power", "trained, d large", *trained[1:]),
    ]
    samples = [
        Control("null", "exact blind optimum, same start and noise", *exact_errors[1:]),
        Control("power", f"the same network in {spoilt.few} steps", *few_errors[1:]),
    ]
    found = {"T1": (trained, tracks), "T1b": (failing, fails), "T1c": (errors, samples)}
    return [Measurement(f"{name}{suffix}", *interval, controls) for name, (interval, controls) in found.items()]


def show(tables: Tables, options: Any) -> str:
    return net_lines("training_figures", first(tables["training_figures"]), ["law", "ambient", "recipe"])


QUESTION = Question(
    cells=cells,
    parts={"training_figures": cell_figures},
    claims=CLAIMS,
    arguments=(
        PART,
        Argument(
            "--figure",
            type=one_of("3", "11"),
            nargs="+",
            default=("3", "11"),
            help="which figures of the paper the part figures trains for",
        ),
    ),
    decide=decide,
    show=show,
    figures=("paper_fig3", "paper_fig11"),
)
