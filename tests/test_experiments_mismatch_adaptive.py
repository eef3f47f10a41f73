"""The adaptive scheme: estimates of the level, its wandering, where runs stop; and the settings the paper prints."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate

import manifolds
from analysis.mismatch.adaptive_level import cell_adaptive_level, cell_adaptive_start, long_run
from analysis.mismatch.compare import exact_blind
from analysis.mismatch.estimators import (
    cell_adaptive_bias,
    divergence_probe,
    probe_estimate,
    residual_estimate,
    trace_estimate,
)
from analysis.mismatch.printed_settings import cell_step_counts, cell_truncated
from analysis.mismatch.settings import normal_variance
from analysis.mismatch.stopping import (
    cell_adaptive_stop,
    cell_adaptive_work,
    narrowing_dimension,
    stopping_law,
    walk_variance,
)

# -- estimates of the level -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduced", [True, False])
def test_probe_of_a_linear_denoiser_is_its_trace(reduced):
    law = manifolds.make("gaussian", dim=3, ambient=40, reduced=reduced, scale=0.5)
    y = law.add_noise(law.sample(20, manifolds.stream(0, "x")), 0.3, manifolds.stream(0, "z"))
    gain = 0.25 / (0.25 + 0.09)

    def f(v: torch.Tensor) -> torch.Tensor:
        return law.denoise(v, 0.3)

    step = torch.full((20, 1), 1e-3, dtype=torch.float64)
    found = divergence_probe(f, law.space, y, f(y), step, manifolds.stream(0, "probe"))
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


# -- the level along a run --------------------------------------------------------------------------------------------

LEVEL = {"law": "gaussian", "dim": 4, "ambient": 400, "a": 0.5, "h": 0.02, "end": 0.5, "samples": 3000, "times": 3}


@pytest.mark.parametrize("scheme", ["adaptive", "scheduled"])
def test_spread_and_shift_of_the_level_and_their_predictions(scheme):
    rows = pd.DataFrame(cell_adaptive_level({**LEVEL, "scheme": scheme}, 0)).astype({"t": float, "shift": float})
    assert len(rows) == 3 * 2 and list(rows.predict.unique()) == ["adaptive", "scheduled"]

    def k_eff(t: float) -> float:  # of N(0, 1/4) in four directions, at the scheduled level of time t
        return 4 * 0.25 / (0.25 + (20.0 * math.exp(-0.5 * t)) ** 2)

    for row in rows.itertuples():
        fed = row.predict == "adaptive"
        walk = 2 * 0.5 * row.t / 400 if fed else 0.0
        assert row.variance_predicted == pytest.approx(0.5 / 400 + walk, rel=1e-12)
        assert row.variance_ratio == pytest.approx(row.variance / row.variance_predicted, rel=1e-9)
        bias = integrate.quad(k_eff, 0.0, row.t)[0] * 0.5 / 400 if fed else 0.0
        static = (k_eff(row.t) - k_eff(0.0)) / 800
        assert row.shift_predicted == pytest.approx(-walk - static - bias, rel=1e-3, abs=1e-9)
    own = rows[rows.predict == scheme]
    # three correlated times at 99.9 %; the step error of the variance is of order h
    for row in own.itertuples():
        assert abs(row.variance_ratio - 1) <= 3.3 / 1.96 * (row.variance_ratio_high - row.variance_ratio) + 0.02
        assert abs(row.shift - row.shift_predicted) <= 3.3 / 1.96 * (row.shift_high - row.shift) + 0.02 * abs(row.shift)


def test_a_wrong_start_is_kept_by_adaptive_and_forgotten_by_scheduled_noise():
    params = {
        "law": "gaussian",
        "dim": 4,
        "ambient": 10_000,
        "a": 0.2,
        "h": 0.2,
        "end": 0.02,
        "factor": 2.0,
        "start": 2.0,
        "samples": 200,
    }
    for scheme in ("adaptive", "scheduled"):
        rows = {row["predict"]: row for row in cell_adaptive_start({**params, "scheme": scheme}, 0)}
        horizon = math.log(20.0 / 0.02) / 0.8
        # the drift: -2aT/d, and as much again and a half, as k_eff is near k = 4 for most of the run
        drift = rows["adaptive"]["predicted"] - math.log(2.0)
        assert -(2 + 4) * 0.2 * horizon / 10_000 < drift < -2 * 0.2 * horizon / 10_000
        forgotten = 0.5 * math.log(1 + 3 * math.exp(-2 * 0.2 * horizon))
        assert rows["scheduled"]["predicted"] == pytest.approx(forgotten, rel=1e-9)
        for row in rows.values():
            assert row["deviation"] == pytest.approx(row["log_ratio"] - row["predicted"], rel=1e-9)
            assert row["deviation_high"] == pytest.approx(row["log_ratio_high"] - row["predicted"], rel=1e-9)
        assert abs(rows[scheme]["deviation"]) < 0.01 < abs(rows[({*rows} - {scheme}).pop()]["deviation"])


def test_a_run_without_recorded_levels_says_so():
    _, _, run = long_run({**LEVEL, "scheme": "scheduled", "samples": 5, "h": 0.5}, 0, "recorded")
    assert normal_variance(run).shape == (run.steps + 1, 5)
    with pytest.raises(ValueError, match='record="levels"'):
        normal_variance(dataclasses.replace(run, normal_variance=None))


def test_stopped_runs_stop_where_the_walk_does():
    params = {"law": "gaussian", "dim": 4, "ambient": 2000, "a": 0.5, "h": 0.2, "end": 0.02, "longer": 1.0}
    params["samples"] = 1500
    [row] = cell_adaptive_stop(params, 0)
    assert float(row["mean_steps"]) == pytest.approx(row["mean_steps_predicted"], abs=0.1)
    assert float(row["sd_steps"]) == pytest.approx(row["sd_steps_predicted"], rel=0.08)
    assert row["ratio"] == pytest.approx(row["variance_stopped"] / row["variance_fixed"], rel=1e-9)
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"] < 0.25
    assert math.sqrt(row["ratio_low"] * row["ratio_high"]) == pytest.approx(row["ratio"], rel=1e-9)
    # relative sd of a variance from 1500 draws: sqrt(2/1500) for a normal law, less for a flat one
    assert row["variance_fixed"] == pytest.approx(row["variance_fixed_predicted"], rel=3.3 * math.sqrt(2 / 1500) + 0.05)
    assert row["variance_stopped"] == pytest.approx(
        row["variance_stopped_predicted"], rel=3.3 * math.sqrt(0.8 / 1500) + 0.05
    )
    assert row["steps_1"] < row["mean_steps"] < row["steps_99"]


def test_work_is_compared_at_equal_mean_steps():
    params = {"law": "gaussian", "ambient": 2000, "a": 0.5, "h": 1.0, "samples": 200, "replicates": 3}
    adaptive, scheduled = cell_adaptive_work(params, 0)
    assert (adaptive["scheme"], scheduled["scheme"], scheduled["ratio"]) == ("adaptive", "scheduled", 1.0)
    # a step of h lowers log sigma by (1 - a) h = .5
    assert adaptive["mean_steps"] == pytest.approx(math.log(1000.0) / 0.5, abs=1.0)
    assert (
        scheduled["mean_steps"] == round(scheduled["mean_steps"])
        and abs(scheduled["mean_steps"] - adaptive["mean_steps"]) <= 1
    )
    assert adaptive["floor"] == scheduled["floor"] and adaptive["ratio"] != 1.0


def test_training_to_every_level_is_the_denoiser_that_knows_them_all():
    params = {
        "law": "mixture",
        "ambient": 6400,
        "h": 0.5,
        "a": 0.2,
        "integrator": "euler",
        "samples": 200,
        "replicates": 3,
    }
    [same] = cell_truncated({**params, "prior_high": 12.0, "reads": 1.0}, 0)
    assert (same["log_ratio"], same["log_ratio_low"], same["log_ratio_high"]) == (0.0, 0.0, 0.0)
    [short] = cell_truncated({**params, "prior_high": 0.3, "reads": 1.0}, 0)
    assert short["log_ratio_low"] > 0.4
    [misread] = cell_truncated({**params, "prior_high": 12.0, "reads": 1.3}, 0)
    assert misread["log_ratio"] > 0
