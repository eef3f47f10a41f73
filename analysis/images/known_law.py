"""Are a blind and a conditional network equally good on images whose optimum is known, in PSNR and in samples?

Blobs lie on a 2-manifold, so that k_eff^2/d is small at every level; smooth random images (the field) have k_eff^2/d >
1
at low levels: there the premise k^2 << d of arXiv 2602.09639 fails.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas
from scipy import stats

from analysis.images.measure import NEAR, cell_images
from analysis.images.psnr import DECIBELS
from analysis.images.settings import PART, SIZES, known_laws, measuring
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.training.fit import Params
from analysis.training.intervals import Interval, curve, joint, widest, worst
from analysis.training.trainings import first, over_trainings, trainings

_PAPER = "arXiv 2602.09639"

_BODY = "a blind and a conditional network of one convolutional body"

CLAIMS = (
    Claim(
        id="I2",
        kind="paper",
        source=f"{_PAPER}, figure 4",
        statement=f"{_BODY} (2000 steps) have the same PSNR to 0.2 dB at every noise level: 16 x 16 blobs, images on a "
        "2-manifold (limit set after a pilot)",
        quantity="largest |PSNR blind - PSNR conditional| in dB over the levels of the training range; 16 x 16 blobs, "
        "trained networks",
        predicted="<= 0.2; the exact optima differ by 0.007",
        allowed=(float("-inf"), 0.2),
        wide="6 half widths: what differs is how far either network is from its optimum, .4 and .5 dB",
        each=True,
        revised=Revision(
            was="the same to .3 dB of any network",
            why="the limit stood 40 times as far as the exact optima differ; within .05 dB, as these are, two networks "
            "that lose .4 and .5 dB cannot be told to be",
        ),
    ),
    # 0.015: half of the gap that plain Euler opened between the exact optima in 4 steps, in a pilot; the note has it as
    # measured
    Claim(
        id="I3",
        kind="paper",
        source=f"{_PAPER}, figures 5, 7 and 8; attribution derived here",
        statement="with coefficients that keep the scheduled level, samples of a blind and a conditional network (one "
        "convolutional body, 2000 steps) from matched starts are equally good on 16 x 16 blobs; the gap under plain "
        "Euler is one of coefficients",
        quantity="largest |difference| of squared sliced W2 to the law, blind - conditional, over its variance; 4 and"
        " 16 steps from 3 to 0.5 (exponential Euler, a = 0); 16 x 16 blobs, trained networks",
        predicted="<= 0.015; the exact optima differ by 0.001",
        allowed=(float("-inf"), 0.015),
        wide="8 half widths: the limit is half of what a fault of coefficients does, not what 1000 samples could see",
        each=True,
    ),
    # three half widths (.0037) above the .011 of the exact optima
    Claim(
        id="I4",
        kind="finding",
        source=f"{_PAPER}, figure 4 and the premise k^2 << d",
        statement=f"{_BODY} (1200 steps) have the same PSNR to 0.025 dB also where k_eff^2 << d fails: smooth random "
        "images of 16 x 16 pixels, k_eff^2/d from 1 to 44 (limit set after a pilot)",
        quantity="largest |PSNR blind - PSNR conditional| in dB over the levels with k_eff^2/d > 1, k_eff = "
        "mmse/sigma^2; trained networks",
        predicted="<= 0.025: the condition is linear in k, the exact optima differ by 0.011",
        allowed=(float("-inf"), 0.025),
        each=True,
        wide="the networks' own gap is half of the limit",
        revised=Revision(
            was="the same to .3 dB",
            why="the limit stood 80 half widths away; a level read 1.1 times too high costs .03 dB and passed",
        ),
    ),
)
STEPS = {
    "smoke": {"blobs": 8, "field": 8},
    "paper": {"blobs": 2000, "field": 1200},
    "full": {"blobs": 10_000, "field": 10_000},
}
CONSISTENT = ("exponential_euler 4", "exponential_euler 16")  # runs that keep the scheduled level
EULER = "euler 4"  # and one that does not


def cells(options: Any) -> list[Cell]:
    """Exact optima of every image law; denoisers, blind and conditional, on two of them."""
    found, sizes, seconds = [], SIZES[options.profile], measuring(options.profile)
    shared: Params = {"filters": sizes["filters"], "batch": sizes["batch"], "lr": 8e-3, "device": options.device}
    for law, own in known_laws(options.profile).items() if "known" in options.part else ():
        if law == "blobs":
            own["run_points"] = sizes["points"]
        found.append(Cell("training_images", {"task": "exact", **own}, cost=seconds))
        for blind in (True, False) if law in STEPS[options.profile] else ():
            training: Params = {"task": "denoise", "blind": blind, "architecture": "conv"}
            training |= {"channels": sizes["channels"], "steps": STEPS[options.profile][law]}
            cost = 2.0 * seconds + 0.002 * sizes["channels"] * sizes["batch"] / 64 * training["steps"]
            for one in trainings(options.profile):
                found.append(Cell("training_images", {**own, **shared, **training, **one}, cost=cost))
    return found


# -- verdicts -----------------------------------------------------------------------------------------------------


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """I2, I3 and I4; a smoke run trains too little to decide them."""
    if options.profile == "smoke":
        return []
    table = tables["training_images"]
    return over_trainings(CLAIMS, table[table.task != "level"], decide_networks)


def decide_networks(table: pandas.DataFrame) -> list[Measurement]:
    """I2, I3 and I4 from the networks of one training."""
    return [*decide_psnr(table, "I2", "blobs"), *decide_samples(table), *decide_psnr(table, "I4", "field", True)]


def _cell(table: pandas.DataFrame, law: str, task: str, blind: bool | None = None) -> pandas.DataFrame:
    rows = table[(table.law == law) & (table.task == task)]
    return rows if blind is None else rows[rows.blind.astype(str) == str(blind)]


def differences(first: pandas.DataFrame, second: pandas.DataFrame | None = None) -> pandas.DataFrame:
    """PSNR of the second minus that of the first in dB, level by level, from excess risks over one Bayes risk.

    10 log10 of (1 + e_1)/(1 + e_2); None is the optimum, e_2 = 0. Standard errors add in squares: both are measured at
    the same noisy points, and what they have in common is not taken off.
    """
    value, variance = DECIBELS * np.log1p(first.value), (DECIBELS * first.se / (1.0 + first.value)) ** 2
    if second is not None:
        first_at, _ = first.align(second, join="inner", axis=0)
        second = second.loc[first_at.index]
        value = value.loc[first_at.index] - DECIBELS * np.log1p(second.value)
        variance = variance.loc[first_at.index] + (DECIBELS * second.se / (1.0 + second.value)) ** 2
    return pandas.DataFrame({"value": value, "se": np.sqrt(variance)})


def effective_dimensions(table: pandas.DataFrame, law: str) -> pandas.DataFrame:
    """k_eff = mmse/sigma^2 of the law and as the risks of its networks imply it, with k_eff^2/d; a row a level."""
    exact = _cell(table, law, "exact")
    bayes, d = curve(exact, "bayes").value, float(exact.ambient.iloc[0])
    found = pandas.DataFrame({"k_eff": bayes / bayes.index.to_numpy() ** 2})
    found["k_eff^2/d"] = found.k_eff**2 / d
    for blind, name in ((True, "blind"), (False, "conditional")):
        net = _cell(table, law, "denoise", blind)
        if len(net):
            found[f"{name} network"] = found.k_eff * (1.0 + curve(net, "excess").value)
    return found


def decide_psnr(table: pandas.DataFrame, claim: str, law: str, premise_fails: bool = False) -> list[Measurement]:
    """Blind against conditional networks of a law; with `premise_fails` at the levels with k_eff^2/d > 1 alone."""
    blind, told = (curve(_cell(table, law, "denoise", kind), "excess") for kind in (True, False))
    if blind.empty or told.empty:
        return []
    dimensions = effective_dimensions(table, law)
    levels = dimensions.index[dimensions["k_eff^2/d"] > 1.0] if premise_fails else dimensions.index
    conditional = _cell(table, law, "denoise", False)
    wrong = differences(curve(conditional, "excess", "told near"), told)
    exact = differences(curve(_cell(table, law, "exact"), "price"))
    at = differences(blind, told)
    at, exact, wrong = at.loc[levels], exact.loc[levels], wrong.loc[wrong.index.intersection(levels)]
    controls = [
        Control("null", "the exact blind against the exact conditional optimum", *widest(exact)[1:]),
        Control(
            "power", f"the conditional network told {NEAR[law]:g} times the level, against itself", *widest(wrong)[1:]
        ),
    ]
    losses = ", ".join(
        f"{name} {DECIBELS * np.log1p(part.loc[levels].value).max():.2f}"
        for name, part in (("blind", blind), ("conditional", told))
    )
    premise = dimensions["k_eff^2/d"]
    note = f"at sigma = {worst(at):.3g}; loss to the optimum at most, dB: {losses}; "
    note += f"k_eff^2/d from {premise.min():.2g} to {premise.max():.2g}"
    return [Measurement(claim, *widest(at), controls=controls, note=note)]


def run_difference(table: pandas.DataFrame, task: str, run: str) -> tuple[float, float, float]:
    """Squared sliced W2, blind minus conditional, of one run ("integrator steps"), paired block by block: (mean,
    standard error, quantile of Student's law for two such intervals at once)."""
    rows = table[(table.law == "blobs") & (table.task == task) & (table.measure == "run_error")]
    blind, told = (rows[rows.series == f"{name} {run}"].set_index("level").value for name in ("blind", "conditional"))
    gap = (blind - told).dropna()
    quantile = float(stats.t.ppf(1.0 - 0.025 / 2, len(gap) - 1))
    return float(gap.mean()), float(gap.std(ddof=1)) / math.sqrt(len(gap)), quantile


def decide_samples(table: pandas.DataFrame) -> list[Measurement]:
    """The largest |difference| of the runs, with a simultaneous interval; the note keeps the signs."""
    if table[(table.task == "denoise") & (table.measure == "run_error")].empty:
        return []

    def size(task: str, run: str) -> Interval:
        mean, se, z = run_difference(table, task, run)
        return abs(mean), abs(mean) - z * se, abs(mean) + z * se

    null, measured = (joint(size(task, run) for run in CONSISTENT) for task in ("exact", "denoise"))
    power = size("denoise", EULER)
    controls = [
        Control("null", "the exact blind and conditional optimum, exponential Euler", *null[1:]),
        Control("power", "the same networks with plain Euler, 4 steps", *power[1:]),
    ]
    both = {"networks": "denoise", "exact optima": "exact"}
    signed = [
        f"{run}: " + ", ".join(f"{name} {run_difference(table, task, run)[0]:+.4f}" for name, task in both.items())
        for run in (*CONSISTENT, EULER)
    ]
    return [Measurement("I3", *measured, controls=controls, note="blind - conditional; " + "; ".join(signed))]


def show(tables: Tables, options: Any) -> str:
    """k_eff of the laws and of their networks, and PSNR differences."""
    table, lines = first(tables["training_images"]), []
    for law in sorted(table[table.task == "exact"].law.unique()):
        found = effective_dimensions(table, law)
        found["exact blind - conditional, dB"] = -differences(curve(_cell(table, law, "exact"), "price")).value
        blind, told = (curve(_cell(table, law, "denoise", kind), "excess") for kind in (True, False))
        if len(blind) and len(told):
            found["trained"] = -differences(blind, told).value
        lines.append(f"training_images: {law}, effective dimension (k_eff) by level, and PSNR differences")
        lines.append(found.to_string(float_format="%.4g"))
    return "\n".join(lines)


QUESTION = Question(
    cells=cells,
    parts={"training_images": cell_images},
    claims=CLAIMS,
    arguments=(PART,),
    decide=decide,
    show=show,
    figures=("paper_fig4",),
)
