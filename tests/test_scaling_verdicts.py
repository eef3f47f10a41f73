"""How the scaling experiment decides: tables by hand, intervals and controls known, and what flips each verdict."""

import math

import numpy as np
import pandas
import pytest
from deciding import PAPER, SMOKE, control, decided, ends
from toy_scaling import coupled, price_table, slopes, telescope_table

from analysis.scaling import certified_steps, held_runs, measured_steps, price_of_steps, price_over_d, start_reading
from analysis.scaling.measured_steps import fits

# -- B2 and B3: the price over k and d ------------------------------------------------------------------------------


def _priced(bias=1.0, **changes):
    tables = {"scaling_price": price_table(bias).assign(**changes)}
    return tables | {"scaling_fits": fits(tables)}


@pytest.mark.parametrize("bias, outcome", [(1.0, "holds"), (1.1, "violated"), (1.03, "inconclusive")])
def test_the_price_claim_follows_its_rule(bias, outcome):
    measurement, found = decided(price_over_d, _priced(bias), "B2")
    assert found == outcome
    assert ends(measurement) == pytest.approx((bias - 0.01, bias, bias + 0.01))
    assert measurement.cell.startswith("k = ") and measurement.note == f"9 cells, values {bias:.4g} to {bias:.4g}"
    # k/(2d) in place of k/(2(d-k)): the widest at k = 8, d = 1000
    assert control(measurement, "null") == pytest.approx((0.99 / (1 - 2e-9), 1.01 / (1 - 0.008)))
    # of the wrong levels the least ratio speaks, at k = 8, d = 1000
    assert control(measurement, "power") == pytest.approx((0.0099 * 992 / 4, 0.0101 * 992 / 4))


@pytest.mark.parametrize("bias, outcome", [(1.0, "holds"), (1.03, "inconclusive"), (1.1, "violated")])
def test_one_price_off_its_form_decides_and_is_named(bias, outcome):
    table = price_table(1.0)
    own = (table["dim"] == 4) & (table["ambient"] == 10**6)
    for end, shift in (("", 0.0), ("_low", -0.01), ("_high", 0.02)):
        table.loc[own, f"price{end}"] = (bias + shift) * table["gaussian_form"][own]
    tables = {"scaling_price": table}
    measurement, found = decided(price_over_d, tables | {"scaling_fits": fits(tables)}, "B2")
    assert (found, measurement.cell) == (outcome, "k = 4, d = 1e+06")
    assert ends(measurement) == pytest.approx((bias - 0.01, bias, bias + 0.02))
    assert measurement.note == f"9 cells, values 1 to {bias:.4g}"


def test_the_exponent_of_the_price_does_not_see_a_constant_factor():
    for bias in (1.0, 1.1):
        measurement, found = decided(price_over_d, _priced(bias), "B3")
        assert found == "holds"
        d = np.array([10**3, 10**6, 10**9])
        exponents = [np.polyfit(np.log(d), np.log(k / (d - k)), 1)[0] for k in (2, 4, 8)]
        half = 1.96 * 0.02 / 3.92 / bias / math.sqrt(2) / math.log(10**3)
        # 1/(d - k) falls fastest at k = 8, which leaves least room to a limit
        steep = exponents[-1]
        assert steep == min(exponents) and measurement.cell == "gaussian, in ambient, dim=8"
        assert ends(measurement) == pytest.approx((steep - half, steep, steep + half), rel=1e-6)
        low, high = control(measurement, "power")
        assert low == pytest.approx(-high, rel=1e-6) and high < 0.01
        said = f"3 cells, values {steep:.4g} to {max(exponents):.4g}; gaussian: exponent in k 1.00"
        assert measurement.note == said


def test_an_exponent_that_is_off_is_seen():
    table = price_table(1.0)
    for name in ("price", "price_low", "price_high"):
        table[name] *= table["ambient"] ** 0.1
    tables = {"scaling_price": table}
    measurement, found = decided(price_over_d, tables | {"scaling_fits": fits(tables)}, "B3")
    assert found == "violated" and measurement.measured == pytest.approx(-0.9, abs=5e-3)


@pytest.mark.parametrize("claim", ["B2", "B3"])
def test_a_control_that_does_not_flip_leaves_the_price_open(claim):
    honest = price_table(1.0)
    same = {name.replace("price", "biased"): honest[name] for name in ("price", "price_low", "price_high")}
    assert decided(price_over_d, _priced(**same), claim)[1] == "inconclusive"
    wrong = {name.replace("biased", "efficient"): honest[name] for name in ("biased", "biased_low", "biased_high")}
    assert decided(price_over_d, _priced(**wrong), claim)[1] == "inconclusive"


def test_a_smoke_run_and_a_selection_without_a_gaussian_decide_less():
    assert [m.claim for m in price_over_d.decide(_priced(), SMOKE)] == ["B3"]
    assert [m.claim for m in price_over_d.decide(_priced(law="sphere"), PAPER)] == ["B3"]
    few = price_table(1.0)[lambda t: t["ambient"] < 10**9]
    assert price_over_d.decide({"scaling_price": few, "scaling_fits": fits({"scaling_price": few})}, SMOKE) == []


# -- D1, D2, D3: the price of steps ---------------------------------------------------------------------------------


def _steps(**changes):
    tables = {"scaling_telescope": telescope_table(**changes)}
    return tables | {"scaling_fits": fits(tables)}


def test_the_bound_on_disc_is_held_against_the_largest():
    measurement, outcome = decided(price_of_steps, _steps(), "D1")
    assert outcome == "holds"
    # the largest, .3 * 4/(2 k) at k = 2, seen to 1.96 * .5 %
    assert ends(measurement) == pytest.approx((0.3 * (1 - 0.0098), 0.3, 0.3 * (1 + 0.0098)))
    assert control(measurement, "null") == pytest.approx((0.075, 0.3))
    assert control(measurement, "power") == pytest.approx((30.0, 30.0))
    assert measurement.note == "largest at gaussian, k=2, N=28; smallest ratio 0.025"
    assert measurement.looser_by == pytest.approx(1 / 0.3)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [({"direct": 1e3}, "violated"), ({"frozen_wrong": 1e-3}, "inconclusive"), ({"disc": 1e3}, "inconclusive")],
)
def test_the_bound_on_disc_can_be_refuted_and_its_controls_flip(changes, outcome):
    assert decided(price_of_steps, _steps(**changes), "D1")[1] == outcome


def test_the_interval_of_disc_is_that_of_its_ratio():
    """2 % of a ratio of .9 in the error of the direct simulation."""
    measurement, _ = decided(price_of_steps, _steps(ratio=0.9, ratio_se=0.018), "D1")
    assert ends(measurement) == pytest.approx((0.3 * (1 - 0.0392), 0.3, 0.3 * (1 + 0.0392)))


def test_the_telescope_is_decided_by_every_cell():
    measurement, outcome = decided(price_of_steps, _steps(), "D2")
    assert outcome == "holds"
    assert ends(measurement) == pytest.approx((1 - 0.0098, 1.0, 1 + 0.0098))
    assert (measurement.cell, measurement.note) == ("gaussian, k = 2, N = 28", "6 cells, values 1 to 1")
    assert control(measurement, "null") == pytest.approx((1 - 0.0098, 1 + 0.0098))
    assert control(measurement, "power") == pytest.approx((3.2 - 0.196, 3.8 + 0.196))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"ratio": [1.0] * 5 + [1.1]}, "violated"),
        ({"ratio_se": 0.02}, "inconclusive"),
        ({"false_ratio": 1.0}, "inconclusive"),
    ],
)
def test_the_telescope_can_be_refuted_and_its_controls_flip(changes, outcome):
    measurement, found = decided(price_of_steps, _steps(**changes), "D2")
    assert found == outcome
    if outcome == "violated":
        assert ends(measurement) == pytest.approx((1.1 - 0.0098, 1.1, 1.1 + 0.0098))
        assert (measurement.cell, measurement.note) == ("sphere, k = 8, N = 28", "6 cells, values 1 to 1.1")


def test_disc_is_linear_in_k_over_its_logarithm():
    measurement, outcome = decided(price_of_steps, _steps(logarithm=1.0), "D3")
    assert outcome == "holds" and measurement.measured == pytest.approx(1.0)
    assert control(measurement, "null") == pytest.approx((1.0, 1.0))
    assert control(measurement, "power") == pytest.approx((2.0, 2.0))
    assert measurement.note == "2 cells, values 1 to 1; before the logarithm is divided out: gaussian 1.00, sphere 1.00"


def test_the_exponent_in_k_with_least_room_decides_and_controls_are_the_widest():
    tables = _steps(logarithm=1.0)
    rows = tables["scaling_fits"]
    for quantity, law, low, high in (
        ("discretisation over its logarithm", "gaussian", 0.96, 1.01),
        ("discretisation over its logarithm", "sphere", 0.97, 1.05),
        ("discretisation times k (power)", "gaussian", 1.9, 2.1),
        ("discretisation times k (power)", "sphere", 1.8, 2.0),
    ):
        rows.loc[(rows["quantity"] == quantity) & (rows["law"] == law), ["low", "high"]] = low, high
    measurement, outcome = decided(price_of_steps, tables, "D3")
    assert outcome == "holds" and ends(measurement) == pytest.approx((0.97, 1.0, 1.05))
    assert measurement.cell == "sphere, in dim, steps=28"
    assert control(measurement, "null") == pytest.approx((0.96, 1.01))
    assert control(measurement, "power") == pytest.approx((1.8, 2.1))


def test_pieces_are_told_and_not_counted():
    pieces = telescope_table(law="mixture_of_spheres", disc=lambda t: t["dim"] ** 0.5)[:3]
    table = pandas.concat([telescope_table(), pieces], ignore_index=True).assign(logarithm=1.0)
    tables = {"scaling_telescope": table}
    measurement, outcome = decided(price_of_steps, tables | {"scaling_fits": fits(tables)}, "D3")
    assert outcome == "holds" and measurement.measured == pytest.approx(1.0)
    assert measurement.note.endswith("; of several pieces, not decided here: mixture_of_spheres 0.50")


def test_an_exponent_of_disc_that_is_off_is_seen_and_controls_flip():
    """The sphere's exponent alone: the Gaussian stays at its own."""
    table = telescope_table()
    for exponent in (1.3, 0.5):
        disc = table["dim"] ** np.where(table["law"] == "sphere", exponent, 1.0)
        measurement, outcome = decided(price_of_steps, _steps(logarithm=1.0, disc=disc), "D3")
        assert outcome == "violated" and measurement.measured == pytest.approx(exponent)
        assert measurement.cell == "sphere, in dim, steps=28"
    tables = _steps(logarithm=1.0)
    power = tables["scaling_fits"]["quantity"] == "discretisation times k (power)"
    tables["scaling_fits"].loc[power, ["low", "high"]] = 1.0
    assert decided(price_of_steps, tables, "D3")[1] == "inconclusive"
    assert [m.claim for m in price_of_steps.decide(tables, SMOKE)] == ["D1"]


# -- L2: the certificate --------------------------------------------------------------------------------------------


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
    """Many runs within their certificates do not make up for one beyond; an impostor not caught proves nothing."""
    runs = {"tv_bound": 0.5, "tv_lower": [0.1, 0.2, 0.5 + worst], "tv_lower_truth": truth, "exact_kl": math.nan}
    sabotage = pandas.DataFrame({"tv_bound": [0.1], "tv_sabotaged": [caught]})
    tables = {"scaling": pandas.DataFrame(runs | {"total": 0.5}), "scaling_sabotage": sabotage}
    measurement, found = decided(held_runs, tables)
    assert found == outcome
    assert ends(measurement) == pytest.approx((worst, worst, worst))
    assert control(measurement, "null") == pytest.approx((truth - 0.5, truth - 0.5))
    assert control(measurement, "power") == pytest.approx((caught - 0.1, caught - 0.1))
    assert measurement.looser_by == pytest.approx(0.5 / max(0.2, 0.5 + worst)) and measurement.span == "number"
    assert measurement.note.startswith("3 cells, 3 of them with a certificate below 1")
    assert held_runs.decide({"scaling": tables["scaling"]}, PAPER) == []


# -- R1: measured steps ---------------------------------------------------------------------------------------------


def _measured(order, in_k, sabotaged_error=1.0):
    table = coupled(order, in_k)
    sabotaged = table[table["dim"] == 2].assign(scale=0.8, error=sabotaged_error)
    tables = {"scaling_coupled": pandas.concat([table, sabotaged])}
    return tables | {"scaling_fits": fits(tables)}


@pytest.mark.parametrize("order, in_k, outcome", [(1.0, 0.5, "holds"), (1.0, 3.0, "violated"), (0.4, 0.0, "violated")])
def test_the_polynomial_step_claim_can_be_refuted(order, in_k, outcome):
    """Steps ~ k^{in_k/order} (1/error)^{1/order}: the larger exponent speaks."""
    measurement, found = decided(measured_steps, _measured(order, in_k))
    assert found == outcome
    assert measurement.measured == pytest.approx(max(in_k / order, 1 / order), rel=0.03)
    assert measurement.cell == ("gaussian, in dim" if in_k > 1 else "gaussian, in inverse_error")
    assert measurement.looser_by == pytest.approx(2 / measurement.measured)
    spread, _, said = measurement.note.partition("; ")
    assert spread.startswith("2 cells, values ")
    assert control(measurement, "power") == (math.inf, math.inf)
    low, high = control(measurement, "null")
    assert 0.9 < low < high < 1.1
    said = dict(part.split(": gaussian ") for part in said.split("; "))
    assert float(said["in k"]) == pytest.approx(in_k / order, abs=0.1)
    assert float(said["in 1/error"]) == pytest.approx(1 / order, rel=0.03)


def test_measured_steps_are_open_where_the_sabotage_reaches_a_target_and_undecided_without_it():
    assert decided(measured_steps, _measured(1.0, 0.5, sabotaged_error=0.45))[1] == "inconclusive"
    table = coupled()
    assert (
        measured_steps.decide({"scaling_coupled": table, "scaling_fits": fits({"scaling_coupled": table})}, PAPER) == []
    )
    one = {"scaling_coupled": _measured(1.0, 0.5)["scaling_coupled"].query("dim == 2")}
    assert measured_steps.decide(one | {"scaling_fits": fits(one)}, PAPER) == []


# -- R2: certified steps --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected", "outcome"),
    [
        ({"in_k": (1.0, 0.99, 1.01)}, (0.0, 0.0, 0.5), "holds"),
        ({"in_k": (1.2, 1.1, 1.3)}, (0.1 / 0.03, 0.2 / 0.03, 10.0), "violated"),
        ({"in_k": (1.02, 0.98, 1.06)}, (0.0, 2 / 3, 2.0), "inconclusive"),
        ({"in_k": (1.0, 0.99, 1.01), "in_d": (0.05, 0.04, 0.06)}, (2.0, 2.5, 3.0), "violated"),
        ({"in_k": (1.0, 0.99, 1.01), "power": (1.0, 0.99, 1.01)}, (0.0, 0.0, 0.5), "inconclusive"),
        ({"in_k": (1.0, 0.99, 1.01), "null": (1.1, 1.09, 1.11)}, (0.0, 0.0, 0.5), "inconclusive"),
    ],
)
def test_the_certified_exponent_can_be_refuted(given, expected, outcome):
    measurement, found = decided(certified_steps, slopes(**given))
    assert found == outcome
    assert ends(measurement) == pytest.approx(expected)


def test_the_certified_exponents_controls_are_in_units_of_its_tolerance():
    measurement, _ = decided(certified_steps, slopes((1.0, 0.99, 1.01)))
    assert control(measurement, "null") == pytest.approx((0.0, 0.005 / 0.03))
    assert control(measurement, "power") == pytest.approx((0.99 / 0.03, 1.01 / 0.03))
    assert certified_steps.decide(slopes((1.0, 0.99, 1.01)), SMOKE) == []
    nothing = {"scaling_fits": slopes((1.0, 0.99, 1.01))["scaling_fits"].iloc[1:]}
    assert certified_steps.decide(nothing, PAPER) == []


# -- R3: the reading of sigma_0 -------------------------------------------------------------------------------------


def _readings(printed=2.0, proof=0.3, sabotaged=2.2):
    values = {"printed": printed, "proof": proof, "proof, sabotaged": sabotaged}
    rows = [
        {"reading": name, "over_eps": v, "over_eps_low": v - 0.2, "over_eps_high": v + 0.2}
        for name, v in values.items()
    ]
    return {"scaling_reading": pandas.DataFrame(rows)}


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ({}, "violated"),
        ({"printed": 0.5}, "holds"),
        ({"printed": 1.1}, "inconclusive"),
        ({"proof": 1.5}, "inconclusive"),
        ({"sabotaged": 0.5}, "inconclusive"),
    ],
)
def test_the_printed_start_is_decided_beside_the_proofs(values, outcome):
    measurement, found = decided(start_reading, _readings(**values), options=SMOKE)
    assert found == outcome
    printed = values.get("printed", 2.0)
    assert ends(measurement) == pytest.approx((printed - 0.2, printed, printed + 0.2))
    assert (measurement.cell, measurement.note) == ("sigma_0 = eps/R", f"1 cells, values {printed:g} to {printed:g}")
    assert control(measurement, "null")[1] == pytest.approx(values.get("proof", 0.3) + 0.2)
    assert control(measurement, "power")[0] == pytest.approx(values.get("sabotaged", 2.2) - 0.2)
