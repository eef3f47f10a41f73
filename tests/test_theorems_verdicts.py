"""How the theorems are decided (sum, certificate, start, recipe, rate): tables by hand, and what flips each verdict."""

import math

import pandas
import pytest
from deciding import SMOKE, control, decided, ends

from analysis.theorems import attained, corners, marginal_law, pythagoras, recipe, start
from analysis.theorems.marginal_law import local_exponents

# -- L1: the sum ----------------------------------------------------------------------------------------------------


def _sums(shift=0.0, other=0.04):
    rows = []
    for law, prior, kind, gap in (
        ("gaussian", "aligned", "blind", 0.0),
        ("sphere", "aligned", "perturbed", shift),
        ("sphere", "-3", "perturbed", 0.001),
        ("sphere", "-1", "perturbed", other),
    ):
        row = {"law": law, "prior": prior, "denoiser": kind, "difference": gap}
        half = 0.002 if kind == "perturbed" else 0.001
        rows.append(row | {"difference_low": gap - half, "difference_high": gap + half})
    rows.append(rows[-1] | {"law": "gaussian", "prior": "-0.5", "difference_low": other - 0.003})
    return {"theorems_sum": pandas.DataFrame(rows)}


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "holds"), (0.01, "inconclusive"), (0.03, "violated")])
def test_pythagoras_holds_if_every_law_does_and_one_law_refutes_it(shift, outcome):
    measurement, found = decided(pythagoras, _sums(shift))
    assert found == outcome
    assert ends(measurement) == pytest.approx((shift - 0.002, shift, shift + 0.002))
    assert measurement.cell == "sphere, perturbed"
    assert control(measurement, "null") == pytest.approx((-0.001, 0.001))
    assert control(measurement, "power") == pytest.approx((0.037, 0.042))
    spread, rest = measurement.note.split("; ", 1)
    assert spread == f"2 cells, values 0 to {shift:.4g}"
    assert rest.startswith("2 laws; widest interval +-0.20 % of the total; cross/total: sphere sigma^-3 +0.1 %")


def test_pythagoras_is_open_where_another_prior_adds_up_too():
    assert decided(pythagoras, _sums(other=0.0))[1] == "inconclusive"
    assert pythagoras.decide(_sums(), SMOKE) == []


# -- L2b: the certificate -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worst", "truth", "caught", "outcome"),
    [
        (-0.1, 0.0, 0.9, "holds"),
        (0.2, 0.0, 0.9, "violated"),
        (-0.1, 0.6, 0.9, "inconclusive"),
        (-0.1, 0.0, 0.05, "inconclusive"),
    ],
)
def test_one_run_above_its_certificate_refutes_it(worst, truth, caught, outcome):
    """A truth that seems far from itself, or an impostor that is not caught, leaves the claim open."""
    runs = {
        "tv_bound": 0.5,
        "tv_lower": [0.1, 0.5 + worst],
        "tv_lower_truth": truth,
        "exact_kl": math.nan,
        "total": 0.5,
    }
    sabotage = pandas.DataFrame({"tv_bound": [0.1], "tv_sabotaged": [caught]})
    tables = {"theorems_certificate": pandas.DataFrame(runs), "theorems_sabotage": sabotage}
    measurement, found = decided(corners, tables, options=SMOKE)
    assert (found, measurement.claim) == (outcome, "L2b")
    assert ends(measurement) == pytest.approx((worst, worst, worst))
    assert measurement.looser_by == pytest.approx(0.5 / max(0.1, 0.5 + worst))
    assert control(measurement, "null") == pytest.approx((truth - 0.5, truth - 0.5))
    assert control(measurement, "power") == pytest.approx((caught - 0.1, caught - 0.1))


# -- L5: the certificate attained -----------------------------------------------------------------------------------


def _attained(**changes):
    rows = [cell.params | row for cell in attained.cells(SMOKE) for row in attained.cell_attained(cell.params, 0)]
    return {"theorems_attained": pandas.DataFrame(rows).assign(**changes)}


def test_the_certificate_is_attained_whatever_the_steps():
    measurement, outcome = decided(attained, _attained(), options=SMOKE)
    assert outcome == "holds" and measurement.span == "number"
    assert ends(measurement) == pytest.approx((1.0, 1.0, 1.0), rel=1e-9)
    assert control(measurement, "null") == pytest.approx((1.0, 1.0))
    assert control(measurement, "power") == pytest.approx((1 / 1.1, 1 / 1.1))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"over": [1.0] * 5 + [0.9]}, "violated"),
        ({"over_misread": 0.95}, "inconclusive"),
        ({"over_misread": 0.8}, "inconclusive"),
        ({"over_closed": 0.9}, "inconclusive"),
    ],
)
def test_the_attained_certificate_can_be_refuted_and_its_controls_flip(changes, outcome):
    """A sabotage that is far from the limit, as at .8, shows nothing."""
    assert decided(attained, _attained(**changes), options=SMOKE)[1] == outcome


# -- L3: the start --------------------------------------------------------------------------------------------------


def _starts(**changes):
    rows = []
    for law, exact in (("gaussian", 0.3), ("sphere", None)):
        for sigma_0, ratio in ((1.0, 0.3), (20.0, 0.001)):
            row = {"law": law, "start": sigma_0, "ratio": ratio, "ratio_low": 0.9 * ratio, "ratio_high": 1.1 * ratio}
            exact_ratio = None if exact is None else ratio * 1.0001
            narrow = 0.5 if sigma_0 == 1.0 else 30.0 if law == "gaussian" else 40.0
            rows.append(row | {"narrow_ratio": narrow, "exact_ratio": exact_ratio})
    return {"theorems_start": pandas.DataFrame(rows).assign(**changes)}


def test_the_start_is_held_against_its_bound():
    measurement, outcome = decided(start, _starts(), options=SMOKE)
    assert ends(measurement) == pytest.approx((0.27, 0.3, 0.33))
    assert measurement.cell == "gaussian, sigma_0 = 1 s" and measurement.looser_by == pytest.approx(1 / 0.3)
    assert control(measurement, "null") == pytest.approx((0.0010001, 0.30003))
    assert control(measurement, "power") == pytest.approx((30.0, 40.0))  # at the largest sigma_0 alone
    assert outcome == "holds"
    assert measurement.note == (
        "4 cells, values 0.001 to 0.3; "
        "at sigma_0 = 20 s the bound is 1000 to 1000 times the term; Gaussian off its closed form by 1.0e-04"
    )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"ratio_low": 1.1, "ratio": 1.15, "ratio_high": 1.2}, "violated"),
        ({"ratio_high": 1.1}, "inconclusive"),
        ({"narrow_ratio": 0.5}, "inconclusive"),
    ],
)
def test_the_start_can_be_refuted_and_its_control_flips(changes, outcome):
    assert decided(start, _starts(**changes))[1] == outcome


# -- R4: the recipe -------------------------------------------------------------------------------------------------


def _recipes(**changes):
    rows = []
    for law, run in (("sphere", 0.5), ("cube", 0.7)):
        row = {"law": law, "factor": 20.0, "steps": 36, "sabotage": law == "sphere"}
        row |= {"run_over_eps": run, "run_low": 0.0, "run_high": run + 0.1}
        row |= {"truth_over_eps": 0.4, "truth_low": run / 10, "truth_high": 0.95 - run}
        pushed = {"pushed_over_eps": 3.0, "pushed_low": 2.5, "pushed_high": 3.5} if law == "sphere" else {}
        rows.append(row | pushed)
    rows.append(rows[0] | {"pushed_low": 2.0, "pushed_high": 3.0})
    return {"theorems_recipe": pandas.DataFrame(rows).assign(**changes)}


def test_the_recipe_is_decided_by_the_law_that_is_farthest():
    measurement, outcome = decided(recipe, _recipes())
    assert ends(measurement) == pytest.approx((0.0, 0.7, 0.8))
    assert measurement.cell == "cube" and measurement.looser_by == pytest.approx(1 / 0.7)
    assert control(measurement, "null") == pytest.approx((0.05, 0.45))
    assert control(measurement, "power") == pytest.approx((2.0, 3.5))
    assert outcome == "holds"
    spread = "3 cells, values 0.5 to 0.7"
    sphere, cube = (f"{law}: {run:.2f} (floor 0.40), N=36" for law, run in (("sphere", 0.5), ("cube", 0.7)))
    assert measurement.note == f"{spread}; h = 20 eps^2/k^2; {sphere}; {cube}; {sphere}"
    assert recipe.decide(_recipes(), SMOKE) == []


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"run_low": 1.2, "run_over_eps": 1.3, "run_high": 1.4}, "violated"),
        ({"run_high": 1.2}, "inconclusive"),
        ({"truth_high": 1.1}, "inconclusive"),
        ({"pushed_low": 0.9}, "inconclusive"),
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


def _marginals(order=1.0, gaussian=1.0, certified=0.5):
    rows = []
    for law, dim, rate in (
        ("gaussian", 2, gaussian),
        ("gaussian", 32, gaussian),
        ("cube", 1, 1.0),
        ("sphere", 2, order),
    ):
        for n in (16, 32, 64, 128):
            tv, h = dim**0.5 * n**-rate, 12.0 / n
            row = {"law": law, "dim": dim, "steps": n, "h": h, "tv": tv, "kl": dim * h**2 / 16}
            rows.append(row | {"gaussian_tv_certified": dim**0.5 * n**-certified})
    return {"theorems_marginal": pandas.DataFrame(rows)}


@pytest.mark.parametrize(
    ("order", "outcome"), [(1.0, "holds"), (0.5, "violated"), (1 / 1.12, "violated"), (1 / 1.08, "holds")]
)
def test_the_law_of_a_run_must_follow_its_rate_for_every_law(order, outcome):
    measurement, found = decided(marginal_law, _marginals(order))
    assert found == outcome
    assert ends(measurement) == pytest.approx((1 / order, 1 / order, 1 / order)) and measurement.span == "number"
    assert measurement.cell.startswith("sphere, k = 2, N = ") or order == 1.0
    assert measurement.note.startswith(f"4 cells, values 1 to {1 / order:.4g}; ")
    assert control(measurement, "null") == pytest.approx((1.0, 1.0))
    assert control(measurement, "power") == pytest.approx((2.0, 2.0))
    assert "gaussian steps ~ k^0.50/TV; sphere steps ~ k^nan/TV" in measurement.note
    assert "KL/(k h^2): gaussian k=2 0.0625, gaussian k=32 0.0625, cube k=1 0.0625" in measurement.note


def test_the_rate_is_open_where_the_recursion_or_the_certificate_does_not_show_theirs():
    assert decided(marginal_law, _marginals(gaussian=0.5))[1] == "inconclusive"
    assert decided(marginal_law, _marginals(certified=1.0))[1] == "inconclusive"
    assert marginal_law.decide(_marginals(), SMOKE) == []
