"""Verdict quantities from tables that are made by hand, with the answer known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
from scipy import stats

from analysis.runs.claims import judge
from analysis.trained.decide import decide
from analysis.trained.intervals import largest
from analysis.training import EXPERIMENT, PARTS, plan

OPTIONS = SimpleNamespace(profile="paper", part=PARTS, replicates=4, device="cpu", seed=0)
Z3 = stats.norm.ppf(1 - 0.025 / 3)


def row(measure, value, se=0.0, level=1.0, series="", **params):
    return {"measure": measure, "value": value, "se": se, "level": level, "series": series, **params}


def verdicts(tables, options=OPTIONS):
    found = {m.claim: m for m in decide({k: pandas.DataFrame(v) for k, v in tables.items()}, options)}
    return found, {name: judge(EXPERIMENT.claim(name), m).outcome for name, m in found.items()}


def nets(gap: float, excess: float) -> list[dict]:
    rows = []
    for blind in (True, False):
        for level in (0.1, 1.0, 10.0):
            shared = {"law": "sphere", "blind": blind, "level": level}
            own = {"gap": gap if blind else 9.0, "excess": excess if not blind else 9.0, "variance_shift": -0.004}
            rows += [row(name, value, 0.001, **shared) for name, value in own.items()]
            if blind:
                rows += [row("gap_null", 0.01, 0.001, **shared), row("gap_power", 3.0 if level < 1 else 0.001, 0.1, **shared)]
                rows += [row("variance_shift_null", 0.001, 0.0001, **shared), row("variance_shift_power", 0.1 / level, 0.001, **shared)]
    return rows


def test_largest_is_simultaneous():
    assert largest([1.0, 3.0, 2.0], [0.1, 0.2, 1.0]) == pytest.approx((3.0, 3.0 - 0.2 * Z3, 2.0 + Z3))
    assert largest([1.0, -3.0], [0.0, 0.0], absolute=True) == (3.0, 3.0, 3.0)


def test_largest_covers_the_largest_mean():
    """Of 20 equal means: the interval's upper end lies above the common mean in at least 95 % of 400 repetitions."""
    draws = np.random.default_rng(0).normal(size=(400, 20))
    covered = sum(largest(d, np.ones(20))[1] <= 0.0 <= largest(d, np.ones(20))[2] for d in draws)
    assert stats.binomtest(covered, 400, 0.95, alternative="less").pvalue > 0.01


@pytest.mark.parametrize(("gap", "excess", "outcome"), [(0.02, 0.01, "holds"), (0.01, 0.02, "holds"), (0.04, 0.01, "violated"), (0.01, 0.04, "violated"), (0.024, 0.01, "inconclusive")])
def test_excess_takes_each_network_against_its_own_optimum(gap, excess, outcome):
    found, verdict = verdicts({"training_nets": nets(gap, excess)})
    assert found["T2"].measured == max(gap, excess)
    assert verdict == {"T2": outcome, "T2b": "holds"}


def figures(wide: float, filled: float, error_wide: float = 0.1, error_filled: float = 0.5) -> list[dict]:
    rows = []
    for ambient, drift, error in ((100, wide, error_wide), (2, filled, error_filled)):
        for reading in ("as stated", "as plotted"):
            for name in ("trained", "exact"):
                shared = {"law": "figure3", "dim": 2, "ambient": ambient, "recipe": "short", "series": f"{name} {reading}"}
                size = drift if name == "trained" else (0.01 if ambient == 100 else 1.0)
                rows += [row("log_ratio", -size * i, 0.001, level=10.0**-i, **shared) for i in (0, 1)]
                rows.append(row("sample_error", error if name == "trained" else 0.1 if ambient == 100 else 0.5, 0.001, **shared))
    return rows


@pytest.mark.parametrize(
    ("drifts", "expected"),
    [
        ((0.05, 1.0), {"T1": "holds", "T1b": "holds", "T1c": "holds"}),
        ((0.2, 1.0), {"T1": "violated", "T1b": "holds", "T1c": "holds"}),
        ((0.05, 0.07), {"T1": "inconclusive", "T1b": "inconclusive", "T1c": "holds"}),  # the sabotage d = 2 did not show
    ],
)
def test_tracking_needs_success_at_large_d_and_failure_at_d_equal_k(drifts, expected):
    found, verdict = verdicts({"training_figures": figures(*drifts)})
    assert found["T1"].measured == pytest.approx(drifts[0]) and found["T1b"].measured == pytest.approx(drifts[1])
    if drifts == (0.05, 0.07):
        assert verdict["T1"] == "inconclusive" and verdict["T1c"] == "holds"
    else:
        assert verdict == expected


def priors(factors: dict[str, float], ratio: float = 1.0) -> list[dict]:
    rows = []
    for replicate in range(4):
        for prior, factor in {"-3": 1.0, **factors}.items():
            shared = {"prior": prior, "replicate": replicate}
            wobble = 1.0 + 0.01 * replicate * (prior != "-3")
            for name in ("trained", "exact"):
                size = factor * wobble if name == "trained" else 1.0
                rows += [row(f"ledger_{t}", v * size, series=name, **shared) for t, v in (("blind", 0.3), ("learning", 0.6), ("cross", 0.1), ("init", 5.0))]
            rows.append(row("theorem", ratio if prior == "-3" else 0.2, 0.01, **shared))
            if replicate == 0:
                rows.append(row("theorem_null", 1.0 if prior == "-3" else 0.3, 0.005, **shared))
                rows.append(row("theorem_power", 0.1 if prior == "-3" else 9.0, 0.005, **shared))
    return rows


def test_priors_are_compared_pair_by_pair():
    found, verdict = verdicts({"training_priors": priors({"-1": 2.0, "-0.5": 3.0})})
    logs = [math.log(2.0 * (1 + 0.01 * r)) for r in range(4)]
    half = stats.t.ppf(0.975, 3) * np.std(logs, ddof=1) / 2.0
    assert (found["T3"].measured, found["T3"].low) == pytest.approx((np.mean(logs), np.mean(logs) - half))
    assert verdict == {"T3": "holds", "L4": "holds", "L4b": "holds"}


def test_a_better_prior_or_a_wrong_ratio_is_noticed():
    _, verdict = verdicts({"training_priors": priors({"-1": 0.5, "-0.5": 3.0}, ratio=1.2)})
    assert verdict["L4"] == "violated" and verdict["T3"] != "holds"


def memory(few: float, many: float) -> list[dict]:
    rows = []
    for n, value in ((20, few), (5000, many)):
        for level in (0.05, 0.1):
            known = {"fresh": value if level == 0.1 else 7.0, "training": 5.0, "null": 0.0, "power": 1.0}
            rows += [row("position", v, 0.01 * (series != "power"), level=level, series=series, n=n) for series, v in known.items()]
    return rows


@pytest.mark.parametrize(("few", "many", "outcome"), [(0.5, 0.02, "holds"), (0.5, 0.3, "violated"), (0.02, 0.02, "inconclusive")])
def test_memory_compares_the_largest_n_with_the_smallest(few, many, outcome):
    found, verdict = verdicts({"training_memory": memory(few, many)})
    assert found["T4"].measured == many and verdict == {"T4": outcome}


def test_a_smoke_run_leaves_the_trained_claims_open():
    smoke = SimpleNamespace(**{**vars(OPTIONS), "profile": "smoke"})
    found, _ = verdicts({"training_nets": nets(0.5, 0.5), "training_figures": figures(1, 1), "training_priors": priors({"-1": 1.0, "-0.5": 1.0})}, smoke)
    assert sorted(found) == ["L4", "L4b"]


@pytest.mark.parametrize("profile", ["smoke", "paper", "full"])
def test_every_cell_is_distinct_and_the_figures_are_the_paper_s(profile):
    cells = plan(SimpleNamespace(**{**vars(OPTIONS), "profile": profile}))
    keys = [(c.part, tuple(sorted((k, repr(v)) for k, v in c.params.items()))) for c in cells]
    assert len(set(keys)) == len(keys)
    figures = [c.params for c in cells if c.part == "training_figures"]
    assert {(p["law"], p["ambient"], p["n"], p["prior"]) for p in figures} == {
        ("figure3", 2, 5000, "-1"), ("figure3", 100, 5000, "-1"), ("figure11", 2, 50_000, "-1"), ("figure11", 200, 50_000, "-1")
    }  # fmt: skip
    if profile == "full":
        stated = [p for p in figures if p["recipe"] == "stated"]
        assert len(stated) == 4
        for p in stated:
            assert (p["architecture"], p["width"], p["steps"], p["batch"], p["lr"]) == ("mlp", 512, 50_000, 512, 1e-3)
            assert p["weight_decay"] == (0.05 if p["law"] == "figure11" else 0.01)
