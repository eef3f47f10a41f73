"""The exponents of the scaling experiment: on tables made with known ones, against scipy's and numpy's regressions."""

import math
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
from deciding import PAPER
from scipy import stats
from toy_scaling import coupled

from analysis.scaling import certified_steps, held_runs, measured_steps, price_of_steps, price_over_d
from analysis.scaling.fits import COLUMNS, fit, fit_jointly, fit_rows
from analysis.scaling.measured_steps import fits


def by(rows):
    return pandas.DataFrame(rows, columns=COLUMNS).set_index(["quantity", "against"])["exponent"]


def test_fits_recover_made_exponents_within_their_intervals():
    found = fits({"scaling_coupled": coupled(order=0.8, in_k=0.4)}).set_index(["quantity", "against"])
    for against, exact in (("inverse_error", 1.25), ("dim", 0.5), ("ambient", 0.0)):
        row = found.loc[("measured steps", against)]
        assert row["low"] <= exact <= row["high"] and row["high"] - row["low"] < 0.25


def test_measured_steps_are_where_the_made_error_meets_the_target():
    table = measured_steps.measured_steps(coupled(order=1.0, in_k=0.0))
    row = table[(table["dim"] == 2) & (table["ambient"] == 1000) & (table["target"] == 0.1)].iloc[0]
    assert (
        row["reached"] == "reached" and row["steps"] == pytest.approx(20, rel=0.06) and row["low"] <= 20 <= row["high"]
    )


def test_steps_that_measured_runs_need_follow_from_the_exponents_of_their_error():
    """N ~ error^{1/p} k^{-q/p}: the joint regression is numpy's, the interval of the ratio that of its ends."""
    table = coupled(order=0.8, in_k=0.4)
    found = pandas.DataFrame(measured_steps.exponents(table)).set_index(["quantity", "against"])
    design = np.column_stack(
        [np.ones(len(table)), *(np.log(table[c].to_numpy(float)) for c in ("ambient", "dim", "N"))]
    )
    y = np.log(table["error"].to_numpy())
    solution, residual, *_ = np.linalg.lstsq(design, y, rcond=None)
    error = np.sqrt(residual[0] / (len(y) - 4) * np.diag(np.linalg.inv(design.T @ design)))
    half = stats.t.ppf(0.975, len(y) - 4) * error
    order, in_k = found.loc[("error of coupled runs", "steps")], found.loc[("error of coupled runs", "dim")]
    assert (order["exponent"], order["low"]) == pytest.approx((solution[3], solution[3] - half[3]))
    assert (in_k["exponent"], in_k["high"]) == pytest.approx((solution[2], solution[2] + half[2]))
    steps = found.loc[("measured steps", "dim")]
    corners = [-q / p for q in (in_k["low"], in_k["high"]) for p in (order["low"], order["high"])]
    assert (steps["exponent"], steps["low"], steps["high"]) == pytest.approx(
        (-solution[2] / solution[3], min(corners), max(corners))
    )
    inverse = found.loc[("measured steps", "inverse_error")]
    assert (inverse["low"], inverse["high"]) == pytest.approx((-1 / order["low"], -1 / order["high"]))
    assert set(found["points"]) == {len(table)}


def test_errors_that_do_not_fall_need_no_finite_number_of_steps():
    flat = coupled(order=0.0)
    assert "measured steps" not in by(measured_steps.exponents(flat)).index.get_level_values(0)
    table = coupled()
    exact = pandas.concat([table, table.head(1).assign(error=0.0)])  # of a discrete set: no logarithm
    assert by(measured_steps.exponents(exact)).equals(by(measured_steps.exponents(table)))


def _prices(in_d=-1.0, in_k=1.0):
    rows = []
    for dim in (2, 4, 8):
        for ambient in (10**3, 10**6, 10**9):
            price = dim**in_k * ambient**in_d
            row = {"law": "gaussian", "dim": dim, "ambient": ambient}
            for name, value in (("price", price), ("efficient", 2 * dim / ambient), ("coarse", 0.01 * dim)):
                row |= {name: value, f"{name}_low": 0.99 * value, f"{name}_high": 1.01 * value}
            rows.append(row)
    return pandas.DataFrame(rows)


def test_exponents_of_the_price_in_d_and_in_k():
    found = pandas.DataFrame(price_over_d.exponents(_prices(-0.9, 1.3)))
    keyed = found.groupby(["quantity", "against"])
    assert keyed.size().to_dict() == {
        ("price of blindness", "ambient"): 3,
        ("price of blindness", "dim"): 3,
        ("price of a level read by d^.97 coordinates (power)", "ambient"): 3,
        ("price of an efficient estimate (null)", "ambient"): 3,
    }
    means = keyed["exponent"].mean()
    assert means[("price of blindness", "ambient")] == pytest.approx(-0.9)
    assert means[("price of blindness", "dim")] == pytest.approx(1.3)
    assert means[("price of an efficient estimate (null)", "ambient")] == pytest.approx(-1.0)
    assert means[("price of a level read by d^.97 coordinates (power)", "ambient")] == pytest.approx(0.0, abs=1e-12)
    row = found[found["held"] == "dim=4"].iloc[0]
    half = 1.959964 * (0.02 / 3.92) / math.sqrt(2) / math.log(10**3)
    assert (row["low"], row["high"], row["points"]) == pytest.approx((-0.9 - half, -0.9 + half, 3))


def _certificates(p=1.0, q=0.0, in_eps=1.0, in_end=0.5):
    rows = []
    for dim in (2, 4, 8):
        for ambient in (10**3, 10**6, 10**9):
            for eps in (0.5, 0.2, 0.1):
                for end in (0.02, 0.05, 0.1, 0.2) if eps == 0.2 and ambient == 10**9 else (0.02,):
                    steps = dim**p * ambient**q * eps**-in_eps * end**-in_end
                    row = {"law": "sphere", "dim": dim, "ambient": ambient, "eps": eps, "sigma_T": end}
                    # what a denoiser costs that reads its levels too high grows with k
                    rows.append(row | {"steps": steps, "steps_efficient": steps, "steps_misread": steps * dim**0.02})
    return pandas.DataFrame(rows)


def test_exponents_of_the_certificates_steps():
    found = pandas.DataFrame(certified_steps.exponents(_certificates(1.2, 0.1, 0.9, 0.4)))
    steps = found[found["quantity"] == "certificate's steps"]
    jointly = steps["held"].str.endswith("jointly")
    for against, exact in (("dim", 1.2), ("ambient", 0.1), ("inverse_eps", 0.9), ("inverse_sigma_T", 0.4)):
        own = steps[(steps["against"] == against) & ~jointly]
        assert own["exponent"].to_numpy() == pytest.approx(exact) and len(own) > 0
    assert steps[jointly & (steps["against"] == "dim")]["exponent"].to_numpy() == pytest.approx([1.2] * 3)
    assert set(steps[jointly]["held"]) == {f"eps={eps:g}, jointly" for eps in (0.5, 0.2, 0.1)}
    for what, exact in (("an efficient estimate's price (null)", 1.2), ("levels read 2.1 % too high", 1.22)):
        own = found[(found["quantity"] == f"certificate's steps, {what}") & (found["against"] == "dim")]
        assert own["exponent"].to_numpy() == pytest.approx([exact]) and set(own["held"]) == {"eps=0.2, jointly"}


def test_exponents_of_runs_and_of_disc():
    rows = []
    for dim in (2, 4, 8):
        for steps in (8, 16, 32, 64, 128):
            h = 10.0 / steps
            row = {"law": "ball", "dim": dim, "ambient": 1000, "steps": steps, "h": h, "total": dim / steps}
            row |= {"discretisation": h**1.5, "disc": dim**1.2, "logarithm": dim**0.3, "root_logarithm": dim**0.5}
            rows.append(row | {"direct": dim**1.1, "direct_se": 0.01})
    table = pandas.DataFrame(rows)
    runs = pandas.DataFrame(held_runs.exponents(table))
    assert runs[runs["quantity"] == "certificate"]["exponent"].to_numpy() == pytest.approx([-1.0] * 3)
    small = runs[runs["quantity"] == "discretisation, small steps"]
    assert small.empty  # only two of these steps are below .3
    finer = table.assign(h=table["h"] / 2, discretisation=(table["h"] / 2) ** 1.5)
    small = pandas.DataFrame(held_runs.exponents(finer))
    small = small[small["quantity"] == "discretisation, small steps"]
    assert small["exponent"].to_numpy() == pytest.approx([1.5] * 3) and set(small["points"]) == {3}
    disc = by(price_of_steps.exponents(table[table["steps"] <= 32]))
    assert disc.loc[("discretisation", "dim")].to_numpy() == pytest.approx([1.2] * 3)
    assert disc.loc[("discretisation over its logarithm", "dim")].to_numpy() == pytest.approx([0.9] * 3)
    spheres = table[table["steps"] <= 32].assign(law="sphere")
    disc = by(price_of_steps.exponents(spheres))
    root = "discretisation over the logarithm at the root of the scale (power)"
    assert disc.loc[(root, "dim")].to_numpy() == pytest.approx([0.7] * 3)
    simulated = by(price_of_steps.exponents(table[table["steps"] <= 32].assign(law="gaussian")))
    null = "simulated discretisation over its logarithm (null)"
    assert simulated.loc[(null, "dim")].to_numpy() == pytest.approx([0.8] * 3)


def test_discretisation_of_a_fixed_radius_has_exponent_one_over_its_exact_logarithm():
    """A sphere of radius 1 loses log k in its logarithm: below 1, and 1 once a Gaussian coordinate is divided out."""
    params = [{"law": "sphere", "dim": k, "counts": "32", "points": 128} for k in (4, 16, 64)]
    rows = [{"law": "sphere", "dim": p["dim"]} | price_of_steps.cell_telescope(p, 0)[0] for p in params]
    found = fits({"scaling_telescope": pandas.DataFrame(rows)}).set_index("quantity")["exponent"]
    assert found["discretisation"] < 0.8 and abs(found["discretisation over its logarithm"] - 1) < 0.05
    lam = np.geomspace(20.0, 0.02, 33) ** -2.0
    x = np.diff(lam) / 5 / (1 + lam[:-1] / 5)
    assert rows[0]["logarithm"] == pytest.approx(0.5 * (x - np.log1p(x)).sum(), rel=1e-8)


def test_rows_are_fitted_where_there_are_three_points_and_their_place_is_said():
    table = pandas.DataFrame({"law": ["a"] * 4 + ["b"] * 3, "k": 2.0})
    table["d"] = [1.0, 10.0, 100.0, 1000.0, 1.0, 1.0, 10.0]
    table["y"] = [1.0, 2.0, math.inf, 8.0, 1.0, 1.0, 2.0]
    rows = list(fit_rows(table, "y", "y", "d", ["k"]))
    assert [(r["law"], r["held"], r["points"]) for r in rows] == [("a", "k=2", 3)]
    assert rows[0]["exponent"] == pytest.approx(stats.linregress([0.0, 1.0, 3.0], np.log10([1.0, 2.0, 8.0])).slope)
    divided = list(fit_rows(table.assign(se=0.1, unit=table["d"]), "y", "y", "d", ["k"], "se", "unit"))
    assert divided[0]["exponent"] == pytest.approx(_weighted([0.0, 1.0, 3.0], [1.0, 2.0, 8.0]) - 1)


def _weighted(log_x, y):
    """Slope of log y, errors .1 each: relative errors .1/y."""
    y = np.array(y)
    return np.polyfit(log_x, np.log10(y), 1, w=y)[0]


def test_joint_fits_need_two_variables_and_five_points():
    table = _certificates()
    assert list(fit_jointly(table[table["dim"] == 2], "x")) == []
    assert list(fit_jointly(table[(table["dim"] < 8) & (table["ambient"] < 10**9) & (table["eps"] == 0.1)], "x")) == []
    assert len(list(fit_jointly(table, "x"))) == 2 * 3
    five = table[(table["eps"] == 0.1)].iloc[[0, 1, 2, 3, 4]]
    assert [r["points"] for r in fit_jointly(five, "x")] == [5, 5]


def test_all_exponents_stand_in_one_table_in_the_order_of_its_questions():
    tables = {"scaling_coupled": coupled(), "scaling_price": _prices(), "scaling_certificate": _certificates()}
    table = measured_steps.derive(tables, PAPER)["scaling_fits"]
    assert list(table.columns) == COLUMNS
    quantities = list(dict.fromkeys(table["quantity"]))
    assert quantities[0] == "price of blindness" and quantities[-1] == "measured steps"
    assert quantities.index("certificate's steps") < quantities.index("error of coupled runs")
    assert len(fit({"scaling_fits": table}, "price of blindness", "ambient", "gaussian")) == 3
    assert fit({"scaling_fits": table}, "price of blindness", "ambient", "cube").empty
    shown = measured_steps.show({"scaling_fits": table}, SimpleNamespace())
    assert shown.startswith("Exponents with 95 % intervals") and "price of blindness gaussian" in " ".join(
        shown.split()
    )
    assert measured_steps.show({"scaling_fits": table.head(0)}, SimpleNamespace()) == ""
