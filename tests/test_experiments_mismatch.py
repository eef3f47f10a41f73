"""The mismatch experiment: closed forms against runs, prices and estimators against hand calculations, verdicts on made tables."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import manifolds
from analysis.mismatch import EXPERIMENT
from analysis.mismatch.argument import argument_curve
from analysis.mismatch.arms import ROOM, build_arm, exact_blind
from analysis.mismatch.bias import cell_adaptive_bias
from analysis.mismatch.compare import compare, summarise
from analysis.mismatch.estimators import divergence_probe, probe_estimate, residual_estimate, trace_estimate
from analysis.mismatch.levels import cell_levels, closed_form
from analysis.mismatch.loose_ends import cell_step_counts
from analysis.mismatch.price import blind_drift_errors, distance_price, drift_weights, path_price
from analysis.mismatch.settings import (
    CLOSED_FORM,
    GRIDS,
    INTEGRATOR_NAMES,
    LAWS,
    ambient_of,
    integrator_of,
    law_of,
    levels_of,
    own_settings,
    schedule_of,
)
from analysis.mismatch.stopping import narrowing_dimension, stopping_law, walk_variance
from analysis.mismatch.trained import cell_trained, risk_curve
from analysis.mismatch.verdicts import decide
from analysis.runs.claims import judge
from analysis.theory import coefficients as theory
from analysis.theory.gaussian_run import output_variance
from analysis.training.fit import fit
from analysis.training.laws import law_of as trained_law
from manifolds.denoisers import ConditionalDenoiser, as_denoiser

COMBINATIONS = [(i, g, a) for i in INTEGRATOR_NAMES for g in GRIDS for a in (0.0, 0.2, 0.5) if own_settings(i, g, a)]


# -- levels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, grid, a", COMBINATIONS)
def test_closed_form_is_that_of_the_sampler(name, grid, a):
    integrator, schedule = integrator_of(name), schedule_of(grid, a, 30)
    coefficients = integrator.coefficients(schedule)
    expected = closed_form(name, schedule, coefficients)
    torch.testing.assert_close(coefficients.normal_variance().sqrt(), expected, rtol=1e-10, atol=0)
    assert coefficients.normal_consistent == (name != "euler")


@pytest.mark.parametrize("name, a", [("euler", 0.0), ("euler", 0.5), ("kadkhodaie_simoncelli", 0.2), ("heun", 0.0)])
@pytest.mark.parametrize("arm", ["blind", "conditional"])
def test_runs_have_the_predicted_level_at_every_step(name, a, arm):
    params = {"law": "gaussian", "ambient": 4000, "integrator": name, "grid": "karras", "a": a, "steps": 20}
    rows = pd.DataFrame(cell_levels({**params, "arm": arm, "sabotage": False, "samples": 200}, 3)).astype(float)
    # 21 correlated steps: 99.9 % each, hence about 99 % together
    assert ((rows.relative - 1).abs() <= 3.3 * rows.relative_se).all()
    assert rows.relative_se.max() < 2e-3


def test_a_denoiser_that_leaves_noise_breaks_the_closed_form():
    params = {
        "law": "gaussian",
        "ambient": 4000,
        "integrator": "euler",
        "grid": "geometric",
        "a": 0.0,
        "steps": 20,
        "arm": "conditional",
    }
    rows = pd.DataFrame(cell_levels({**params, "sabotage": True, "samples": 200}, 3)).astype(float)
    schedule = schedule_of("geometric", 0.0, 20)
    # f = clean + 2 % of the noise: c turns into c + .02 (1 - c)
    c, eta = theory.plain_euler(schedule.sigma.numpy(), 0.0)
    expected = np.sqrt(theory.noise_variance(c + 0.02 * (1 - c), eta, 400.0))
    np.testing.assert_allclose(rows.measured, expected, rtol=5e-3)
    assert rows.relative.iloc[-1] > 1.05


# -- wrong arguments -------------------------------------------------------------------------------------------------


def test_cost_of_a_wrong_argument_on_a_gaussian():
    k, s, sigma = 3, 0.7, 0.4
    law = manifolds.make("gaussian", dim=k, ambient=50, reduced=True, scale=s)
    source = manifolds.stream(5, "argument")
    x = law.sample(40_000, source.child("x"))
    y = law.add_noise(x, sigma, source.child("z"))
    rows = argument_curve(ConditionalDenoiser(law), x, y, sigma, (0.5, 2.0), law.space)
    assert [row["factor"] for row in rows] == [0.5, 1.0, 2.0]
    gain = [s**2 / (s**2 + (t * sigma) ** 2) for t in (0.5, 1.0, 2.0)]
    for g, row in zip(gain, rows):
        expected = k * (g - gain[1]) ** 2 * (s**2 + sigma**2)
        half = (row["excess_high"] - row["excess_low"]) / 2 * 3.3 / 1.96
        assert abs(row["excess"] - expected) <= half + 1e-15
        assert row["mse_low"] < k * s**2 * sigma**2 / (s**2 + sigma**2) + expected < row["mse_high"] or g != gain[1]


def test_a_blind_denoiser_has_no_wrong_argument():
    law = manifolds.make("gaussian", dim=2, ambient=50, reduced=True)
    x = law.sample(100, manifolds.stream(0, "x"))
    rows = argument_curve(lambda y: 0.5 * y, x, 2.0 * x, 0.3, (0.5, 2.0), law.space)
    assert all(row["excess"] == 0.0 and row["mse"] == 0.0 for row in rows)


# -- trained networks -------------------------------------------------------------------------------------------------

TRAINED = {
    "law": "gaussian", "dim": 2, "ambient": 16, "architecture": "locally_linear", "width": 32, "batch": 256, "steps": 250, "lr": 1e-2,
    "prior": "balanced", "low": 0.05, "high": 5.0, "points": 4000, "levels": ".15 .6", "factors": ".5 2", "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def curves():
    """Rows of a network trained for a second, and of its blind sibling."""
    return {blind: pd.DataFrame(cell_trained({**TRAINED, "blind": blind}, 0)) for blind in (False, True)}


def test_curve_without_the_noise_of_the_clean_points_is_the_plain_risk():
    """Any f of y: mmse + E|f_sigma - f|^2, at every told level, against |f - x|^2 on other points and the closed-form MMSE."""
    law = trained_law(TRAINED)
    source = manifolds.stream(3, "plain")
    rough = as_denoiser(lambda y, told: y / (1 + 2 * told**2) + 0.1 * torch.sin(3 * y), law.space)
    y = law.add_noise(law.sample(20_000, source.child("x")), 0.6, source.child("z"))
    for row in risk_curve(rough, law, y, 0.6, (0.5, 2.0)):
        own = source.child(row["factor"])
        x = law.sample(20_000, own.child("x"))
        errors = (rough(law.add_noise(x, 0.6, own.child("z")), row["factor"] * 0.6) - x).square().sum(dim=1)
        half = (row["mse_high"] - row["mse_low"]) / 2 / 1.96
        assert abs(float(errors.mean()) - row["mse"]) < 3.3 * math.hypot(half, float(errors.std()) / math.sqrt(20_000))
        # N(0, 1) in the plane: variance .36/1.36 a direction
        assert row["mmse"] == pytest.approx(2 * 0.36 / 1.36, rel=1e-12)


def test_a_network_told_the_truth_has_its_plain_risk(curves):
    law = trained_law(TRAINED)
    draws = manifolds.stream(0, "mismatch trained", "gaussian", 2, 16)
    network = fit({**TRAINED, "blind": False}, law, draws.child("training", False))  # the cell's own weights
    source = manifolds.stream(8, "plain risk")
    for sigma in (0.15, 0.6):
        x = law.sample(20_000, source.child("x", sigma))
        errors = (network(law.add_noise(x, sigma, source.child("z", sigma)), sigma) - x).square().sum(dim=1)
        row = (
            curves[False]
            .query("denoiser == 'trained' and arm == 'conditional' and factor == 1 and sigma == @sigma")
            .iloc[0]
        )
        # over the MMSE, since the cell's rows leave out the noise of the clean points
        assert abs(float(errors.mean()) - row.mse) < 3.3 * float(errors.std()) / math.sqrt(20_000) + (
            row.mse_high - row.mse_low
        )


@pytest.mark.parametrize("sigma", [0.15, 0.6])
def test_a_trained_curve_follows_the_exact_one(curves, sigma):
    """Exact: the excess k (g_told - g)^2 (s^2 + sigma^2) of a Gaussian; the network's curve is within a few per cent of its MSE."""
    rows = curves[False].query("sigma == @sigma")
    exact = rows.query("denoiser == 'exact'").set_index("factor")
    trained = rows.query("denoiser == 'trained' and arm == 'conditional'").set_index("factor")
    for told in (0.5, 1.0, 2.0):
        gain = [1 / (1 + (t * sigma) ** 2) for t in (told, 1.0)]
        expected = 2 * (gain[0] - gain[1]) ** 2 * (1 + sigma**2)
        assert exact.excess[told] == pytest.approx(
            expected, rel=0.08, abs=1e-15
        )  # 4000 points: chi-square of 8000 degrees of freedom
        assert trained.mse[told] == pytest.approx(exact.mse[told], rel=0.03)
    assert trained.mse[1.0] < 1.01 * trained.mmse[1.0]
    assert (trained.mse >= trained.mmse).all()  # no function of y errs less than the posterior mean


def test_a_shifted_network_is_the_network_told_twice_as_much(curves):
    for _, rows in curves[False].query("denoiser == 'trained'").groupby("sigma"):
        mse = rows.set_index(["arm", "factor"]).mse
        assert mse["shifted", 0.5] == mse["conditional", 1.0] and mse["shifted", 1.0] == mse["conditional", 2.0]
    blind = curves[True]
    assert set(blind.factor) == {1.0} and (blind.excess == 0).all()
    assert (blind.mse < 1.06 * blind.mmse).all()


# -- the price of blindness -------------------------------------------------------------------------------------------


def test_blind_drift_error_of_a_gaussian():
    k, d, s, sigma = 4, 20_004, 0.5, 0.4
    law = manifolds.make("gaussian", dim=k, ambient=d, reduced=True, scale=s)
    error = blind_drift_errors(
        exact_blind(law, 0.02, 20.0), law, torch.tensor([sigma]), 20_000, manifolds.stream(1, "drift")
    )
    # df/dlog sigma = -2 s^2 sigma^2/(s^2+sigma^2)^2 y, times a level that is off by N(0, 1/(2n)) in its logarithm
    slope = 2 * s**2 * sigma**2 / (s**2 + sigma**2) ** 2
    expected = k * (s**2 + sigma**2) * slope**2 / (2 * (d - k))
    # relative variance of |u|^2 delta^2: 3 (1 + 2/k) - 1
    assert float(error[0]) == pytest.approx(expected, rel=3.3 * math.sqrt((3 * (1 + 2 / k) - 1) / 20_000) + 2e-3)


def test_drift_weights_are_those_of_a_step_with_constant_f():
    schedule = schedule_of("geometric", 0.2, 60)
    for name in INTEGRATOR_NAMES:
        integrator = integrator_of(name)
        steps = integrator.coefficients(schedule)
        weights = drift_weights(integrator, steps)
        assert weights[-1] >= 1.0
        one = torch.ones(1, 2, dtype=torch.float64)
        # from y = 0 with f = 1 everywhere a step leads to its weight
        moved = torch.stack(
            [integrator.mean(0 * one, one, i, steps, lambda v, j: torch.ones_like(v))[0, 0] for i in range(60)]
        )
        assert float(weights.sum()) == pytest.approx(float(moved.sum()) + 1.0, rel=1e-12)


def test_prices_by_hand():
    schedule = schedule_of("geometric", 0.5, 3)
    integrator = integrator_of("exponential_euler")
    steps = integrator.coefficients(schedule)
    errors = torch.tensor([4.0, 1.0, 0.25, 0.04], dtype=torch.float64)
    c = steps.contraction
    by_hand = float(2 * (1 - c[0]) + (1 - c[1]) + 0.5 * (1 - c[2]) + 0.2)
    assert distance_price(errors, integrator, steps) == pytest.approx(by_hand, rel=1e-14)
    nats = sum(float((1 - c[i]) ** 2 * errors[i] / (2 * steps.noise_variance[i])) for i in range(3))
    assert path_price(errors, steps) == pytest.approx(nats, rel=1e-14)
    assert path_price(errors, integrator.coefficients(schedule_of("geometric", 0.0, 3))) == math.inf


# -- comparisons -----------------------------------------------------------------------------------------------------


def test_gaussian_errors_are_those_of_the_exact_recursion():
    law = law_of("gaussian", 20_000)
    schedule, integrator = schedule_of("geometric", 0.0, 15), integrator_of("euler")
    rows = compare(
        law, schedule, integrator, ("blind", "conditional", "informed"), 1500, 6, manifolds.stream(2, "recursion")
    )
    levels, (c, eta) = schedule.sigma.numpy(), theory.plain_euler(schedule.sigma.numpy(), 0.0)
    told = {"blind": "true", "informed": "true", "conditional": "scheduled"}
    for row in rows:
        # two centred isotropic Gaussians: every slice is at distance |sd - sd'|
        expected = (math.sqrt(output_variance(c, eta, levels, 0.5, told[row["arm"]])) - 0.5) ** 2
        half = (row["excess_square_high"] - row["excess_square_low"]) / 2
        assert (
            abs(row["excess_square"] - expected) <= 6.9 / 2.57 * half
        )  # t with 5 degrees of freedom: 99.9 % over 95 %
    blind, conditional, informed = rows
    assert conditional["ratio_low"] > 2
    assert informed["distance_to_blind"] < 0.05 * conditional["distance_to_blind"]
    assert abs(informed["remaining_share"]) < 0.01


def test_consistent_coefficients_make_informed_and_conditional_one_run():
    law = law_of("mixture", 500)
    rows = compare(
        law,
        schedule_of("karras", 0.2, 8),
        integrator_of("exponential_euler"),
        ("blind", "conditional", "informed"),
        100,
        3,
        manifolds.stream(0, "same"),
    )
    for name in ("error", "gap_square", "distance_to_blind", "ratio"):
        assert rows[1][name] == rows[2][name]
    arm = build_arm(
        "informed",
        law,
        schedule_of("karras", 0.2, 8),
        integrator_of("exponential_euler").coefficients(schedule_of("karras", 0.2, 8)),
    )
    torch.testing.assert_close(arm.told, schedule_of("karras", 0.2, 8).sigma, rtol=1e-12, atol=0)


QUADRATURE = sorted(set(LAWS) - set(CLOSED_FORM))


def _main_run(name):
    """Schedule and coefficients of the main comparison of a law, plain Euler at a = 0: the run that goes lowest."""
    schedule = schedule_of("geometric", 0.0, 25, *levels_of(name))
    return schedule, integrator_of("euler").coefficients(schedule)


@pytest.mark.parametrize("name", QUADRATURE)
def test_nodes_are_fine_enough_where_a_mismatched_run_ends(name):
    """At the lowest level that is reached, four times as many nodes (a surface) and a prior that goes on below change nothing."""
    _, coefficients = _main_run(name)
    (start, end), lowest = levels_of(name), float(coefficients.normal_variance()[-1].sqrt())
    # start prod (1 - h_i), h_i = 1 - sigma_{i+1}/sigma_i to first order in log: told geometric levels, the true one is below
    assert lowest == pytest.approx(start * (1 - math.log(start / end) / 25) ** 25, rel=1e-12) and lowest < 0.7 * end
    laws = [law_of(name, ambient_of(name, 2000), finest=LAWS[name]["finest"] * share) for share in (1.0, 0.5)]
    y = laws[0].add_noise(laws[0].sample(20, manifolds.stream(0, name, "x")), lowest, manifolds.stream(0, name, "z"))
    for arm in (lambda law: exact_blind(law, end, start)(y), lambda law: law.denoise(y, lowest)):
        coarse, fine = (arm(law) for law in laws)
        moved, size = laws[0].space.sqnorm(coarse - fine).max().sqrt(), laws[0].posterior_trace(y, lowest).mean().sqrt()
        assert float(moved) < 1e-4 * float(size)


def test_a_run_below_the_level_of_the_nodes_is_refused():
    schedule, coefficients = _main_run("trefoil")
    reached = float(coefficients.normal_variance()[-1].sqrt())
    for arm in ("blind", "informed"):
        assert (
            build_arm(arm, law_of("trefoil", 2000, finest=reached / (1.001 * ROOM)), schedule, coefficients).name == arm
        )
        with pytest.raises(ValueError, match="finest must be at most"):
            build_arm(arm, law_of("trefoil", 2000, finest=1.001 * reached / ROOM), schedule, coefficients)


def test_summary_by_hand():
    row = summarise(np.array([4.0, 4.0, 4.0]), np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0]))
    assert (row["error"], row["floor"], row["excess_square"], row["gap_square"], row["error_gap"]) == (
        2.0,
        1.0,
        3.0,
        3.0,
        1.0,
    )
    assert row["ratio"] == pytest.approx(2.0)


# -- the adaptive scheme ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduced", [True, False])
def test_probe_of_a_linear_denoiser_is_its_trace(reduced):
    law = manifolds.make("gaussian", dim=3, ambient=40, reduced=reduced, scale=0.5)
    y = law.add_noise(law.sample(20, manifolds.stream(0, "x")), 0.3, manifolds.stream(0, "z"))
    gain = 0.25 / (0.25 + 0.09)
    f = lambda v: law.denoise(v, 0.3)  # noqa: E731
    found = divergence_probe(
        f, law.space, y, f(y), torch.full((20, 1), 1e-3, dtype=torch.float64), manifolds.stream(0, "probe")
    )
    torch.testing.assert_close(found, torch.full((20,), 3 * gain, dtype=torch.float64), rtol=1e-9, atol=0)


def test_corrected_estimates_are_unbiased_and_the_residual_is_not():
    k, d, s, sigma = 30, 200, 1.0, 0.3
    law = manifolds.make("gaussian", dim=k, ambient=d, reduced=True, scale=s)
    source = manifolds.stream(4, "unbiased")
    y = law.add_noise(law.sample(20_000, source.child("x")), sigma, source.child("z"))
    f = exact_blind(law, 0.02, 5.0)
    fy = f(y)
    removed = k * s**2 / (s**2 + sigma**2) / d
    for estimate, expected in (
        (residual_estimate(law.space), 1 - removed),
        (trace_estimate(law), 1.0),
        (probe_estimate(f, law.space, source.child("probe")), 1.0),
    ):
        ratio = estimate(y, fy).square() / sigma**2
        # blindness and the noisy level inside the corrections leave terms of order k/d^2
        assert float(ratio.mean()) == pytest.approx(
            expected, abs=3.3 * float(ratio.std()) / math.sqrt(20_000) + k / d**2
        )


def test_level_at_the_end_of_adaptive_runs_with_and_without_correction():
    params = {"law": "gaussian", "dim": 40, "ambient": 400, "a": 0.5, "h": 0.2, "samples": 1500}
    for estimator in ("residual", "trace", "probe"):
        rows = pd.DataFrame(cell_adaptive_bias({**params, "estimator": estimator}, 0))
        run = rows[rows.kind == "run"].iloc[0]
        half = (run.ratio_high - run.ratio_low) / 2 * 3.3 / 1.96
        assert abs(run.ratio - run.predicted) <= half + 0.005  # the drift is to first order in h k/d
    assert run.predicted == pytest.approx(math.exp(-2 * 0.5 * math.log(5.0 / 0.02) / 0.5 / 400), rel=1e-12)


def test_stopping_law_against_a_simulated_walk():
    distance, drop, start, step = 5.0, 0.1, 2e-3, 2e-4
    rng = np.random.default_rng(7)
    n = 40_000
    level, stopped, steps = distance + math.sqrt(start) * rng.standard_normal(n), np.full(n, np.nan), np.zeros(n)
    for i in range(1, 200):
        moving = np.isnan(stopped)
        level[moving] += -drop + math.sqrt(step) * rng.standard_normal(moving.sum())
        hit = moving & (level <= 0)
        stopped[hit], steps[hit] = level[hit], i
    expected = stopping_law(distance, drop, start, step)
    assert not np.isnan(stopped).any()
    assert expected["mean_steps"] == pytest.approx(steps.mean(), abs=3.3 * steps.std() / math.sqrt(n))
    assert expected["sd_steps"] == pytest.approx(steps.std(), rel=0.02)
    # a variance from 40000 draws of a nearly uniform law: relative sd sqrt(.8/n)
    assert expected["log_level_variance"] == pytest.approx(stopped.var(), rel=3.3 * math.sqrt(0.8 / n) + 0.005)


def test_narrowing_dimension_is_where_the_two_variances_meet():
    a, h, horizon = 0.5, 0.2, 13.8
    d = narrowing_dimension(a, h, horizon)
    assert walk_variance(d, a, horizon) == pytest.approx(((1 - a) * h) ** 2 / 12, rel=1e-12)


@pytest.mark.parametrize(
    "variant, steps", [("squared", 27), ("exponential", 28), ("beta_constant", 108), ("beta_growing", 80)]
)
def test_printed_settings_by_hand(variant, steps):
    [row] = cell_step_counts(
        {"law": "gaussian", "ambient": 6400, "variant": variant, "h": 0.2, "a": 0.2, "samples": 50}, 0
    )
    assert row["steps_recursion"] == steps
    assert abs(row["steps_mean"] - steps) < 1


def test_unsquared_injection_stays_at_its_fixed_point():
    [row] = cell_step_counts(
        {"law": "gaussian", "ambient": 6400, "variant": "unsquared", "h": 0.2, "a": 0.2, "samples": 20}, 0
    )
    v = 16.0
    for _ in range(400):
        v = 0.8**2 * v + 2 * 0.2 * 0.2 * math.sqrt(v)
    assert row["fixed_point"] == pytest.approx(math.sqrt(v), rel=1e-9)
    assert row["run_status"] == "step_cap" and row["steps_mean"] == 1000
    assert float(row["level_end"]) == pytest.approx(math.sqrt(v), rel=0.05)


# -- plan and verdicts -----------------------------------------------------------------------------------------------


class _Options:
    profile, law, full_law, ambient, steps = "paper", ("mixture", "gaussian"), ("gaussian",), 2000, (15, 25)
    integrator, grid, device = INTEGRATOR_NAMES, GRIDS, "cpu"


@pytest.mark.parametrize("profile", ["smoke", "full"])
def test_plan_of_the_other_profiles_makes_no_run_twice(profile):
    options = type(
        "Other", (_Options,), {"profile": profile, "law": tuple(LAWS), "full_law": CLOSED_FORM, "device": "cuda:1"}
    )
    plan = EXPERIMENT.plan(options)
    cells = [(cell.part, tuple(sorted(cell.params.items()))) for cell in plan]
    assert len(set(cells)) == len(cells)
    # networks are trained where they are told to be
    assert {cell.params["device"] for cell in plan if cell.part == "mismatch_trained"} == {"cuda:1"}
    # images in the dimension of their pixels, and no law by quadrature where runs go lower than its nodes
    runs = [cell.params for cell in plan if cell.part == "mismatch_factorial"]
    assert {p["ambient"] for p in runs if p["law"] == "blobs"} == {32 * 32}
    assert {(p["grid"], p["a"], p["steps"]) for p in runs if p["law"] in QUADRATURE} == {("geometric", 0.0, 25)}


def test_plan_makes_no_run_twice():
    cells = [(cell.part, tuple(sorted(cell.params.items()))) for cell in EXPERIMENT.plan(_Options)]
    assert len(set(cells)) == len(cells)
    assert {part for part, _ in cells} == set(EXPERIMENT.parts)
    full = [
        dict(params) for part, params in cells if part == "mismatch_factorial" and dict(params)["law"] == "gaussian"
    ]
    assert {(p["integrator"], p["grid"], p["a"]) for p in full} == set(COMBINATIONS)


def _made(gap, kept, image=1024):
    """A table of the main comparison with given conditional/blind ratios under plain and exponential Euler; law e has its own d."""
    rows = []
    for integrator, ratios in (("euler", gap), ("exponential_euler", kept)):
        for law, ratio in zip("abcde", ratios):
            for arm, own in (("blind", 1.0), ("conditional", ratio), ("informed", 1.0)):
                row = {
                    "law": law,
                    "ambient": image if law == "e" else 2000,
                    "integrator": integrator,
                    "grid": "geometric",
                    "a": 0.0,
                    "steps": 25,
                    "arm": arm,
                }
                row |= {"consistent": integrator != "euler"}
                values = {
                    "ratio": own,
                    "conditional_over_own": ratio,
                    "over_price": abs(own - 1),
                    "remaining_share": 0.0 if arm == "informed" else 1.0,
                }
                for name, v in values.items():
                    row |= {name: v, f"{name}_low": v, f"{name}_high": v}
                rows.append(row)
    return pd.DataFrame(rows)


def test_verdicts_on_made_tables():
    claims = {claim.id: claim for claim in EXPERIMENT.claims}

    def outcome(table):
        return {m.claim: judge(claims[m.claim], m).outcome for m in decide({"mismatch_factorial": table}, _Options)}

    assert outcome(_made((3, 3, 3, 3, 1), (1, 1, 1, 1, 1)))["M3"] == "holds"
    # a gap that consistent coefficients show as well is not one of coefficients: the power control fails
    assert outcome(_made((3, 3, 3, 3, 1), (3, 3, 3, 3, 1)))["M3"] == "inconclusive"
    assert (
        outcome(_made((3, 3, 3, 1, 1), (1, 1, 1, 1, 1)))["M3"] == "inconclusive"
    )  # the informed null control counts 3 laws too
    # an image law counts in its own dimension, and is no control of another one
    assert outcome(_made((3, 3, 3, 1, 3), (1, 1, 1, 1, 1)))["M3"] == "holds"
    assert "M5" not in outcome(_made((3, 3, 3, 3, 3), (1, 1, 1, 1, 1)))
    assert outcome(_made((3, 3, 3, 3, 1), (1, 1, 1, 1, 1.5)))["M4"] == "holds"
    assert outcome(_made((3, 3, 3, 3, 1), (1, 1, 1, 1, 2.5)))["M4"] == "violated"


def _told(denoiser, excess, shifted):
    """Rows of two laws with the given extra MSE over an MMSE of 2: the second number holds for law b at factor 2."""
    rows = []
    for arm, (usual, least) in (("conditional", excess), ("shifted", shifted)):
        for law in "ab":
            for factor in (0.5, 1.0, 2.0):
                value = 0.0 if factor == 1 else 2 * (least if (law, factor) == ("b", 2.0) else usual)
                row = {
                    "law": law,
                    "sigma": 0.15,
                    "denoiser": denoiser,
                    "arm": arm,
                    "factor": factor,
                    "mmse": 2.0,
                    "expected_excess": 0.3,
                }
                rows.append(row | {"excess": value, "excess_low": value - 0.02, "excess_high": value + 0.02})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("exact, trained, shifted, measured, outcome", [
    ((0.4, 0.3), (0.5, 0.2), (-0.2, -0.3), 0.2, "holds"),
    ((0.4, 0.1), (0.5, 0.2), (-0.2, -0.3), 0.1, "holds"),
    ((0.4, 0.3), (0.5, -0.1), (-0.2, -0.3), -0.1, "violated"),  # a network that errs less when it is told twice the level
    ((0.4, 0.3), (0.5, 0.005), (-0.2, -0.3), 0.005, "inconclusive"),
    ((0.4, 0.3), (0.5, 0.2), (0.1, 0.2), 0.2, "inconclusive"),  # the sabotage is not seen
])  # fmt: skip
def test_wrong_arguments_are_judged_on_exact_and_trained_curves(exact, trained, shifted, measured, outcome):
    tables = {
        "mismatch_argument": _told("exact", exact, (-0.2, -0.3)).drop(columns="denoiser"),
        "mismatch_trained": _told("trained", trained, shifted),
    }
    [found] = decide(tables, _Options)
    assert (
        found.claim == "M1"
        and found.measured == pytest.approx(measured)
        and found.low == pytest.approx(measured - 0.01)
    )
    claims = {claim.id: claim for claim in EXPERIMENT.claims}
    assert judge(claims["M1"], found).outcome == outcome
    assert (
        decide({"mismatch_argument": tables["mismatch_argument"]}, _Options) == []
    )  # half of the claim decides nothing


@pytest.mark.parametrize("call, words", [
    (lambda: law_of("nowhere", 10), "law must be one of"),
    (lambda: schedule_of("linear", 0.0, 5), "grid must be one of"),
    (lambda: build_arm("psychic", law_of("gaussian", 10), schedule_of("karras", 0.0, 5), None), "arm must be one of"),
])  # fmt: skip
def test_wrong_names_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
