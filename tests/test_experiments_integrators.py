"""The integrator experiment: cells against closed forms, quadrature and numpy, estimators on synthetic tables."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import manifolds
from analysis.integrators.dimension import cell_clean, cell_dimension
from analysis.integrators.extra_term import cell_extra, cell_extra_exact, order_in_lag, pooled
from analysis.integrators.grids import cell_grid, cell_levels, mmse_curve
from analysis.integrators.marginal_kl import cell_marginal_kl
from analysis.integrators.settings import final_variances
from analysis.integrators.weak_order import cell_coupled, cell_exact_order, exact_orders
from analysis.samplers import Schedule, get_integrator
from analysis.theory import coefficients
from analysis.theory.grid import gaussian_optimal_limit

LAGS = "0.05 0.1 0.2"


def test_final_variances_of_one_evaluation_methods():
    schedule = Schedule.proportional(4.0, 0.2, 0.5, 7)
    levels = schedule.sigma.numpy()
    c, eta = coefficients.plain_euler(levels, 0.5)
    u, v = 4.0**2 + 1.5**2, 4.0**2
    for ci, ei, level in zip(c, eta, levels):
        g = 1.5**2 / (1.5**2 + level**2)
        u, v = (g + ci * (1 - g)) ** 2 * u + ei**2, ci**2 * v + ei**2
    assert final_variances(get_integrator("euler"), schedule, 1.5) == pytest.approx((u, v), rel=1e-12)


def test_final_variances_of_heun_are_those_of_the_explicit_trapezium():
    schedule = Schedule.proportional(4.0, 0.2, 0.0, 9)
    y = math.sqrt(4.0**2 + 1.0)

    def slope(y, s):
        return y * s / (1 + s * s)  # dy/dsigma = (y - f)/sigma with f = y/(1 + sigma^2)

    for s, t in zip(schedule.sigma[:-1].tolist(), schedule.sigma[1:].tolist()):
        ahead = y + (t - s) * slope(y, s)
        y += (t - s) / 2 * (slope(y, s) + slope(ahead, t))
    tangential, normal = final_variances(get_integrator("heun"), schedule, 1.0)
    assert (tangential, normal) == pytest.approx((y * y, 0.2**2), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "a", "order"),
    [("exponential_euler", 0.5, 1), ("ddim", 0.0, 1), ("heun", 0.0, 2), ("score_freezing", 0.25, 1)],
)
def test_exact_order(name, a, order):
    params = {
        "integrator": name,
        "a": a,
        "s": 1.0,
        "sigma_0": 10.0,
        "sigma_T": 0.05,
        "steps": "128 256 512 1024",
        "wrong_scale": 1.0,
    }
    rows = pd.DataFrame(cell_exact_order(params, 0)).assign(integrator=name, a=a, wrong_scale=1.0)
    gap = exact_orders(rows)[(name, a, 1.0)]
    assert rows.declared.eq(order).all() and abs(gap.low) < 0.06 and abs(gap.high) < 0.06
    last = rows.iloc[-1]
    if name == "exponential_euler":
        assert last.tangential == pytest.approx(-last.h / 2, rel=0.03) and abs(last.normal) < 1e-12


def test_coupled_gap_agrees_with_the_exact_recursion():
    params = {
        "law": "gaussian",
        "dim": 3,
        "ambient": 40,
        "integrator": "exponential_euler",
        "a": 0.5,
        "sigma_0": 5.0,
        "sigma_T": 0.1,
        "n": 4000,
        "steps": "8 16 32",
        "offset": 0.0,
    }
    rows = cell_coupled(params, 0)
    variances = [
        final_variances(get_integrator("exponential_euler"), Schedule.proportional(5.0, 0.1, 0.5, n), 1.0)[0]
        for n in (8, 16, 32)
    ]
    for row, gap in zip(rows, -np.diff(variances)):
        assert abs(float(row["gap"]) - 3 * gap) < 4 * row["gap_se"]
        assert row["gap_se"] < 0.5 * float(row["uncoupled_sd"]) / math.sqrt(4000)  # what coupling is for


def _gaussian_extra(a, tau, low, high):
    """int extra(tau)/(4 a sigma^2) dt for N(0, I_2).

    s^4/V_t (1 + e^-L - 2 e^-pL) less (a/(1-a)) s^4/V_t (1 - e^-L), L = log(V_i/V_t).
    """
    p = 0.5 / (1 - a)

    def rate(z):
        s2 = math.exp(2 * z)
        L = math.log((1 + s2 * math.exp(2 * (1 - a) * tau)) / (1 + s2))
        error = (1 + math.exp(-L) - 2 * math.exp(-p * L)) - a / (1 - a) * (1 - math.exp(-L))
        return 2 / (1 + s2) * error / (4 * a * s2) / (1 - a)

    return integrate.quad(rate, math.log(low), math.log(high), epsrel=1e-8)[0]


@pytest.mark.parametrize("a", [0.25, 0.75])
def test_extra_term_of_a_gaussian_is_its_closed_form(a):
    params = {
        "law": "gaussian",
        "dim": 2,
        "ambient": 1024,
        "a": a,
        "n": 2000,
        "sigma_0": 20.0,
        "sigma_T": 0.05,
        "lags": LAGS,
        "dose": 1.0,
    }
    rows = pd.DataFrame([r | {"batch": b} for b in range(12) for r in cell_extra(params | {"batch": b}, 0)]).astype(
        float
    )
    for tau, g in rows.groupby("lag"):
        exact = _gaussian_extra(a, tau, 0.05, 20.0)
        assert math.copysign(1, exact) == math.copysign(1, 1 - 2 * a)
        assert abs(g.extra.mean() - exact) < stats.t.ppf(0.9995, 11) * g.extra.std() / math.sqrt(12)

    def shape(z):  # E|G|^2/sigma^2, G = -g (1-g) y
        return 2 * math.exp(2 * z) * (1 + math.exp(2 * z)) ** -3 / (4 * a * (1 - a))

    size = integrate.quad(shape, math.log(0.05), math.log(20.0))[0]
    first = rows[rows.lag == 0.1]
    assert first.predicted.mean() == pytest.approx((1 - 2 * a) * 0.01 * size, rel=0.02)
    assert (first.naive / first.predicted).to_numpy() == pytest.approx((2 * a - 1) ** 2 / (1 - 2 * a), rel=1e-12)


def test_more_injected_variance_leaves_that_part_of_the_martingale_in():
    params = {"law": "gaussian", "dim": 2, "ambient": 1024, "a": 0.25, "n": 4000, "sigma_0": 20.0, "sigma_T": 0.05}
    params |= {"lags": "0.05", "batch": 0}
    (true,), (dosed,) = (cell_extra(params | {"dose": dose}, 0) for dose in (1.0, 1.01))
    # on the same draws; the drift of the two differs by a share lag of it
    assert float(dosed["extra"] - true["extra"]) == pytest.approx(0.01 * float(true["leading"]), rel=0.15)
    assert float(dosed["leading"]) == float(true["leading"])


def test_extra_of_a_whole_gaussian_run_changes_sign_at_one_half():
    signs = {
        a: float(
            np.sign(
                cell_extra_exact({"a": a, "dim": 2, "sigma_0": 20.0, "sigma_T": 0.05, "lags": "0.1"}, 0)[0]["extra"]
            )
        )
        for a in (0.1, 0.4, 0.6, 0.9)
    }
    assert signs == {0.1: 1.0, 0.4: 1.0, 0.6: -1.0, 0.9: -1.0}


def test_marginal_kl_by_hand():
    params = {
        "a": 0.25,
        "h": 0.1,
        "s": 1.0,
        "dim": 3,
        "sigma_0": 50.0,
        "sigma_T": 0.02,
        "integrator": "exponential_euler",
        "wrong_target": 1.0,
    }
    ratio = math.exp(-0.75 * 0.1)
    levels = [50.0 * ratio**i for i in range(math.ceil(math.log(2500) / 0.075))] + [0.02]
    u = 2500.0
    for now, after in zip(levels, levels[1:]):
        c = (after / now) ** (1 / 0.75)
        u = ((1 + c * now**2) / (1 + now**2)) ** 2 * u + after**2 - c**2 * now**2
    r = (1 + 0.02**2) / u
    row = cell_marginal_kl(params, 0)[0]
    assert row["kl"] == pytest.approx(1.5 * (r - 1 - math.log(r)), rel=1e-6) and row["limit"] == pytest.approx(
        3 * 0.01 / 16, rel=1e-12
    )


def test_dimension_leaves_the_tangential_part_alone():
    base = {"a": 0.5, "s": 1.0, "dim": 2, "sigma_0": 10.0, "sigma_T": 0.05, "steps": 32, "ambients": "1e3 1e6"}
    exact, plain = (cell_dimension(base | {"integrator": name}, 0) for name in ("exponential_euler", "score_freezing"))
    assert exact[0]["kl"] == exact[1]["kl"] and exact[0]["consistent"] and not plain[0]["consistent"]
    assert plain[1]["normal"] / plain[0]["normal"] == pytest.approx((1e6 - 2) / (1e3 - 2), rel=1e-12)


def test_clean_output_of_a_blind_run_has_the_level_of_its_coefficients():
    params = {
        "law": "mixture",
        "dim": 2,
        "ambient": 10**6,
        "integrator": "euler",
        "a": 0.5,
        "steps": 24,
        "sigma_0": 10.0,
        "sigma_T": 0.05,
        "n": 200,
    }
    row = cell_clean(params, 0)[0]
    _, v = final_variances(get_integrator("euler"), Schedule.proportional(10.0, 0.05, 0.5, 24), 1.0)
    assert row["true_level_over_scheduled"] == pytest.approx(math.sqrt(v) / 0.05, rel=1e-3)


def test_mmse_curve_against_numpy_for_atoms():
    law = manifolds.make("random_code", dim=1, ambient=64, reduced=True)
    curve = mmse_curve(law, 0.05, 5.0, 4000, manifolds.stream(0, "test"))
    points = law.core.points.numpy()
    rng = np.random.default_rng(1)
    for sigma in (0.3, 1.0):
        x = points[rng.integers(len(points), size=20000)]
        y = x + sigma * rng.standard_normal(x.shape)
        logits = -((y[:, None, :] - points) ** 2).sum(2) / (2 * sigma**2)
        share = np.exp(logits - logits.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        mean = share @ points
        trace = share @ (points**2).sum(1) - (mean**2).sum(1)
        spread = 4 * math.hypot(trace.std() / math.sqrt(20000), trace.std() / math.sqrt(4000))
        assert abs(float(curve(np.array([sigma]))[0]) - trace.mean()) < spread


def test_constant_steps_against_the_optimum_on_gaussian_data():
    params = {
        "law": "gaussian",
        "dim": 2,
        "ambient": 1024,
        "batch": 0,
        "sigma_0": 10.0,
        "sigma_T": 0.01,
        "n": 10,
        "steps": "256",
    }
    rows = {r["grid"]: r for r in cell_grid(params, 0)}
    assert 256 * rows["constant"]["best"] == pytest.approx(gaussian_optimal_limit(2, 1.0, 10.0, 0.01), rel=0.03)
    assert (
        1.0
        <= rows["equidistributed"]["ratio"]
        < 1.01
        < rows["constant"]["ratio"]
        < rows["karras"]["ratio"]
        < rows["linear"]["ratio"]
    )


def test_levels_table_holds_both_grids():
    params = {
        "law": "gaussian",
        "dim": 2,
        "ambient": 1024,
        "batch": 0,
        "sigma_0": 10.0,
        "sigma_T": 0.01,
        "n": 10,
        "N": 8,
    }
    rows = pd.DataFrame(cell_levels(params, 0)).astype(float)
    assert rows.constant.to_numpy() == pytest.approx(np.geomspace(10.0, 0.01, 9), rel=1e-12)
    assert rows.k_eff.to_numpy() == pytest.approx(2 / (1 + rows.optimal.to_numpy() ** 2), rel=1e-3)


def _synthetic(order, batches=12, noise=0.02):
    rng = np.random.default_rng(3)
    rows = []
    for law, scale in (("one", 1.0), ("two", 5.0)):
        for batch in range(batches):
            for lag in (0.05, 0.1, 0.2):
                rows.append(
                    {
                        "law": law,
                        "a": 0.25,
                        "batch": batch,
                        "lag": lag,
                        "predicted": scale * lag**2,
                        "extra": scale * lag**order * 0.05 ** (2 - order) * (1 + noise * rng.standard_normal()),
                    }
                )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0])
def test_order_in_lag_finds_the_order(order):
    found = order_in_lag(pooled(_synthetic(order), "extra", "predicted"), 2.0)
    assert found.contains(order) and found.high - found.low < 0.05


def test_pooled_ratio_weighs_laws_by_their_own_scatter():
    quiet, loud = _synthetic(2.0, noise=0.01), _synthetic(2.0, noise=1.0)
    rows = pd.concat([quiet[quiet.law == "one"], loud[loud.law == "two"]])
    assert pooled(rows, "extra", "predicted").mean().mean() == pytest.approx(1.0, abs=0.01)
