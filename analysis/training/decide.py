"""Verdict quantities of the training experiment from its tables; every rule is that of the registered claim."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas
from scipy import stats

from analysis.images.decide_images import decide_images, show_images
from analysis.images.decide_real import decide_real, show_real
from analysis.runs import Control, Measurement
from analysis.training.decide_recipes import decide_recipes
from analysis.training.intervals import largest

__all__ = ["decide", "show"]

READING = "as stated"


def _of(table: pandas.DataFrame, measure: str, series: str | None = None) -> pandas.DataFrame:
    rows = table[table.measure == measure]
    return rows if series is None else rows[rows.series == series]


def _largest(rows: pandas.DataFrame, absolute: bool = False) -> tuple[float, float, float]:
    return largest(rows.value, rows.se, absolute)


# -- excess risk --------------------------------------------------------------------------------------------------


def _excess(table: pandas.DataFrame) -> list[Measurement]:
    blind = table.blind.astype(bool)
    rows = pandas.concat([_of(table[blind], "gap"), _of(table[~blind], "excess")])
    controls = [Control("null", "the optimum plus a shift worth 1 %", *_largest(_of(table, "gap_null"))[1:])]
    controls.append(Control("power", "the optimum times 1.05", *_largest(_of(table, "gap_power"))[1:]))
    worst = rows.loc[rows.value.idxmax()]
    note = f"worst: {worst.law}, {'blind' if worst.blind else 'conditional'}, sigma = {worst.level:.3g}"
    shifts = [
        Control("null", "the optimum plus a shift worth 1 %", *_largest(_of(table, "variance_shift_null"), True)[1:])
    ]
    shifts.append(Control("power", "the optimum times 1.05", *_largest(_of(table, "variance_shift_power"), True)[1:]))
    return [
        Measurement("T2", *_largest(rows), controls=controls, note=note),
        Measurement("T2b", *_largest(_of(table, "variance_shift"), True), controls=shifts),
    ]


# -- figures 3 and 11 ---------------------------------------------------------------------------------------------


def _deviations(table: pandas.DataFrame, name: str) -> list[tuple[float, float, float]]:
    """Largest |mean log ratio| of each run (law, dimension, recipe, reading) of the trained or exact denoiser."""
    rows = _of(table, "log_ratio")
    rows = rows[rows.series.str.startswith(name)]
    return [_largest(run, True) for _, run in rows.groupby(["law", "ambient", "recipe", "series"])]


def _joint(triples: list[tuple[float, float, float]], pick=max) -> tuple[float, float, float]:
    return tuple(pick(column) for column in zip(*triples))


def _tracking(table: pandas.DataFrame) -> list[Measurement]:
    wide, filled = table[table.ambient > table.dim], table[table.ambient == table.dim]
    if wide.empty or filled.empty:
        return []
    trained, exact = _joint(_deviations(wide, "trained")), _joint(_deviations(wide, "exact"))
    failing, exact_failing = (_joint(_deviations(filled, name), min) for name in ("trained", "exact"))
    own, other = f"trained {READING}", f"exact {READING}"
    errors = {
        (name, label): _largest(_of(rows, "sample_error", name))
        for name in (own, other)
        for label, rows in (("wide", wide), ("filled", filled))
    }
    return [
        Measurement(
            "T1",
            *trained,
            [Control("null", "exact blind optimum", *exact[1:]), Control("power", "trained, d = 2", *failing[1:])],
        ),
        Measurement(
            "T1b",
            *failing,
            [
                Control("null", "exact blind optimum, d = 2", *exact_failing[1:]),
                Control("power", "trained, d large", *trained[1:]),
            ],
        ),
        Measurement(
            "T1c",
            *errors[own, "wide"],
            [
                Control("null", "exact blind optimum, same start and noise", *errors[other, "wide"][1:]),
                Control("power", "trained, d = 2", *errors[own, "filled"][1:]),
            ],
        ),
    ]


# -- priors and Theorem 3.12 --------------------------------------------------------------------------------------


def _denoiser_terms(table: pandas.DataFrame, series: str) -> pandas.DataFrame:
    """blind + learning + cross, nats: one column a prior, one row a replicate."""
    rows = table[(table.series == series) & table.measure.isin(["ledger_blind", "ledger_learning", "ledger_cross"])]
    return rows.pivot_table(index="replicate", columns="prior", values="value", aggfunc="sum")


def _log_ratios(terms: pandas.DataFrame) -> list[tuple[str, tuple[float, float, float]]]:
    """For each other prior, mean over replicates of log(its terms / those of -3), with Student's interval."""
    found = []
    for prior in ("-1", "-0.5"):
        log = np.log(terms[prior] / terms["-3"]).to_numpy()
        half = stats.t.ppf(0.975, len(log) - 1) * log.std(ddof=1) / math.sqrt(len(log))
        found.append((prior, (log.mean(), log.mean() - half, log.mean() + half)))
    return found


def _priors(table: pandas.DataFrame) -> list[Measurement]:
    found = []
    if table.replicate.nunique() >= 2:
        trained = _log_ratios(_denoiser_terms(table, "trained"))
        exact = _joint([v for _, v in _log_ratios(_denoiser_terms(table, "exact"))], min)
        best, interval = min(trained, key=lambda item: item[1][0])
        note = "; ".join(f"{prior}: {math.exp(v[0]):.2f} times the terms of -3" for prior, v in trained)
        controls = [
            Control("null", "exact blind optima of the priors", *exact[1:]),
            Control("power", f"the trained networks of -3 and {best} exchanged", -interval[2], -interval[1]),
        ]
        found.append(Measurement("T3", *interval, controls=controls, note=note))
    theory, others = table[table.prior == "-3"], table[table.prior != "-3"]
    rows = _of(theory, "theorem")
    mean, se = float(rows.value.mean()), float(np.sqrt((rows.se**2).sum()) / len(rows))
    z = stats.norm.ppf(0.975)

    def pair(part: pandas.DataFrame, null: str, power: str) -> list[Control]:
        return [
            Control(kind, text, *_largest(_of(part, f"theorem_{kind}"))[1:])
            for kind, text in (("null", null), ("power", power))
        ]

    bent = ".93 f* + .02 sin in place of a network"
    found.append(
        Measurement("L4", mean, mean - z * se, mean + z * se, pair(theory, bent, "the bound of the prior sigma^-1"))
    )
    smallest = _of(others, "theorem").value.min()
    found.append(
        Measurement(
            "L4b",
            *_largest(_of(others, "theorem")),
            pair(others, bent, "the minimum taken at sigma_0"),
            note=f"smallest ratio {smallest:.2g}",
        )
    )
    return found


# -- finite data --------------------------------------------------------------------------------------------------

MEMORY_LEVEL = 0.1


def _memory(table: pandas.DataFrame) -> list[Measurement]:
    rows = _of(table, "position")
    rows = rows[np.isclose(rows.level, MEMORY_LEVEL)]
    few, many = (_of(rows[rows.n == n], "position", "fresh") for n in (rows.n.min(), rows.n.max()))
    at_most = rows[rows.n == rows.n.max()]
    controls = [
        Control("null", "the law's optimum with an unrelated error", *_largest(_of(at_most, "position", "null"))[1:]),
        Control("power", "the training set's optimum itself", *_largest(_of(at_most, "position", "power"))[1:]),
        Control("power", f"the network trained on {rows.n.min()} points", *_largest(few)[1:]),
    ]
    return [
        Measurement(
            "T4",
            *_largest(many),
            controls=controls,
            note=f"n = {rows.n.max()}; at n = {rows.n.min()}: {few.value.iloc[0]:.2f}",
        )
    ]


def decide(tables: Mapping[str, pandas.DataFrame], options) -> list[Measurement]:
    """Measurements of the claims that the tables can decide; a smoke run trains too little to decide the first ones."""
    found = []
    if options.profile != "smoke":
        parts = (
            ("nets", _excess),
            ("figures", _tracking),
            ("figures", decide_recipes),
            ("memory", _memory),
            ("images", decide_images),
            ("real", decide_real),
        )
        for name, part in ((f"training_{name}", part) for name, part in parts):
            if name in tables:
                found += part(tables[name])
    if "training_priors" in tables:
        measured = _priors(tables["training_priors"])
        found += measured if options.profile != "smoke" else [m for m in measured if m.claim != "T3"]
    return found


# -- the screen ---------------------------------------------------------------------------------------------------


def show(tables: Mapping[str, pandas.DataFrame], options) -> str:
    """A few lines a person can read."""
    lines = []
    for name, keys in (("training_nets", ["law", "blind"]), ("training_figures", ["law", "ambient", "recipe"])):
        if name not in tables:
            continue
        lines.append(
            f"{name}: excess over the blind and the conditional optimum, largest over the levels; denoiser in the sampler"
        )
        for key, net in tables[name].groupby(keys):
            log_ratio = _of(net, "log_ratio")
            own = log_ratio[log_ratio.series.str.startswith("trained")]
            lines.append(
                f"  {', '.join(str(k) for k in key):28s} blind {_of(net, 'gap').value.max():8.2%}  conditional {_of(net, 'excess').value.max():8.2%}"
                f"  max |log sigma_hat/sigma_t| {own.value.abs().max():.3f}"
            )
    if "training_priors" in tables:
        lines.append("training_priors: blind + learning + cross, nats (a row a replicate)")
        lines.append(_denoiser_terms(tables["training_priors"], "trained").to_string(float_format="%.3f"))
    if "training_memory" in tables:
        lines.append(
            "training_memory: position between the law's optimum (0) and the training set's (1), noisy fresh points; a row a level"
        )
        rows = _of(tables["training_memory"], "position", "fresh")
        lines.append(rows.pivot_table(index="level", columns="n", values="value").to_string(float_format="%.3f"))
    if "training_images" in tables:
        lines.append(show_images(tables["training_images"]))
    if "training_real" in tables:
        lines.append(show_real(tables["training_real"]))
    return "\n".join(lines)
