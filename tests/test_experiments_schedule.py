"""The schedule experiment: its cells against closed forms and independent quadrature, its rules against brute force."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

import manifolds
from analysis.integrators.catalogue import affordable, cases, end_level, in_space
from analysis.schedule.continuous_time import cell_continuous
from analysis.schedule.figure2 import cell_figure2, plane_mixture
from analysis.schedule.figure3_rate import cell_rate
from analysis.schedule.fine_paths import cell_fine
from analysis.schedule.free_tracking import cell_free
from analysis.schedule.ideal_marginals import cell_marginals, rejection_rate
from analysis.schedule.implicit import INJECTIONS, cell_implicit
from analysis.schedule.path_law import cell_path_law
from analysis.schedule.settings import WANING, fine_schedule, largest_deviation, waning
from analysis.schedule.tracking import cell_tracking
from analysis.theory.schedule import implicit_variance
from manifolds.laws.gaussian import IsotropicGaussian

SIZE = {"sigma_0": 10.0, "sigma_T": 0.01}


def test_cases_are_low_dimensional_and_take_the_first_dimension_that_exists():
    found = dict(cases((2, 1), 200, ("gaussian", "full_gaussian", "ellipse", "atoms")))
    assert found == {"gaussian": 2, "ellipse": 1}  # k = d and laws without data of their own are left out
    assert cases((60,), 200, ("gaussian",)) == ()  # the core would fill more than a quarter of the space


def test_end_level_and_sample_size_follow_the_nodes():
    finest = manifolds.make("moebius", dim=2, ambient=200, reduced=True).core.finest_sigma
    assert (
        end_level("moebius", 2, 200, 0.01) == pytest.approx(finest, rel=2e-3)
        and end_level("gaussian", 2, 200, 0.01) == 0.01
    )
    assert affordable("gaussian", 2, 200, 4000) == 4000 and affordable("moebius", 2, 200, 4000) < 1000


@pytest.mark.parametrize("injection", ["0", "0.8", WANING])
def test_fine_schedule_ends_where_it_is_asked_to(injection):
    found = fine_schedule(injection, 5.0, 0.1, 0.1)
    assert found.sigma_end == pytest.approx(0.1, rel=1e-9) and float(found.h.max()) <= 0.1 + 1e-12
    if injection == WANING:
        assert found.sigma.numpy() ** 2 == pytest.approx(
            implicit_variance(found.t.numpy(), 5.0, waning(5.0)), rel=1e-12
        )


@pytest.mark.parametrize("kind", INJECTIONS)
def test_implicit_schedule_falls_exactly_when_the_premise_holds(kind):
    for draw in range(5):
        row = cell_implicit({"kind": kind, "draw": draw, "sigma_0": 3.0, "horizon": 20.0, "steps": 200}, 0)[0]
        assert row["premise"] == (kind not in ("rising", "oversized", "over_edge"))
        assert (row["largest_rise"] <= 1e-14) == row["premise"]
        assert row["premise"] is False or row["bound_ratio"] <= 1 + 1e-12
        assert kind == "staircase" or row["gap"] < 1e-12


def test_constant_injection_has_its_closed_form():
    row = cell_implicit({"kind": "constant", "draw": 0, "sigma_0": 3.0, "horizon": 2.0, "steps": 10}, 0)[0]
    assert row["sigma_end_over_start"] == pytest.approx(math.sqrt(0.25 + 0.75 * math.exp(-4.0)), rel=1e-13)


def test_sabotages_near_the_limits_do_what_is_said_of_them():
    base = {"draw": 0, "sigma_0": 10.0, "horizon": 200.0, "steps": 800}
    rows = {kind: cell_implicit(base | {"kind": kind}, 0)[0] for kind in ("edge", "over_edge", "floor")}
    # held at (1 + e) sigma_0^2, sigma^2 grows by e (1 - e^{-2/4}) in the first step of 1/4
    rise = 8e-12 * -math.expm1(-0.5) / 2
    assert rows["over_edge"]["largest_rise"] == pytest.approx(rise, rel=1e-3) and rows["edge"]["largest_rise"] < 1e-15
    assert rows["floor"]["sigma_end_over_start"] == pytest.approx(0.0375, rel=1e-12)


def test_gaussian_variance_in_continuous_time():
    base = {"s": 0.7, "sigma_0": 4.0, "horizon": 3.0, "injection": "0.5"}
    truth, wrong = (cell_continuous(base | {"factor": f}, 0)[0] for f in (1.0, 1.05))
    assert truth["largest_gap"] < 1e-11 and truth["sigma_end"] == pytest.approx(4.0 * math.exp(-1.5), rel=1e-11)
    # more injection: u = V/(s^2 + sigma^2) obeys u' = 2 (f - 1) a_t/(s^2 + sigma^2) + (1 - u) 2 a_t/(..): by quadrature
    v = 0.49 + (4.0 * np.exp(-0.5 * np.linspace(0, 3, 20001))) ** 2
    grow = np.concatenate([[0.0], np.cumsum((1 - 0.49 / v)[:-1] + (1 - 0.49 / v)[1:]) * (3 / 20000) / 2])
    gap = 0.05 * np.trapezoid((1 - 0.49 / v) * np.exp(grow - grow[-1]), dx=3 / 20000)
    assert wrong["largest_gap"] >= gap * (1 - 1e-6) and wrong["largest_gap"] == pytest.approx(gap, rel=0.3)


def test_marginal_trials_reject_at_their_level_and_see_a_tenth():
    base = {
        "law": "gaussian",
        "dim": 2,
        "ambient": 200,
        "injection": "0",
        "sigma_0": 5.0,
        "h": 0.4,
        "n": 300,
        "overdose": False,
    }
    trials = pd.DataFrame([r for i in range(60) for r in cell_marginals(base | {"sigma_T": 1.0}, i)])
    null, late = trials[trials.trial == "truth"].rejects.sum(), trials[trials.trial == "late"].rejects.sum()
    assert null <= stats.binom.ppf(0.999, 60, 0.05) and late == 60
    # the control near the limit has three draws of its own a cell
    counts = trials.trial.value_counts()
    assert counts["barely late"] == 180 and counts.drop("barely late").eq(60).all()
    near = trials[trials.trial == "barely late"].assign(cell=np.repeat(np.arange(60), 3))
    assert not near.duplicated(["cell", "ks_core", "ks_normal", "ks_moment"]).any()


def test_marginal_p_value_is_that_of_the_least_of_three():
    params = {
        "law": "gaussian",
        "dim": 2,
        "ambient": 200,
        "injection": "0.5",
        "sigma_0": 5.0,
        "sigma_T": 1.0,
        "h": 0.4,
        "n": 400,
        "overdose": True,
    }
    row = cell_marginals(params, 0)[0]
    least = min(stats.kstwo.sf(row[name], 200) for name in ("ks_core", "ks_normal", "ks_moment"))  # n m/(n + m) = 200
    assert row["trial"] == "run" and row["rejects"] and row["p_value"] == pytest.approx(3 * least, rel=0.5)


def test_tracking_has_the_bias_and_the_spread_of_the_residual():
    params = {
        "law": "gaussian",
        "dim": 8,
        "ambient": 400,
        "sabotage": "truth",
        "a": 0.5,
        "steps": 12,
        "n": 4000,
        "posteriors": 50,
    }
    rows = pd.DataFrame(cell_tracking(params | SIZE, 0))
    inner = rows[(rows.step > 0) & (rows.step < 12)]
    effective = 8 / (1 + inner.sigma**2)
    assert inner.k_eff.to_numpy() == pytest.approx(effective.to_numpy(), rel=1e-9)
    shift = (inner.log_ratio + (effective + 1) / 800) / inner.log_ratio_se  # independent draws at every step
    assert (shift.abs() < stats.norm.ppf(1 - 5e-4 / 11)).all() and stats.chi2.sf((shift**2).sum(), 11) > 1e-3
    assert inner.log_ratio_sd.to_numpy() == pytest.approx((800 - 2 * effective.to_numpy()) ** -0.5, rel=0.06)


def test_tracking_run_follows_and_a_wrong_injection_does_not():
    params = {"law": "sphere", "dim": 2, "ambient": 2000, "a": 0.5, "steps": 12, "n": 200, "posteriors": 20}
    run, wrong = (pd.DataFrame(cell_tracking(params | SIZE | {"sabotage": s}, 0)) for s in ("none", "injection"))
    assert (run.log_ratio.abs() < 4.5 / np.sqrt(2 * 2000 * 200) + 3 / 2000).all()
    horizon = math.log(1000) / 0.5
    assert wrong.log_ratio.iloc[-1] == pytest.approx(
        -0.2 * horizon, abs=0.01
    )  # levels fall by e^{-.7 t}, not e^{-.5 t}


def test_free_tracking_has_the_right_level_and_the_recursion_of_its_samples():
    params = {"law": "gaussian", "dim": 2, "ambient": 10**6, "kind": "run", "dose": 1.0, "a": 0.5, "steps": 24}
    for factor in (0.5, 2.0):
        rows = pd.DataFrame(cell_free(params | SIZE | {"factor": factor, "n": 4000}, 0))
        assert (rows.log_ratio.abs() < 5 * rows.log_ratio_se + 5e-6).all()
        levels = 10.0 * np.exp(-np.log(1000) * np.arange(25) / 24)
        keep, c = 1 / (1 + (factor * levels) ** 2), (levels[1:] / levels[:-1]) ** 2
        v = 100.0
        for g, q, s in zip(keep, c, levels):
            v = (g + q * (1 - g)) ** 2 * v + q * (1 - q) * s**2  # sigma_+^2 - c^2 sigma^2, c = q at a = 1/2
        assert rows.energy.iloc[0] == pytest.approx(keep[-1] ** 2 * v, rel=0.06)


def test_blind_paths_have_the_conditional_law_and_a_misread_level_does_not():
    params = {"law": "gaussian", "dim": 2, "ambient": 10_000, "a": 0.5, "steps": 24, "n": 300, "posteriors": 100}
    run, wrong = (pd.DataFrame(cell_path_law(params | SIZE | {"reading": r}, 0)) for r in (1.0, 1.02))
    for rows, level in ((run, math.sqrt(2 / 2)), (wrong, 10_000 * math.log(1.02))):
        assert rows[rows.feature == "level"].gap.max() == pytest.approx(level, rel=0.5)
    square = wrong[wrong.feature == "square"].gap
    assert run[run.feature != "level"].gap.abs().max() < 0.01 and square.min() < -0.03


def test_fine_paths_extrapolate_to_the_law_of_the_schedule():
    params = {"law": "gaussian", "dim": 2, "ambient": 10_000, "sigma_0": 10.0, "sigma_T": 0.02, "a": 0.5, "steps": 48}
    run, wrong = (
        pd.DataFrame(cell_fine(params | {"n": 4000, "kind": "run", "reading": reading}, 0)) for reading in (1.0, 1.1)
    )
    assert (run.gap.abs() < 4 * run.gap_se).all() and run.gap_se.max() < 0.03
    # a level read r times too high leaves V = s^2 (2/r^2 - 1) or so of the variance, to first order in r - 1
    assert wrong.gap.iloc[-1] == pytest.approx(-0.18, abs=4 * wrong.gap_se.iloc[-1])


def test_stated_parameters_of_figure_3_need_28_steps():
    base = {"dim": 2, "ambient": 100, "denoiser": "blind", "n": 500} | SIZE
    stated, plotted = (cell_rate(base | {"h": 0.5, "a": a}, 0)[0] for a in (0.5, 0.0))
    assert stated["steps_run"] == 28 and plotted["steps_run"] == 14
    assert abs(stated["steps_needed"] - math.log(1000) / 0.25) < 4 * stated["steps_needed_se"] + 0.05
    assert abs(plotted["steps_needed"] - math.log(1000) / 0.5) < 4 * plotted["steps_needed_se"] + 0.05


def test_plane_mixture_density_against_scipy():
    law, point = plane_mixture(2), np.array([0.3, -0.7])
    parts = []
    for weight, angle, scales, shift in ((0.6, 0.5, (1.0, 0.25), (-1.6, 0.6)), (0.4, -0.9, (0.8, 0.3), (1.7, -0.4))):
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        covariance = turn @ np.diag(np.square(scales)) @ turn.T + 0.04 * np.eye(2)
        parts.append(weight * stats.multivariate_normal(shift, covariance).pdf(point))
    y = torch.tensor([[0.3, -0.7, 0.0]], dtype=torch.float64)
    assert float(law.log_marginal(y, 0.2)) == pytest.approx(math.log(sum(parts)), rel=1e-12)


def test_figure2_fails_in_two_dimensions_only():
    base = {"h": 0.3, "a": 0.0, "n": 400, "paths": 2, "points": 3, "replicate": 0} | SIZE
    quality = {}
    for d in (2, 500):
        for kind in ("plug-in", "conditional"):
            rows = pd.DataFrame(cell_figure2(base | {"ambient": d, "denoiser": kind}, 0))
            assert (rows.row == "path").sum() == 2 * 25 and (
                rows.row == "point"
            ).sum() == 3  # ceil(log(1000)/.3) = 24 steps
            quality[d, kind] = rows[rows.row == "quality"].iloc[0]
    gap = {d: quality[d, "plug-in"].ks - quality[d, "conditional"].ks for d in (2, 500)}
    assert gap[2] > 0.1 and abs(gap[500]) < 0.05
    assert quality[2, "plug-in"].stopped > 0.1 and quality[500, "plug-in"].stopped == 0


def test_law_without_a_normal_direction_keeps_its_density():
    law = in_space(IsotropicGaussian(3), 3)
    y = torch.tensor([[0.2, -1.0, 0.5, 0.0]], dtype=torch.float64)
    assert float(law.log_marginal(y, 0.5)) == pytest.approx(
        stats.norm(0, math.sqrt(1.25)).logpdf([0.2, -1.0, 0.5]).sum(), rel=1e-12
    )


def test_largest_deviation_covers_all_rows_at_once():
    rng = np.random.default_rng(5)
    misses = 0
    for _ in range(400):
        noisy = rng.normal(0.0, 0.1, 50)
        noisy[7] += 1.0
        e = largest_deviation(noisy, np.full(50, 0.1))
        misses += not e.contains(1.0)
        assert e.value == np.abs(noisy).max()
    assert misses <= stats.binom.ppf(0.999, 400, 0.05)


def test_rejection_rate_is_clopper_pearson():
    e = rejection_rate(pd.DataFrame({"rejects": [True] * 3 + [False] * 97}))
    assert (e.value, e.low, e.high) == pytest.approx(
        (0.03, stats.beta.ppf(0.025, 3, 98), stats.beta.ppf(0.975, 4, 97)), rel=1e-9
    )
