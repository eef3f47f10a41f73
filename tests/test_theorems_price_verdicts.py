"""How the price of blindness is decided (bound, information, growth): tables by hand, and what flips each verdict."""

import math

import numpy as np
import pandas
import pytest
from deciding import PAPER, SMOKE, control, decided, ends
from scipy import integrate, stats

from analysis.theorems import price_bound, price_growth
from analysis.theorems.price_growth import fits

# -- B1 and B5: the price beside its bound and its information ------------------------------------------------------


def _price(**changes):
    """Two laws: price 2e-3 and 4e-3 (bound 1) at d = 1e3, J/(2d) to 1 % at 1e5; wrong levels at 1e9 cost 3."""
    rows = []
    for law, d, price in (("gaussian", 10**3, 2e-3), ("gaussian", 10**5, 2e-5), ("gaussian", 10**9, 2e-9),
                          ("sphere", 10**3, 4e-3), ("sphere", 10**5, 4e-5)):  # fmt: skip
        row = {"law": law, "ambient": d, "end": 0.05, "sigma_T": 0.1, "sigma_0": 40.0, "dim": 4, "J": 2 * d * price}
        row |= {"price": price, "price_low": 0.99 * price, "price_high": 1.01 * price, "information": price}
        row |= {"bound": 1000.0 / d, "biased": 3e-6, "biased_low": 2.9e-6, "biased_high": 3.1e-6, "offset": 1.0}
        over = {"gaussian": 1.0, "sphere": 1.005}[law] if d == 10**5 else 1.2
        row |= {
            f"price_over_{end}": over + shift for end, shift in (("information", 0), ("low", -0.01), ("high", 0.01))
        }
        own = 0.01 if law == "sphere" else 0.0
        row |= {"efficient_over_low": 0.98 + own, "efficient_over_high": 1.01 + own}
        row |= {"biased_over_low": (1.5 if d == 10**5 else 0.5) + own, "biased_over_high": 1.6 + own}
        rows.append(row)
    return pandas.DataFrame(rows).assign(**changes)


LOOSE = pandas.DataFrame({"quantity": ["bound of Thm 3.6 over price, against 1/sigma_T"] * 2, "exponent": [1.8, 2.0]})


def test_the_bound_is_held_against_the_largest_price():
    measurement, outcome = decided(price_bound, {"theorems_price": _price(), "theorems_fits": LOOSE}, "B1")
    assert ends(measurement) == pytest.approx((0.99 * 4e-3, 4e-3, 1.01 * 4e-3))
    assert measurement.cell == "sphere, d = 1e+03, sigma_T = s 0.05" and measurement.looser_by == pytest.approx(250.0)
    assert control(measurement, "null") == pytest.approx((2e-3, 2e-3))
    assert control(measurement, "power") == pytest.approx((2.9, 3.1))
    assert outcome == "holds"
    spread, rest = measurement.note.split("; ", 1)
    assert spread == "5 cells, values 0.002 to 0.004"
    assert rest == "largest: sphere; smallest C 2.0e-03; bound/price grows as sigma_T^-[1.80, 2.00]"


def test_one_law_above_the_bound_refutes_it_and_a_negative_price_counts_as_none():
    table = _price()
    table.loc[3, ["price", "price_low", "price_high"]] = [1.2, 1.1, 1.3]
    table.loc[[0, 3], "price_low"] = -0.5, 1.1
    measurement, outcome = decided(price_bound, {"theorems_price": table, "theorems_fits": LOOSE}, "B1")
    assert (outcome, ends(measurement)) == ("violated", pytest.approx((1.1, 1.2, 1.3)))
    assert measurement.cell == "sphere, d = 1e+03, sigma_T = s 0.05"
    table.loc[3, ["price", "price_low", "price_high"]] = [4e-3, -0.5, 5e-3]
    measurement, outcome = decided(price_bound, {"theorems_price": table, "theorems_fits": LOOSE}, "B1")
    assert (outcome, ends(measurement)) == ("holds", pytest.approx((0.0, 4e-3, 5e-3)))


def test_the_bound_is_open_where_a_wrong_level_is_within_it():
    table = _price(biased_low=0.0, biased_high=1e-9)
    assert decided(price_bound, {"theorems_price": table, "theorems_fits": LOOSE}, "B1")[1] == "inconclusive"


def test_the_information_form_is_read_at_the_large_d_alone():
    measurement, outcome = decided(price_bound, {"theorems_price": _price(), "theorems_fits": LOOSE}, "B5")
    assert ends(measurement) == pytest.approx((0.995, 1.005, 1.015))
    assert measurement.cell == "sphere"
    assert control(measurement, "null") == pytest.approx((0.98, 1.02))
    assert control(measurement, "power") == pytest.approx((1.5, 1.61))
    assert outcome == "holds"
    assert measurement.note.startswith(
        "2 cells, values 1 to 1.005; 2 laws; at d = 1e3 between 1.200 and 1.200; J: gaussian 4, sphere 8"
    )


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"price_over_low": 1.04, "price_over_information": 1.045, "price_over_high": 1.05}, "violated"),
        ({"price_over_high": 1.04}, "inconclusive"),
        ({"biased_over_low": 1.01}, "inconclusive"),
        ({"efficient_over_high": 1.04}, "inconclusive"),
    ],
)
def test_the_information_form_can_be_refuted_and_its_controls_flip(changes, outcome):
    tables = {"theorems_price": _price(**changes), "theorems_fits": LOOSE}
    assert decided(price_bound, tables, "B5")[1] == outcome


def test_a_smoke_run_decides_the_bound_alone():
    tables = {"theorems_price": _price(), "theorems_fits": LOOSE}
    assert [m.claim for m in price_bound.decide(tables, SMOKE)] == ["B1"]


# -- B4 and B6: how the price grows ---------------------------------------------------------------------------------


def _prices(exponent):
    rows = []
    for law in ("gaussian", "sphere"):
        for end in (0.2, 0.1, 0.05, 0.02, 0.01):
            price = 0.002 * (end**-exponent if law == "sphere" else 1)
            row = {
                "law": law,
                "ambient": 1000,
                "end": end,
                "dim": 4,
                "sigma_T": end,
                "sigma_0": 20.0,
                "price": price,
                "bound": 10 * end**-2.0,
                "offset": end**-2.0,
            }
            rows.append(row | {"price_low": 0.99 * price, "price_high": 1.01 * price})
    return pandas.DataFrame(rows)


@pytest.mark.parametrize("exponent", [0.0, 2.0])
def test_growth_of_the_price_is_read_from_the_table(exponent):
    found = fits({"theorems_price": _prices(exponent)})
    sphere = found[(found["law"] == "sphere") & (found["quantity"] == "price against 1/sigma_T")].iloc[0]
    assert sphere["low"] <= exponent <= sphere["high"]
    assert sphere["exponent"] == pytest.approx(exponent, abs=1e-9)
    assert found[found["quantity"] == "price of a constant error (power)"]["exponent"].to_numpy() == pytest.approx(
        [2.0, 2.0]
    )


def test_every_fit_of_the_growth_is_the_weighted_or_plain_regression():
    """Errors that differ: the slope is numpy's weighted least squares, its interval 1.96 of the weights' own error."""
    table = _prices(0.3)
    noise = np.random.default_rng(5).normal(size=10) * 0.01
    table["price"] *= 1 + noise
    table["price_low"], table["price_high"] = table["price"] * (1 - 0.0196), table["price"] * (1 + 0.0196)
    rows = fits({"theorems_price": table})
    assert list(rows["quantity"].value_counts()) == [2, 2, 2, 1]
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


def test_the_null_of_the_growth_is_the_gaussian_integral():
    """int 4 v/(1 + v)^3 d log sigma, v = (sigma/s)^2, at s^2 = spread/k = 1/4: the rows are its regression."""
    table = _prices(0.0)

    def growth(sigma_T):
        return integrate.quad(
            lambda x: 4 * (v := 4 * math.exp(2 * x)) / (1 + v) ** 3, math.log(sigma_T), math.log(20.0), limit=200
        )[0]

    exact = np.array([growth(end) for end in table["end"][:5]])
    rows = fits({"theorems_price": table})
    row = rows[rows["quantity"] == "Gaussian closed form against 1/sigma_T (null)"].iloc[0]
    assert row["exponent"] == pytest.approx(np.polyfit(-np.log(table["end"][:5]), np.log(exact), 1)[0], rel=1e-6)


def _path(smooth=-0.5, worst=0.4):
    rows = []
    for law, slope in (("gaussian", smooth), ("sphere", smooth + 0.1), ("two_scale", worst)):
        for power in (0.5, 0.7):
            for d in (64, 256, 1024):
                price = 0.1 * d**slope
                row = {"law": law, "power": power, "ambient": d, "price": price, "gaussian_form": 0.2 * d**-0.45}
                rows.append(row | {"price_low": 0.999 * price, "price_high": 1.001 * price})
    return pandas.DataFrame(rows)


def _growth_tables(exponent=0.3, **path):
    tables = {"theorems_price": _prices(exponent), "theorems_path": _path(**path)}
    return tables | dict(price_growth.derive(tables, PAPER))


@pytest.mark.parametrize(("exponent", "outcome"), [(0.3, "holds"), (2.0, "violated"), (0.5, "inconclusive")])
def test_the_price_may_grow_like_a_logarithm_at_most(exponent, outcome):
    measurement, found = decided(price_growth, _growth_tables(exponent), "B4")
    assert found == outcome
    # 1 % errors, 3.92 to an interval, on the abscissae log(1/end)
    half = 1.96 * 0.02 / 3.92 / math.sqrt(np.var(np.log([0.2, 0.1, 0.05, 0.02, 0.01])) * 5)
    assert ends(measurement) == pytest.approx((exponent - half, exponent, exponent + half), rel=1e-4)
    assert measurement.cell == "sphere" and measurement.note.startswith("2 cells, values ")
    assert control(measurement, "power") == pytest.approx((2.0, 2.0))
    low, high = control(measurement, "null")
    assert -0.1 < low < high < 0.25
    added = 100 * (10**exponent - 1)
    assert measurement.note.endswith(f"per decade from s/10 to s/100: gaussian +0 %, sphere {added:+.0f} %")


def test_what_a_decade_adds_is_read_at_the_smallest_d():
    tables = _growth_tables()
    larger = tables["theorems_price"].assign(ambient=10**5, price=1.0)
    tables["theorems_price"] = pandas.concat([larger, tables["theorems_price"]], ignore_index=True)
    assert decided(price_growth, tables, "B4")[0].note.endswith("s/100: gaussian +0 %, sphere +100 %")


def test_the_growth_is_open_where_a_constant_error_does_not_show():
    tables = _growth_tables()
    table = tables["theorems_fits"]
    power = table["quantity"] == "price of a constant error (power)"
    table.loc[power, ["low", "high"]] = 0.1
    assert decided(price_growth, tables, "B4")[1] == "inconclusive"


@pytest.mark.parametrize(("smooth", "outcome"), [(-0.5, "holds"), (0.2, "violated"), (-0.1, "inconclusive")])
def test_the_price_along_the_path_must_fall_for_every_smooth_law(smooth, outcome):
    """The sphere's exponent is .1 above the Gaussian's, the worst case's does not count."""
    measurement, found = decided(price_growth, _growth_tables(smooth=smooth), "B6")
    assert found == outcome
    assert measurement.measured == pytest.approx(smooth + 0.1, abs=1e-9)
    assert (measurement.low, measurement.high) == pytest.approx((smooth + 0.1, smooth + 0.1), abs=2e-3)
    assert measurement.low < smooth + 0.1 < measurement.high
    assert measurement.cell in ("sphere, p=0.5", "sphere, p=0.7")
    assert measurement.note.startswith(f"4 cells, values {smooth:.4g} to ")
    assert control(measurement, "null") == pytest.approx((-0.45, -0.45))
    low, high = control(measurement, "power")
    assert low < 0.4 < high < 0.41
    assert "gaussian p=0.5 " in measurement.note.split("; worst case: ")[0]
    assert "two_scale p=0.7 +0.40" in measurement.note.split("; worst case: ")[1]


def test_the_path_is_open_where_the_worst_case_falls_too():
    assert decided(price_growth, _growth_tables(worst=-0.2), "B6")[1] == "inconclusive"


def test_exponents_are_shown_with_their_intervals():
    lines = price_growth.show(_growth_tables(0.0), PAPER).splitlines()
    assert lines[0] == "Exponents with 95 % intervals"
    assert any("price along k = d^p" in line and "p=0.7" in line and "+0.400 [" in line for line in lines)
