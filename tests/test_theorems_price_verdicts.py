"""How the price of blindness is decided (bound, information, growth): tables by hand, and what flips each verdict."""

import math

import numpy as np
import pandas
import pytest
from deciding import PAPER, SMOKE, control, decided, ends
from scipy import stats

from analysis.theorems import premise, price_bound, price_growth, price_path
from analysis.theorems.price_fits import fits

# -- B1 and B5: the price beside its bound and its information ------------------------------------------------------


def _price(**changes):
    """Two laws: C = 1.3e-3 and 2.5e-3 at d = 1e3, J/(2d) to 1 % at 1e5; misread levels add what they are said to."""
    rows = []
    for law, d, price in (("gaussian", 10**3, 1.3e-3), ("gaussian", 10**5, 1.3e-5), ("gaussian", 10**9, 1.3e-9),
                          ("two_atoms", 10**3, 2.5e-3), ("two_atoms", 10**5, 2.5e-5)):  # fmt: skip
        row = {"law": law, "ambient": d, "end": 0.05, "sigma_T": 0.1, "sigma_0": 40.0, "dim": 4, "J": 2 * d * price}
        row |= {"bound": 1000.0 / d, "bound_cov": None if law == "gaussian" else 5000.0 / d, "core_dim": 0}
        row |= {"k_cov_low": math.inf if law == "gaussian" else 60.0, "k_cov_high": 70.0}
        added = 1.2 if (law, d) == ("two_atoms", 10**3) else 1.05
        over = 1.002 if law == "two_atoms" else 1.0
        for name, factor in (("price", 1.0), ("efficient", 1.0), ("misread", added)):
            for end, shift in (("", 0.0), ("_low", -0.01), ("_high", 0.01)):
                row |= {f"{name}{end}": price * (factor + shift), f"{name}_over{end}": over * factor + shift}
        rows.append(row)
    return pandas.DataFrame(rows).assign(**changes)


LOOSE = pandas.DataFrame({"quantity": ["bound of Thm 3.6 over price, against 1/sigma_T"] * 2, "exponent": [1.8, 2.0]})


def test_the_bound_is_held_against_the_largest_price():
    measurement, outcome = decided(price_bound, {"theorems_price": _price(), "theorems_fits": LOOSE}, "B1")
    assert outcome == "holds" and ends(measurement) == pytest.approx((0.99 * 2.5e-3, 2.5e-3, 1.01 * 2.5e-3))
    assert measurement.cell == "two_atoms, d = 1e+03, sigma_T = s 0.05"
    assert measurement.looser_by == pytest.approx(1 / 2.5e-3)
    assert control(measurement, "null") == pytest.approx((0.99 * 2.5e-3, 1.01 * 2.5e-3))
    assert control(measurement, "power") == pytest.approx((1.19 * 2.5e-3, 1.21 * 2.5e-3))
    spread, rest = measurement.note.split("; ", 1)
    assert spread == "5 cells, values 0.0013 to 0.0025"
    assert rest == (
        "smallest C 1.3e-03; with k_cov = 1 + log N(r_0), its lower bound, C is 5.0e-04 to 5.0e-04 where the support "
        "is bounded; bound/price grows as sigma_T^-[1.80, 2.00]"
    )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"price": 3e-3, "price_low": 2.95e-3, "price_high": 3.05e-3}, "violated"),
        ({"price_high": 3e-3}, "inconclusive"),
        ({"misread": 2.5e-3, "misread_low": 2.4e-3, "misread_high": 2.6e-3}, "inconclusive"),
        ({"misread": 0.1, "misread_low": 0.09, "misread_high": 0.11}, "inconclusive"),
    ],
)
def test_one_law_above_the_bound_refutes_it_and_its_controls_flip(changes, outcome):
    """Among the rows that decide: those of d = 1e3. What the misread levels cost refutes; a far sabotage does not."""
    table = _price()
    table.loc[3, list(changes)] = list(changes.values())
    assert decided(price_bound, {"theorems_price": table, "theorems_fits": LOOSE}, "B1")[1] == outcome


def test_a_negative_price_counts_as_none():
    table = _price()
    table.loc[0, "price_low"] = -0.5
    assert decided(price_bound, {"theorems_price": table, "theorems_fits": LOOSE}, "B1")[1] == "holds"


def test_the_information_form_is_read_at_the_large_d_alone():
    measurement, outcome = decided(price_bound, {"theorems_price": _price(), "theorems_fits": LOOSE}, "B5")
    assert outcome == "holds" and ends(measurement) == pytest.approx((0.992, 1.002, 1.012))
    assert measurement.cell == "two_atoms"
    assert control(measurement, "null") == pytest.approx((0.992, 1.012))
    assert control(measurement, "power") == pytest.approx((1.002 * 1.05 - 0.01, 1.002 * 1.05 + 0.01))
    assert measurement.note.startswith(
        "2 cells, values 1 to 1.002; 2 laws; at d = 1e3 between 1.000 and 1.002; J: gaussian 2.6, two_atoms 5"
    )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"price_over": 1.05, "price_over_low": 1.04, "price_over_high": 1.06}, "violated"),
        ({"price_over_high": 1.04}, "inconclusive"),
        ({"misread_over_low": 1.01}, "inconclusive"),
        ({"misread_over": 1.5, "misread_over_low": 1.49, "misread_over_high": 1.51}, "inconclusive"),
        ({"efficient_over_high": 1.04}, "inconclusive"),
    ],
)
def test_the_information_form_can_be_refuted_and_its_controls_flip(changes, outcome):
    tables = {"theorems_price": _price(**changes), "theorems_fits": LOOSE}
    assert decided(price_bound, tables, "B5")[1] == outcome


def test_a_smoke_run_decides_neither():
    assert price_bound.decide({"theorems_price": _price(), "theorems_fits": LOOSE}, SMOKE) == []


# -- P5: the premise ------------------------------------------------------------------------------------------------


def _premise(**changes):
    """At d = 1e3 k_cov^2/d is 3.6 or more for the atoms; at 1e5, .036: the premise holds there."""
    found = [
        {"law": "two_atoms", "ambient": d, "premise_low": 3600 / d, "premise_high": 4900 / d} for d in (10**3, 10**6)
    ]
    return {"theorems_price": _price(**changes), "theorems_premise": pandas.DataFrame(found).assign(law="two_atoms")}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"misread_over": 1.05, "misread_over_low": 1.04, "misread_over_high": 1.06}, "holds"),
        ({"price_over": [1.0] * 3 + [1.05, 1.0], "price_over_low": [0.99] * 3 + [1.04, 0.99],
          "price_over_high": [1.01] * 3 + [1.06, 1.01], "misread_over": 1.05, "misread_over_low": 1.04,
          "misread_over_high": 1.06}, "violated"),
        ({"misread_over": 1.0, "misread_over_low": 0.99, "misread_over_high": 1.01}, "inconclusive"),
    ],
)  # fmt: skip
def test_the_conclusion_where_the_premise_fails_can_be_refuted(changes, outcome):
    measurement, found = decided(premise, _premise(**changes), "P5")
    assert found == outcome
    assert measurement.cell == "two_atoms, sigma_T = s 0.05, k_cov^2/d >= 3.6"
    assert measurement.note.endswith("k_cov^2/d at d = 1e3, 1e6, 1e9: two_atoms 3.6-4.9, 0.0036-0.0049")


def test_premise_cells_hold_both_bounds_and_none_where_the_support_is_unbounded():
    """Two atoms: one ball of radius r_0 each, k_cov = 1 + log 2."""
    row = premise.cell_premise({"law": "two_atoms", "ambient": 1000, "end": 0.05}, 0)[0]
    assert row["k_cov_low"] == row["k_cov_high"] == pytest.approx(1 + math.log(2))
    assert row["premise_low"] == pytest.approx((1 + math.log(2)) ** 2 / 1000)
    assert premise.cell_premise({"law": "gaussian", "ambient": 1000, "end": 0.05}, 0)[0]["premise_low"] is None


# -- B4 and B6: how the price grows ---------------------------------------------------------------------------------


def _prices(exponent, wrong=0.5):
    rows = []
    for law in ("gaussian", "sphere"):
        for end in (0.2, 0.1, 0.05, 0.02, 0.01):
            row = {"law": law, "ambient": 1000, "end": end, "dim": 4, "sigma_T": end, "sigma_0": 20.0}
            own = exponent if law == "sphere" else 0.0
            for name, rate in (("price", own), ("J", 0.3 if law == "sphere" else 0.0), ("growing", wrong)):
                value = 0.002 * end**-rate
                row |= {name: value, f"{name}_low": 0.99 * value, f"{name}_high": 1.01 * value}
            rows.append(row | {"bound": 10 * end**-2.0})
    return pandas.DataFrame(rows)


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_growth_of_the_price_is_read_from_the_table(exponent):
    found = fits({"theorems_price": _prices(exponent)})
    sphere = found[(found["law"] == "sphere") & (found["quantity"] == "price against 1/sigma_T")].iloc[0]
    assert sphere["low"] <= exponent <= sphere["high"]
    assert sphere["exponent"] == pytest.approx(exponent, abs=1e-9)
    wrong = found[found["quantity"] == "price of levels read worse as sigma_T falls (power)"]
    assert wrong["exponent"].to_numpy() == pytest.approx([0.5, 0.5])


def test_every_fit_of_the_growth_is_the_weighted_or_plain_regression():
    """Errors that differ: the slope is numpy's weighted least squares, its interval 1.96 of the weights' own error."""
    table = _prices(0.3)
    noise = np.random.default_rng(5).normal(size=10) * 0.01
    table["price"] *= 1 + noise
    table["price_low"], table["price_high"] = table["price"] * (1 - 0.0196), table["price"] * (1 + 0.0196)
    rows = fits({"theorems_price": table})
    assert list(rows["quantity"].value_counts()) == [2, 2, 2, 2]
    row = rows[(rows["law"] == "sphere") & (rows["quantity"] == "price against 1/sigma_T")].iloc[0]
    own = table[table["law"] == "sphere"]
    x, y = np.log(1 / own["sigma_T"].to_numpy()), np.log(own["price"].to_numpy())
    assert row["exponent"] == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-9)
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    widened = max(1.0, residual @ residual / 0.01**2 / 3)
    half = stats.norm.ppf(0.975) * 0.01 * math.sqrt(widened / ((x - x.mean()) ** 2).sum())
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=1e-6)
    assert (row["held"], row["points"]) == ("d=1000", 5)
    plain = rows[
        (rows["law"] == "gaussian") & (rows["quantity"] == "bound of Thm 3.6 over price, against 1/sigma_T")
    ].iloc[0]
    other = table[table["law"] == "gaussian"]
    found = stats.linregress(np.log(1 / other["sigma_T"]), np.log(other["bound"] / other["price"]))
    assert plain["exponent"] == pytest.approx(found.slope)
    assert plain["high"] - plain["exponent"] == pytest.approx(stats.t.ppf(0.975, 3) * found.stderr, rel=1e-6)


@pytest.mark.parametrize(
    ("exponent", "wrong", "outcome"),
    [
        (0.3, 0.5, "holds"),
        (0.5, 0.5, "violated"),  # the sabotage in its place
        (2.0, 0.5, "violated"),
        (0.43, 0.5, "inconclusive"),
        (0.3, 0.1, "inconclusive"),
        (0.3, 2.0, "inconclusive"),  # far from the limit
    ],
)
def test_the_price_may_grow_like_a_logarithm_at_most(exponent, wrong, outcome):
    tables = {"theorems_price": _prices(exponent, wrong)}
    measurement, found = decided(price_growth, tables | dict(price_growth.derive(tables, PAPER)), "B4")
    assert found == outcome and measurement.cell == ("sphere" if exponent >= 0.3 else "gaussian")
    assert measurement.measured == pytest.approx(exponent)
    low, high = control(measurement, "null")
    assert low < 0.3 < high
    added = 100 * (10**exponent - 1)
    assert measurement.note.endswith(f"per decade from s/10 to s/100: gaussian +0 %, sphere {added:+.0f} %")


def test_what_a_decade_adds_is_read_at_the_smallest_d():
    table = _prices(0.3)
    table = pandas.concat([table.assign(ambient=10**5, price=1.0), table], ignore_index=True)
    tables = {"theorems_price": table}
    tables |= dict(price_growth.derive(tables, PAPER))
    assert decided(price_growth, tables, "B4")[0].note.endswith("s/100: gaussian +0 %, sphere +100 %")
    assert price_growth.decide(tables, SMOKE) == []


def _path(smooth=0.0, wrong=0.13, codes=1.4, wrong_codes=1.66):
    """Smooth laws: the Gaussian's form times d^smooth; codes: k^codes over 2 (d - 8 k)."""
    rows = []
    for law in ("gaussian", "sphere"):
        for power in (0.3, 0.7):
            for d in (64, 256, 1024):
                form = 0.2 * d ** (power - 1)
                row = {"law": law, "power": power, "ambient": d, "dim": 4, "normal": d, "gaussian_form": form}
                for name, rate in (("price", smooth if law == "sphere" else 0.0), ("misread", wrong), ("J", 0.0)):
                    value = form * d**rate
                    row |= {name: value, f"{name}_low": 0.999 * value, f"{name}_high": 1.001 * value}
                rows.append(row | {"k_cov_low": 0.5 * d})
    for power in (0.5, 0.7):
        for k in (2, 4, 8):
            d = round(16 * k ** (1 / power))
            row = {"law": "random_code", "power": power, "ambient": d, "dim": k, "normal": d - 8 * k}
            for name, rate, over in (("price", codes, row["normal"]), ("misread", wrong_codes, row["normal"]),
                                     ("J", 1.4, 0.5)):  # fmt: skip
                value = k**rate / (2 * over)
                row |= {name: value, f"{name}_low": 0.99 * value, f"{name}_high": 1.01 * value}
            rows.append(row | {"gaussian_form": 1.0, "k_cov_low": 1.0 + k})
    worst = [{"law": "two_scale", "power": 0.7, "ambient": d, "price": d**0.4, "price_low": 0.99 * d**0.4,
              "price_high": 1.01 * d**0.4} for d in (10**3, 10**4, 10**5)]  # fmt: skip
    table = pandas.DataFrame([*rows, *worst])
    return {"theorems_path": table, "theorems_fits": fits({"theorems_path": table})}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "holds"),
        ({"smooth": 0.13}, "violated"),  # the sabotage in its place
        ({"smooth": -0.2}, "violated"),
        ({"smooth": 0.1}, "inconclusive"),
        ({"wrong": 0.0}, "inconclusive"),
        ({"wrong": 0.5}, "inconclusive"),
    ],
)
def test_the_price_along_the_path_must_be_the_gaussians(changes, outcome):
    measurement, found = decided(price_path, _path(**changes), "B6")
    assert found == outcome and measurement.cell.startswith("sphere, p=0.")
    assert measurement.measured == pytest.approx(changes.get("smooth", 0.0), abs=1e-9)
    assert control(measurement, "null")[0] < 0 < control(measurement, "null")[1]
    assert "gaussian p=0.3 -0.70, " in measurement.note and "worst case: two_scale p=0.7 +0.40" in measurement.note
    assert "sphere p=0.3 0.5 to 0.5" in measurement.note  # k_cov/d


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "holds"),
        ({"codes": 1.66}, "violated"),
        ({"codes": 2.0}, "violated"),
        ({"codes": 1.0}, "violated"),
        ({"wrong_codes": 1.4}, "inconclusive"),
        ({"wrong_codes": 2.0}, "inconclusive"),
    ],
)
def test_the_price_of_codes_can_be_refuted(changes, outcome):
    measurement, found = decided(price_path, _path(**changes), "B6b")
    assert found == outcome and measurement.cell in ("p=0.5", "p=0.7")
    assert measurement.measured == pytest.approx(changes.get("codes", 1.4), abs=1e-9)
    assert price_path.decide(_path(), SMOKE) == []


def test_exponents_are_shown_with_their_intervals():
    lines = price_growth.show(_path(), PAPER).splitlines()
    assert lines[0] == "Exponents with 95 % intervals"
    assert any("price along k = d^p" in line and "p=0.7" in line and "+0.400 [" in line for line in lines)
