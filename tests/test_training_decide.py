"""Verdict quantities from tables that are made by hand, with the answer known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
from scipy import stats

from analysis.images.decide_images import differences, effective_dimensions
from analysis.runs.claims import judge
from analysis.training import EXPERIMENT, PARTS, plan
from analysis.training.decide import decide
from analysis.training.decide_recipes import RECIPE_CLAIMS, decide_recipes
from analysis.training.figures import paper_fig4, paper_fig12
from analysis.training.intervals import largest

OPTIONS = SimpleNamespace(profile="paper", part=PARTS, figure=("3", "11"), replicates=4, device="cpu", seed=0)
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
                rows += [
                    row("gap_null", 0.01, 0.001, **shared),
                    row("gap_power", 3.0 if level < 1 else 0.001, 0.1, **shared),
                ]
                rows += [
                    row("variance_shift_null", 0.001, 0.0001, **shared),
                    row("variance_shift_power", 0.1 / level, 0.001, **shared),
                ]
    return rows


def test_largest_is_simultaneous():
    assert largest([1.0, 3.0, 2.0], [0.1, 0.2, 1.0]) == pytest.approx((3.0, 3.0 - 0.2 * Z3, 2.0 + Z3))
    assert largest([1.0, -3.0], [0.0, 0.0], absolute=True) == (3.0, 3.0, 3.0)


def test_largest_covers_the_largest_mean():
    """Of 20 equal means: the interval's upper end lies above the common mean in at least 95 % of 400 repetitions."""
    draws = np.random.default_rng(0).normal(size=(400, 20))
    covered = sum(largest(d, np.ones(20))[1] <= 0.0 <= largest(d, np.ones(20))[2] for d in draws)
    assert stats.binomtest(covered, 400, 0.95, alternative="less").pvalue > 0.01


@pytest.mark.parametrize(
    ("gap", "excess", "outcome"),
    [
        (0.02, 0.01, "holds"),
        (0.01, 0.02, "holds"),
        (0.04, 0.01, "violated"),
        (0.01, 0.04, "violated"),
        (0.024, 0.01, "inconclusive"),
    ],
)
def test_excess_takes_each_network_against_its_own_optimum(gap, excess, outcome):
    found, verdict = verdicts({"training_nets": nets(gap, excess)})
    assert found["T2"].measured == max(gap, excess)
    assert verdict == {"T2": outcome, "T2b": "holds"}


def figures(wide: float, filled: float, error_wide: float = 0.1, error_filled: float = 0.5) -> list[dict]:
    rows = []
    for ambient, drift, error in ((100, wide, error_wide), (2, filled, error_filled)):
        for reading in ("as stated", "as plotted"):
            for name in ("trained", "exact"):
                shared = {
                    "law": "figure3",
                    "dim": 2,
                    "ambient": ambient,
                    "recipe": "short",
                    "series": f"{name} {reading}",
                }
                size = drift if name == "trained" else (0.01 if ambient == 100 else 1.0)
                rows += [row("log_ratio", -size * i, 0.001, level=10.0**-i, **shared) for i in (0, 1)]
                rows.append(
                    row("sample_error", error if name == "trained" else 0.1 if ambient == 100 else 0.5, 0.001, **shared)
                )
    return rows


@pytest.mark.parametrize(
    ("drifts", "expected"),
    [
        ((0.05, 1.0), {"T1": "holds", "T1b": "holds", "T1c": "holds"}),
        ((0.2, 1.0), {"T1": "violated", "T1b": "holds", "T1c": "holds"}),
        (
            (0.05, 0.07),
            {"T1": "inconclusive", "T1b": "inconclusive", "T1c": "holds"},
        ),  # the sabotage d = 2 did not show
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
                rows += [
                    row(f"ledger_{t}", v * size, series=name, **shared)
                    for t, v in (("blind", 0.3), ("learning", 0.6), ("cross", 0.1), ("init", 5.0))
                ]
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
            rows += [
                row("position", v, 0.01 * (series != "power"), level=level, series=series, n=n)
                for series, v in known.items()
            ]
    return rows


@pytest.mark.parametrize(
    ("few", "many", "outcome"), [(0.5, 0.02, "holds"), (0.5, 0.3, "violated"), (0.02, 0.02, "inconclusive")]
)
def test_memory_compares_the_largest_n_with_the_smallest(few, many, outcome):
    found, verdict = verdicts({"training_memory": memory(few, many)})
    assert found["T4"].measured == many and verdict == {"T4": outcome}


LEVELS = (0.1, 1.0, 3.0)


def images(
    blind: dict[float, float], told: float = 0.3, k_eff: dict[float, float] | None = None, se: float = 0.001
) -> list[dict]:
    """Cells of the field and of blobs, d = 100: the conditional network is 5 % above the optimum, the blind one as given."""
    k_eff = k_eff or {0.1: 50.0, 1.0: 11.0, 3.0: 2.0}
    rows = []
    for law in ("field", "blobs"):
        shared = {"law": law, "ambient": 100, "blind": None, "task": "exact"}
        rows += [row("bayes", k_eff[s] * s * s, se, level=s, **shared) for s in LEVELS] + [
            row("price", 0.002, 0.0, level=s, **shared) for s in LEVELS
        ]
        for kind in (True, False):
            own = {**shared, "task": "denoise", "blind": kind}
            rows += [row("excess", blind[s] if kind else 0.05, se, level=s, **own) for s in LEVELS]
            rows += [row("excess", told, se, level=s, series="told", **own) for s in LEVELS[:2] if not kind]
    return rows


def levels_of_estimator(inside: float, beyond: float, off: float = 0.2) -> list[dict]:
    rows, shared = [], {"law": "blobs", "ambient": 100, "blind": True, "task": "level", "high": 3.0}
    for s in (0.1, 1.0, 3.0, 10.0):
        known = {
            "trained": inside if s <= 3.0 else beyond,
            "exact": 0.05,
            "off": off,
            **({"prior as trained": 1.2} if s > 3.0 else {}),
        }
        rows += [row("log_rms", v, 0.001, level=s, series=name, **shared) for name, v in known.items()]
        rows += [
            row("log_bias", 0.0, level=s, series="trained", **shared),
            row("log_spread", 0.05, level=s, series="trained", **shared),
        ]
        rows.append(row("posterior_sd", 0.05, level=s, series="exact", **shared))
    return rows


def test_psnr_differences_are_those_of_the_mean_squared_errors():
    """10 log10(d/mse) of both by itself, with mse = mmse (1 + excess); interval by the delta method against a finite difference."""
    mmse, first, second = 3.0, 0.2, 0.1
    frames = [pandas.DataFrame({"value": [e], "se": [0.01]}, index=[1.0]) for e in (first, second)]
    found = differences(*frames)
    psnr = [10 * math.log10(256 / (mmse * (1 + e))) for e in (first, second)]
    assert found.value.iloc[0] == pytest.approx(psnr[1] - psnr[0])
    slope = [(10 * math.log10(1 + e + 1e-6) - 10 * math.log10(1 + e)) / 1e-6 for e in (first, second)]
    assert found.se.iloc[0] == pytest.approx(math.hypot(*slope) * 0.01, rel=1e-5)
    assert differences(frames[0]).value.iloc[0] == pytest.approx(10 * math.log10(1.2))


def test_effective_dimensions_are_risks_over_the_noise_variance():
    found = effective_dimensions(pandas.DataFrame(images({0.1: 0.1, 1.0: 0.2, 3.0: 0.0})), "field")
    assert found.k_eff.tolist() == pytest.approx([50.0, 11.0, 2.0])
    assert found["k_eff^2/d"].tolist() == pytest.approx([25.0, 1.21, 0.04])
    assert found["blind network"].tolist() == pytest.approx([55.0, 13.2, 2.0])
    assert found["conditional network"].tolist() == pytest.approx([52.5, 11.55, 2.1])


@pytest.mark.parametrize(
    ("blind", "told", "expected"),
    [
        ({0.1: 0.06, 1.0: 0.03, 3.0: 0.05}, 0.3, {"I2": "holds", "I4": "holds"}),
        ({0.1: 0.05, 1.0: 0.05, 3.0: 0.3}, 0.3, {"I2": "violated", "I4": "holds"}),  # the premise holds at sigma = 3
        ({0.1: 0.05, 1.0: 0.3, 3.0: 0.05}, 0.3, {"I2": "violated", "I4": "violated"}),
        (
            {0.1: 0.05, 1.0: 0.05, 3.0: 0.05},
            0.06,
            {"I2": "inconclusive", "I4": "inconclusive"},
        ),  # a wrong level would not be seen
        (
            {0.1: 0.05, 1.0: 1.05 * 10**0.03 - 1.0, 3.0: 0.05},
            0.3,
            {"I2": "inconclusive", "I4": "inconclusive"},
        ),  # on the limit
    ],
)
def test_equality_in_psnr_is_decided_at_every_level_or_where_the_premise_fails(blind, told, expected):
    found, verdict = verdicts({"training_images": images(blind, told)})
    assert verdict == expected
    gap = {s: abs(10 * math.log10((1 + blind[s]) / 1.05)) for s in LEVELS}
    assert found["I2"].measured == pytest.approx(max(gap.values()), abs=1e-12)
    assert found["I4"].measured == pytest.approx(max(gap[0.1], gap[1.0]), abs=1e-12)


def runs_of_images(consistent: float, euler: float) -> list[dict]:
    """Ten blocks, whose errors rise together; a blind network's are `consistent` or `euler` larger, give or take .001."""
    rows = []
    for task, gaps in (("exact", (0.0, 0.0, -0.03)), ("denoise", (consistent, 0.0, euler))):
        for run, gap in zip(("exponential_euler 4", "exponential_euler 16", "euler 4"), gaps):
            for block in range(10):
                wobble = 0.001 * (-1) ** block
                for name, value in (("blind", 0.1 * block + gap + wobble), ("conditional", 0.1 * block)):
                    rows.append(
                        row(
                            "run_error",
                            value,
                            level=block,
                            series=f"{name} {run}",
                            law="blobs",
                            task=task,
                            blind=name == "blind",
                            ambient=100,
                        )
                    )
    return rows


@pytest.mark.parametrize(
    ("consistent", "euler", "outcome"),
    [
        (-0.002, -0.03, "holds"),
        (0.03, -0.03, "violated"),
        (-0.03, -0.03, "violated"),
        (0.0, -0.014, "inconclusive"),
        (0.0145, -0.03, "inconclusive"),
    ],
)
def test_samples_are_compared_block_by_block(consistent, euler, outcome):
    """The common rise of the blocks' errors (.3 in standard deviation) does not widen the interval."""
    found, verdict = verdicts(
        {"training_images": [*images(dict.fromkeys(LEVELS, 0.05)), *runs_of_images(consistent, euler)]}
    )
    size = abs(consistent)
    assert verdict["I3"] == outcome and found["I3"].measured == pytest.approx(size, abs=1e-12)
    half = stats.t.ppf(1 - 0.025 / 2, 9) * 0.001 * math.sqrt(10 / 9) / math.sqrt(10)
    assert (found["I3"].low, found["I3"].high) == pytest.approx((size - half, size + half))


@pytest.mark.parametrize(
    ("inside", "beyond", "off", "expected"),
    [
        (0.06, 0.06, 0.2, {"I1b": "holds", "I1c": "holds"}),
        (0.06, 0.2, 0.2, {"I1b": "holds", "I1c": "violated"}),
        (0.2, 0.06, 0.2, {"I1b": "violated", "I1c": "holds"}),
        (0.06, 0.06, 0.08, {"I1b": "inconclusive", "I1c": "holds"}),
    ],
)
def test_estimators_are_decided_inside_and_beyond_their_range(inside, beyond, off, expected):
    found, verdict = verdicts({"training_images": levels_of_estimator(inside, beyond, off)})
    assert verdict == expected and (found["I1b"].measured, found["I1c"].measured) == (inside, beyond)


def test_figure_4_draws_psnr_and_marks_where_the_premise_fails():
    """PSNR out of the optima is 10 log10(d/mmse) with mmse = k_eff sigma^2; the grey area covers k_eff^2 > d, sigma = .1 and 1."""
    figure = paper_fig4.draw(
        {"training_images": pandas.DataFrame(images({0.1: 0.06, 1.0: 0.03, 3.0: 0.05})).assign(dim=60)}
    )
    above, below = figure.axes[1], figure.axes[3]  # the field; blobs come first
    optimum = next(line for line in above.lines if line.get_label().startswith("exact"))
    expected = {-20 * math.log10(s): 10 * math.log10(100 / (k * s * s)) for s, k in zip(LEVELS, (50.0, 11.0, 2.0))}
    assert dict(zip(optimum.get_xdata(), optimum.get_ydata())) == pytest.approx(expected)
    grey = above.patches[0].get_extents().transformed(above.transData.inverted())
    assert grey.x0 < 0.0 < 20.0 < grey.x1 and grey.x0 > -20 * math.log10(3.0)
    trained = next(c for c in below.containers if c.get_label().startswith("trained: blind")).lines[0]
    assert trained.get_ydata().tolist() == pytest.approx(
        [10 * math.log10(1.05 / (1 + e)) for e in (0.06, 0.03, 0.05)], abs=1e-12
    )
    assert paper_fig4.draw({}) is None and paper_fig4.draw({"training_images": pandas.DataFrame()}) is None


def test_figure_12_draws_the_estimates_where_they_are():
    table = pandas.DataFrame(levels_of_estimator(0.06, 0.2)).assign(low=0.1, top=10.0)
    table.loc[table.measure == "log_bias", "value"] = 0.1
    core = pandas.DataFrame([row("core_dim", 50.0, ambient=100, task="level", low=0.1, high=3.0, top=10.0)])
    beyond = table[(table.level == 10.0) & table.measure.isin(["log_bias", "log_spread"])].assign(
        series="prior as trained"
    )
    figure = paper_fig12.draw({"training_images": pandas.concat([table, core, beyond])})
    drawn = next(c for c in figure.axes[0].containers if c.get_label().startswith("network")).lines[0]
    assert drawn.get_ydata().tolist() == pytest.approx([s * math.exp(0.1) for s in (0.1, 1.0, 3.0, 10.0)])
    theory = next(line for line in figure.axes[1].lines if "d-m" in line.get_label())
    assert theory.get_ydata()[0] == pytest.approx(0.1)  # 1/sqrt(2 (100 - 50))


def test_a_smoke_run_leaves_the_trained_claims_open():
    smoke = SimpleNamespace(**{**vars(OPTIONS), "profile": "smoke"})
    found, _ = verdicts(
        {
            "training_nets": nets(0.5, 0.5),
            "training_figures": figures(1, 1),
            "training_priors": priors({"-1": 1.0, "-0.5": 1.0}),
        },
        smoke,
    )
    assert sorted(found) == ["L4", "L4b"]


@pytest.mark.parametrize("profile", ["smoke", "paper", "full"])
def test_every_cell_is_distinct_and_the_figures_are_the_paper_s(profile):
    cells = plan(SimpleNamespace(**{**vars(OPTIONS), "profile": profile}))
    keys = [(c.part, tuple(sorted((k, repr(v)) for k, v in c.params.items()))) for c in cells]
    assert len(set(keys)) == len(keys)
    figures = [c.params for c in cells if c.part == "training_figures"]
    many = 5000 if profile == "smoke" else 50_000
    assert {(p["law"], p["ambient"], p["n"], p["prior"]) for p in figures} == {
        ("figure3", 2, 5000, "-1"), ("figure3", 100, 5000, "-1"), ("figure11", 2, many, "-1"), ("figure11", 200, many, "-1")
    }  # fmt: skip
    if profile == "full":
        stated = [p for p in figures if p["recipe"] == "stated"]
        assert len(stated) == 4
        for p in stated:
            assert (p["architecture"], p["width"], p["steps"], p["batch"], p["lr"]) == ("mlp", 512, 50_000, 512, 1e-3)
            assert p["weight_decay"] == (0.05 if p["law"] == "figure11" else 0.01)


@pytest.mark.parametrize(
    "short, stated, outcome",
    [(0.1, 0.3, "holds"), (0.3, 0.1, "violated"), (0.2, 0.2, "holds"), (0.22, 0.2, "inconclusive")],
)
def test_a_shorter_recipe_is_as_good_only_if_its_excess_is_no_larger(short, stated, outcome):
    rows = [
        {
            "law": law,
            "dim": 2,
            "ambient": d,
            "recipe": recipe,
            "measure": measure,
            "level": level,
            "value": factor * size * level,
            "se": 1e-3 * size,
        }
        for law, d, measure, factor in (
            ("figure3", 100, "gap", 1),
            ("figure11", 200, "gap", 1),
            ("figure3", 2, "gap", 5),
            ("figure3", 2, "excess", 50),
            ("figure3", 100, "price", 0.01),
        )
        for recipe, size in (("short", short), ("stated", stated))
        for level in (0.5, 1.0)
    ]
    (measured,) = decide_recipes(pandas.DataFrame(rows))
    assert measured.measured == pytest.approx(math.log(short / stated))
    assert judge(RECIPE_CLAIMS[0], measured).outcome == outcome
    null = next(c for c in measured.controls if c.kind == "null")
    assert null.low < math.log(0.01 * short / stated) < null.high
    # an optimum that measures worse than the networks says that the measurement is wrong
    worse = [{**r, "value": 1e3 * r["value"]} if r["measure"] == "price" else r for r in rows]
    assert judge(RECIPE_CLAIMS[0], decide_recipes(pandas.DataFrame(worse))[0]).outcome == "inconclusive"
    assert decide_recipes(pandas.DataFrame([r for r in rows if r["recipe"] == "short"])) == []


def test_a_figure_is_trained_for_alone_and_the_full_profile_adds_the_stated_recipe():
    chosen = SimpleNamespace(**{**vars(OPTIONS), "profile": "full", "part": ("figures",), "figure": ("3",)})
    cells = [cell.params for cell in plan(chosen)]
    assert {(c["law"], c["ambient"], c["recipe"]) for c in cells} == {
        ("figure3", d, r) for d in (2, 100) for r in ("short", "stated")
    }
    stated = next(c for c in cells if c["recipe"] == "stated")
    assert (stated["architecture"], stated["width"], stated["steps"], stated["batch"], stated["lr"], stated["n"]) == (
        "mlp",
        512,
        50_000,
        512,
        1e-3,
        5000,
    )
    assert (stated["low"], stated["high"], stated["prior"]) == (0.01, 10.0, "-1")
