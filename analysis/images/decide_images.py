"""Verdict quantities of the image part: PSNR of blind against conditional networks, and estimators of the noise level."""

from __future__ import annotations

import math

import numpy as np
import pandas
from scipy import stats

from analysis.runs import Control, Measurement
from analysis.training.intervals import curve, widest

__all__ = ["decide_images", "differences", "effective_dimensions", "run_difference", "show_images"]

DECIBELS = 10.0 / math.log(10.0)


def _cell(table: pandas.DataFrame, law: str, task: str, blind: bool | None = None) -> pandas.DataFrame:
    rows = table[(table.law == law) & (table.task == task)]
    return rows if blind is None else rows[rows.blind.astype(str) == str(blind)]


def differences(first: pandas.DataFrame, second: pandas.DataFrame | None = None) -> pandas.DataFrame:
    """PSNR of the second minus that of the first in dB, level by level, from excess risks over one Bayes risk.

    10 log10 of (1 + e_1)/(1 + e_2); None is the optimum, e_2 = 0. Standard errors add in squares: both are measured at the
    same noisy points, and what they have in common is not taken off.
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


def _equality(table: pandas.DataFrame, claim: str, law: str, premise_fails: bool) -> list[Measurement]:
    """Blind against conditional networks of a law; with `premise_fails` at the levels with k_eff^2/d > 1 alone."""
    blind, told = (curve(_cell(table, law, "denoise", kind), "excess") for kind in (True, False))
    if blind.empty or told.empty:
        return []
    dimensions = effective_dimensions(table, law)
    levels = dimensions.index[dimensions["k_eff^2/d"] > 1.0] if premise_fails else dimensions.index
    conditional = _cell(table, law, "denoise", False)
    wrong = differences(curve(conditional, "excess", "told"), told)
    exact = differences(curve(_cell(table, law, "exact"), "price"))
    at = differences(blind, told)
    at, exact, wrong = at.loc[levels], exact.loc[levels], wrong.loc[wrong.index.intersection(levels)]
    controls = [
        Control("null", "the exact blind against the exact conditional optimum", *widest(exact)[1:]),
        Control("power", "the conditional network told 1.5 times the level, against itself", *widest(wrong)[1:]),
    ]
    worst = at.value.abs().idxmax()
    losses = ", ".join(
        f"{name} {DECIBELS * np.log1p(part.loc[levels].value).max():.2f}"
        for name, part in (("blind", blind), ("conditional", told))
    )
    premise = dimensions["k_eff^2/d"]
    note = f"at sigma = {worst:.3g}; loss to the optimum at most, dB: {losses}; k_eff^2/d from {premise.min():.2g} to {premise.max():.2g}"
    return [Measurement(claim, *widest(at), controls=controls, note=note)]


def _levels(table: pandas.DataFrame) -> list[Measurement]:
    cell = table[table.task == "level"]
    if cell.empty:
        return []
    high = float(cell.high.iloc[0]) * (1.0 + 1e-9)
    curves = {name: curve(cell, "log_rms", name) for name in ("trained", "exact", "off", "prior as trained")}
    inside, beyond = (
        {name: rows[keep(rows.index)] for name, rows in curves.items()}
        for keep in (lambda s: s <= high, lambda s: s > high)
    )
    bias, spread = (curve(cell, name, "trained").value for name in ("log_bias", "log_spread"))
    sd = curve(cell, "posterior_sd", "exact").value
    top = bias.index.max()
    found = []
    for claim, part, power, what in (
        ("I1b", inside, "off", "the network, 1.2 times off"),
        ("I1c", beyond, "prior as trained", "the exact posterior mean with a prior that ends at 3"),
    ):
        controls = [
            Control("null", "the exact posterior mean of log sigma", *widest(part["exact"])[1:]),
            Control("power", what, *widest(part[power])[1:]),
        ]
        at = part["trained"].value.idxmax()
        note = (
            f"worst at sigma = {at:.3g}: bias {bias[at]:+.3f}, spread {spread[at]:.3f}, exact posterior sd {sd[at]:.3f}"
        )
        if claim == "I1c":
            note += f"; at {top:.3g}: bias {bias[top]:+.3f}, spread {spread[top]:.3f}"
        found.append(Measurement(claim, *widest(part["trained"]), controls=controls, note=note))
    return found


def run_difference(table: pandas.DataFrame, task: str, run: str) -> tuple[float, float, float]:
    """Squared sliced W2, blind minus conditional, of one run ("integrator steps"): (mean, standard error, quantile of Student's
    law for two such intervals at once), paired block by block."""
    rows = table[(table.law == "blobs") & (table.task == task) & (table.measure == "run_error")]
    blind, told = (rows[rows.series == f"{name} {run}"].set_index("level").value for name in ("blind", "conditional"))
    gap = (blind - told).dropna()
    return (
        float(gap.mean()),
        float(gap.std(ddof=1)) / math.sqrt(len(gap)),
        float(stats.t.ppf(1.0 - 0.025 / 2, len(gap) - 1)),
    )


def _samples(table: pandas.DataFrame) -> list[Measurement]:
    """The largest |difference| of the runs, with a simultaneous interval; the note keeps the signs."""
    if table[(table.task == "denoise") & (table.measure == "run_error")].empty:
        return []

    def interval(task: str, *runs: str) -> tuple[float, float, float]:
        found = [run_difference(table, task, run) for run in runs]
        return tuple(max(abs(mean) + side * z * se for mean, se, z in found) for side in (0.0, -1.0, 1.0))

    consistent = ("exponential_euler 4", "exponential_euler 16")
    controls = [
        Control(
            "null", "the exact blind and conditional optimum, exponential Euler", *interval("exact", *consistent)[1:]
        ),
        Control("power", "the same networks with plain Euler, 4 steps", *interval("denoise", "euler 4")[1:]),
    ]
    both = {"networks": "denoise", "exact optima": "exact"}
    signed = [
        f"{run}: " + ", ".join(f"{name} {run_difference(table, task, run)[0]:+.4f}" for name, task in both.items())
        for run in (*consistent, "euler 4")
    ]
    note = "blind - conditional; " + "; ".join(signed)
    return [Measurement("I3", *interval("denoise", *consistent), controls=controls, note=note)]


def decide_images(table: pandas.DataFrame) -> list[Measurement]:
    """Measurements of I2, I3, I4, I1b and I1c."""
    return [
        *_equality(table, "I2", "blobs", False),
        *_samples(table),
        *_equality(table, "I4", "field", True),
        *_levels(table),
    ]


def show_images(table: pandas.DataFrame) -> str:
    """k_eff of the laws and of their networks, PSNR differences, and the estimator's errors."""
    lines = []
    for law in sorted(table[table.task == "exact"].law.unique()):
        found = effective_dimensions(table, law)
        found["exact blind - conditional, dB"] = -differences(curve(_cell(table, law, "exact"), "price")).value
        blind, told = (curve(_cell(table, law, "denoise", kind), "excess") for kind in (True, False))
        if len(blind) and len(told):
            found["trained"] = -differences(blind, told).value
        lines += [
            f"training_images: {law}, effective dimension (k_eff) by level, and PSNR differences",
            found.to_string(float_format="%.4g"),
        ]
    level = table[(table.task == "level") & table.measure.isin(["log_bias", "log_spread", "posterior_sd"])]
    if len(level):
        lines.append(
            "training_images: log(sigma_hat/sigma) of the estimator trained up to 3, and of the exact posterior mean"
        )
        shown = level[level.series.isin(["trained", "exact"])]
        lines.append(
            shown.pivot_table(index="level", columns=["series", "measure"], values="value").to_string(
                float_format="%.4f"
            )
        )
    return "\n".join(lines)
