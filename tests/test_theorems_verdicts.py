"""How the theorems are decided (sum, certificate, start, recipe, rate): tables by hand, and what flips each verdict."""

import math

import pandas
import pytest
from deciding import SMOKE, control, decided, ends

from analysis.theorems import attained, corners, marginal_law, pythagoras, recipe, start
from analysis.theorems.marginal_law import local_exponents

# -- L1: the sum ----------------------------------------------------------------------------------------------------


def _sums(shift=0.0, other=0.0165):
    rows = []
    for law, prior, kind, gap in (
        ("gaussian", "aligned", "blind", 0.0),
        ("sphere", "aligned", "perturbed", shift),
        ("sphere", "-3", "perturbed", 0.001),
        ("sphere", "-1.5", "perturbed", other),
        ("gaussian", "-1.5", "perturbed", 0.025),
    ):
        row = {"law": law, "prior": prior, "denoiser": kind, "difference": gap}
        half = 0.002 if kind == "perturbed" else 0.001
        rows.append(row | {"difference_low": gap - half, "difference_high": gap + half})
    return {"theorems_sum": pandas.DataFrame(rows)}


@pytest.mark.parametrize(
    ("shift", "outcome"), [(0.0, "holds"), (0.01, "inconclusive"), (0.0165, "violated"), (0.03, "violated")]
)
def test_pythagoras_holds_if_every_law_does_and_one_law_refutes_it(shift, outcome):
    measurement, found = decided(pythagoras, _sums(shift))
    assert found == outcome
    assert ends(measurement) == pytest.approx((shift - 0.002, shift, shift + 0.002))
    assert measurement.cell == "sphere, perturbed"
    assert control(measurement, "null") == pytest.approx((-0.001, 0.001))
    assert control(measurement, "power") == pytest.approx((0.0145, 0.0185))
    spread, rest = measurement.note.split("; ", 1)
    assert spread == f"2 cells, values 0 to {shift:.4g}"
    assert rest.startswith("2 laws; widest interval +-0.20 % of the total; cross/total: sphere sigma^-3 +0.1 %")


@pytest.mark.parametrize("other", [0.0, 0.05])
def test_pythagoras_is_open_where_another_prior_adds_up_too_or_is_far(other):
    assert decided(pythagoras, _sums(other=other))[1] == "inconclusive"
    assert pythagoras.decide(_sums(), SMOKE) == []


# -- L2b: the certificate -------------------------------------------------------------------------------------------


def _corners(over=0.9375):
    runs = {"law": "gaussian", "dim": 1, "ambient": 10**9, "steps": [4, 2048], "tv_bound": 0.5, "total": 0.5}
    runs |= {"tv_lower": [0.1, 0.3], "tv_lower_truth": 0.0, "exact_kl": math.nan}
    limit = [{"steps": n, "weight": w, "over": over if w == 1.0 else 0.9375 / w} for w in (1.0, 0.9) for n in (1, 16)]
    return {
        "theorems_certificate": pandas.DataFrame(runs),
        "theorems_sabotage": pandas.DataFrame({"total": [0.1], "tv_sabotaged": [0.9]}),
        "theorems_limit": pandas.DataFrame(limit).assign(over_closed=0.9375),
    }


def test_the_certificate_of_the_corners_is_decided_at_its_limit():
    measurement, found = decided(corners, _corners(), options=SMOKE)
    assert (found, measurement.claim, measurement.cell) == ("holds", "L2b", "point mass, N = 1")
    assert ends(measurement) == pytest.approx((0.9375, 0.9375, 0.9375))
    near, far = (c for c in measurement.controls if c.kind == "power")
    assert near.low == pytest.approx(0.9375 / 0.9) and far.low == pytest.approx(16.2)
    # 2 * .3^2 of .5
    assert "at the corners at most 0.36 of the certificate" in measurement.note


def test_a_ledger_a_tenth_too_small_refutes_it_and_so_does_one_run_above_its_certificate():
    assert decided(corners, _corners(0.9375 / 0.9))[1] == "violated"
    tables = _corners()
    tables["theorems_certificate"].loc[1, "tv_lower"] = 0.6
    measurement, found = decided(corners, tables)
    assert found == "violated" and measurement.cell == "gaussian, k = 1, d = 1e+09, N = 2048"
    blunt = _corners()
    blunt["theorems_limit"]["over"] = 0.9375
    assert decided(corners, blunt)[1] == "inconclusive"
    assert corners.decide({"theorems_certificate": tables["theorems_certificate"]}, SMOKE) == []


# -- L5: the certificate attained -----------------------------------------------------------------------------------


def _attained(right=1.0, wrong=1.0, closed=1.0):
    rows = [cell.params | row for cell in attained.cells(SMOKE) for row in attained.cell_attained(cell.params, 0)]
    table = pandas.DataFrame(rows)
    table["over"] *= table["weight"].map({1.0: right, 1.1: wrong})
    return {"theorems_attained": table.assign(closed=table["closed"] * closed)}


def test_the_certificate_is_attained_whatever_the_steps():
    measurement, outcome = decided(attained, _attained(), options=SMOKE)
    assert outcome == "holds" and measurement.span == "number"
    assert ends(measurement) == pytest.approx((1.0, 1.0, 1.0), rel=1e-9)
    assert control(measurement, "null") == pytest.approx((1.0, 1.0))
    # the ledger itself, its weights 10 % too large
    assert control(measurement, "power") == pytest.approx((1 / 1.1, 1 / 1.1))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"right": 1 / 1.1}, "violated"),
        ({"wrong": 1.1}, "inconclusive"),
        ({"wrong": 0.8}, "inconclusive"),
        ({"closed": 1.1}, "inconclusive"),
    ],
)
def test_the_attained_certificate_can_be_refuted_and_its_controls_flip(changes, outcome):
    """A sabotage that is far from the limit shows nothing."""
    assert decided(attained, _attained(**changes), options=SMOKE)[1] == outcome


# -- L3: the start --------------------------------------------------------------------------------------------------


def _starts(**changes):
    rows = []
    for law, sigma_0, ratio, exact in (
        ("gaussian", 1.0, 0.3, 0.3001),
        ("gaussian", 20.0, 0.001, 0.001),
        ("sphere", 1.0, 0.25, None),
        ("two_atoms", 0.125, 0.98, 0.9783),
    ):
        row = {"law": law, "start": sigma_0, "exact_ratio": exact}
        for name, value in (("ratio", ratio), ("narrow", 1.037 * ratio)):
            row |= {name: value, f"{name}_low": value - 0.007, f"{name}_high": value + 0.007}
        rows.append(row)
    return {"theorems_start": pandas.DataFrame(rows).assign(**changes)}


def test_the_start_is_held_against_its_bound_where_it_nearly_attains_it():
    measurement, outcome = decided(start, _starts())
    assert outcome == "holds"
    assert ends(measurement) == pytest.approx((0.973, 0.98, 0.987))
    assert measurement.cell == "two_atoms, sigma_0 = 0.125 s" and measurement.looser_by == pytest.approx(1 / 0.98)
    assert control(measurement, "null") == pytest.approx((0.9783, 0.9783))
    assert control(measurement, "power") == pytest.approx((1.037 * 0.98 - 0.007, 1.037 * 0.98 + 0.007))
    assert measurement.note == (
        "4 cells, values 0.001 to 0.98; without that cell at most 0.30; "
        "at sigma_0 = 20 s the bound is 1000 to 1000 times the term; Gaussian off its closed form by 3.3e-04"
    )
    assert start.decide(_starts(), SMOKE) == []


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"ratio": 1.016, "ratio_low": 1.009, "ratio_high": 1.023}, "violated"),  # the narrow start in its place
        ({"ratio_high": 1.1}, "inconclusive"),
        ({"narrow_low": 0.99}, "inconclusive"),
        ({"narrow": 1.2, "narrow_low": 1.19, "narrow_high": 1.21}, "inconclusive"),
    ],
)
def test_the_start_can_be_refuted_and_its_control_flips(changes, outcome):
    assert decided(start, _starts(**changes))[1] == outcome


# -- R4: the recipe -------------------------------------------------------------------------------------------------


def _recipes(run=0.1, one=1.4, truth=0.05):
    rows = []
    for law in ("cube", "unequal_cubes"):
        for k, eps in ((2, 0.4), (2, 0.2), (2, 0.1), (4, 0.2)):
            row = {"law": law, "dim": k, "eps": eps, "steps": 36, "k_cov_low": 20.0}
            for steps, value in (("recipe", run), ("one", {0.4: 0.2, 0.2: one, 0.1: 4.0}[eps])):
                value = value if law == "unequal_cubes" else value - 0.05
                own = row | {"steps_of": steps, "run": value, "run_low": value - 0.1, "run_high": value + 0.1}
                own |= {"truth": truth, "truth_low": truth - 0.1, "truth_high": truth + 0.1}
                rows += [own] if steps == "recipe" or k == 2 else []
    return {"theorems_recipe": pandas.DataFrame(rows)}


def test_the_recipe_is_decided_by_the_cell_that_is_farthest():
    measurement, outcome = decided(recipe, _recipes())
    assert outcome == "holds" and ends(measurement) == pytest.approx((0.0, 0.1, 0.2))
    assert measurement.cell.startswith("unequal_cubes, k = ") and measurement.looser_by == pytest.approx(10.0)
    assert control(measurement, "null") == pytest.approx((-0.05, 0.15))
    near, far = (c for c in measurement.controls if c.kind == "power")
    assert (near.low, near.high) == pytest.approx((1.3, 1.5)) and (far.low, far.high) == pytest.approx((3.85, 4.1))
    assert measurement.note.startswith("8 cells, values 0.05 to 0.1; cube k=2: 0.05 (N = 36, k_cov 20), ")
    assert measurement.note.endswith("one step at eps = .4: 0.15 to 0.20, which passes")
    assert recipe.decide(_recipes(), SMOKE) == []


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"run": 1.4}, "violated"),  # one step in place of the recipe
        ({"run": 0.95}, "inconclusive"),
        ({"truth": 1.1}, "inconclusive"),
        ({"one": 0.9}, "inconclusive"),
        ({"one": 3.0}, "inconclusive"),  # a sabotage that is far shows nothing
    ],
)
def test_the_recipe_can_be_refuted_and_its_controls_flip(changes, outcome):
    assert decided(recipe, _recipes(**changes))[1] == outcome


# -- R5: the law of a run -------------------------------------------------------------------------------------------


def test_local_exponents_of_a_power_law():
    table = pandas.DataFrame([{"law": "x", "dim": 1, "steps": n, "tv": 3.0 * n**-1.25} for n in (128, 16, 64, 32)])
    assert local_exponents(table, "tv")["exponent"].to_numpy() == pytest.approx([0.8, 0.8])


def test_local_exponents_take_the_last_pairs_of_each_law():
    """Steps ~ TV^-exponent between neighbours: 1/2, then 1, then 2."""
    tv = {16: 1.0, 32: 0.25, 64: 0.125, 128: 0.125 / math.sqrt(2)}
    table = pandas.DataFrame([{"law": "x", "dim": 3, "steps": n, "tv": v} for n, v in tv.items()])
    assert local_exponents(table, "tv")["exponent"].to_numpy() == pytest.approx([1.0, 2.0])
    assert local_exponents(table, "tv")["steps"].to_list() == [64, 128]
    assert local_exponents(table, "tv", last=3)["exponent"].to_numpy() == pytest.approx([0.5, 1.0, 2.0])


def _marginals(order=1.0, gaussian=1.0, wrong=0.87):
    rows = []
    for law, dim, rate in (
        ("gaussian", 2, gaussian),
        ("gaussian", 32, gaussian),
        ("cube", 1, 1.0),
        ("sphere", 2, order),
    ):
        for n in (16, 32, 64, 128):
            tv, h = dim**0.5 * n**-rate, 12.0 / n
            row = {"law": law, "dim": dim, "steps": n, "h": h, "tv": tv, "kl": dim * h**2 / 16, "scale": 1.0}
            rows.append(row | {"gaussian_tv_certified": n**-0.5})
    rows += [
        {"law": "cube", "dim": 1, "steps": n, "h": 1.0, "tv": n**-wrong, "kl": 1.0, "scale": 0.999} for n in (64, 128)
    ]
    return {"theorems_marginal": pandas.DataFrame(rows)}


@pytest.mark.parametrize(
    ("order", "outcome"),
    [(1.0, "holds"), (0.5, "violated"), (0.87, "violated"), (1 / 1.12, "violated"), (1 / 1.08, "holds")],
)
def test_the_law_of_a_run_must_follow_its_rate_for_every_law(order, outcome):
    measurement, found = decided(marginal_law, _marginals(order))
    assert found == outcome
    assert ends(measurement) == pytest.approx((1 / order, 1 / order, 1 / order)) and measurement.span == "number"
    assert measurement.cell.startswith("sphere, k = 2, N = ") or order == 1.0
    assert measurement.note.startswith(f"4 cells, values 1 to {1 / order:.4g}; ")
    assert control(measurement, "null") == pytest.approx((1.0, 1.0))
    assert control(measurement, "power") == pytest.approx((1 / 0.87, 1 / 0.87))
    assert measurement.note.endswith("the certificate alone follows k/eps^2: exponent 2.00")
    assert "gaussian steps ~ k^0.50/TV; sphere steps ~ k^nan/TV" in measurement.note
    assert "KL/(k h^2): gaussian k=2 0.0625, gaussian k=32 0.0625, cube k=1 0.0625" in measurement.note


@pytest.mark.parametrize("changes", [{"gaussian": 0.5}, {"wrong": 1.0}, {"wrong": 0.5}])
def test_the_rate_is_open_where_the_recursion_or_the_sabotage_does_not_show_theirs(changes):
    assert decided(marginal_law, _marginals(**changes))[1] == "inconclusive"
    assert marginal_law.decide(_marginals(), SMOKE) == []
