"""Cells of the images of known law: the exact rows, matched points and runs, the errors of an estimator of the
level."""

from __future__ import annotations

import math

import pytest
import torch

from analysis.images.laws import CONTRAST, smooth_field
from analysis.images.measure import BLOCKS, DOSED, RUNS, SIGMA_END, TOLD, cell_images, image_run_rows, level_rows
from analysis.training.measure import levels_of
from manifolds import stream

FIELD = {
    "task": "exact",
    "law": "field",
    "dim": 24,
    "ambient": 64,
    "low": 0.1,
    "high": 3.0,
    "prior": "-2",
    "levels": 3,
    "points": 3000,
}
CONV = {"task": "denoise", "architecture": "conv", "channels": 4, "filters": 4, "steps": 2, "batch": 8, "lr": 1e-3}


def measured(rows: list[dict], measure: str, series: str | None = None) -> list[dict]:
    return [r for r in rows if r["measure"] == measure and series in (None, r["series"])]


def test_the_smooth_field_is_the_gaussian_that_it_says():
    """Its posterior covariance trace by dense algebra in pixel space, tr(C - C (C + sigma^2 I)^-1 C); its contrast;
    its smoothness."""
    law = smooth_field(24, 64)
    frame, s = law.space.frame, law.core.scales
    covariance = (frame * s**2) @ frame.T
    assert float(covariance.trace()) / 64 == pytest.approx(CONTRAST**2, rel=1e-12)
    for sigma in (0.1, 1.0):
        posterior = covariance - covariance @ torch.linalg.solve(
            covariance + sigma**2 * torch.eye(64, dtype=torch.float64), covariance
        )
        assert float(law.posterior_trace(law.sample(1, stream(0)), sigma)) == pytest.approx(
            float(posterior.trace()), rel=1e-10
        )
    neighbour, far = (
        covariance[3 * 8 + 3, 3 * 8 + 4],
        covariance[3 * 8 + 3, 7 * 8 + 7],
    )  # rows of pixels, one after another
    assert float(neighbour) > 0.7 * float(covariance[27, 27]) > 1.4 * abs(float(far))
    with pytest.raises(ValueError, match="square"):
        smooth_field(4, 60)


def test_exact_image_rows_are_those_of_the_law_and_of_a_wrong_level():
    rows = cell_images(FIELD, 0)
    law = smooth_field(24, 64)
    s2 = law.core.scales**2
    assert {r["level"] for r in measured(rows, "bayes")} == set(levels_of(FIELD))
    for r in measured(rows, "bayes"):
        k_eff = float((s2 / (s2 + r["level"] ** 2)).sum())
        assert r["value"] / r["level"] ** 2 == pytest.approx(k_eff, rel=1e-10)
    assert all(r["value"] == 0.0 for r in measured(rows, "excess", ""))
    told = measured(rows, "excess", "told")
    assert [r["level"] for r in told] == [level for level in levels_of(FIELD) if TOLD * level <= 3.0]
    for r in told:
        v, w = r["level"] ** 2, (TOLD * r["level"]) ** 2
        expected = ((s2 / (s2 + v) - s2 / (s2 + w)) ** 2 * (s2 + v)).sum() / (s2 * v / (s2 + v)).sum()
        assert abs(r["value"] - float(expected)) < 3.5 * r["se"] and r["se"] < 0.05 * r["value"]


def test_blind_and_conditional_images_are_measured_at_the_same_points():
    pair = [cell_images({**FIELD, **CONV, "points": 50, "blind": blind}, 0) for blind in (True, False)]
    for measure in ("bayes", "price", "variance_exact"):
        assert [r["value"] for r in measured(pair[0], measure)] == [r["value"] for r in measured(pair[1], measure)]
    assert [r["value"] for r in measured(pair[0], "excess")] != [r["value"] for r in measured(pair[1], "excess", "")]
    assert not measured(pair[0], "excess", "told") and measured(pair[1], "excess", "told")


def test_rows_of_a_level_estimator_are_its_errors():
    """Half of the estimates 20 % above, half 10 % below."""
    sigma, high, low = 0.7, math.log(1.2), math.log(0.9)
    found = {
        r["measure"]: r for r in level_rows(torch.tensor([1.2, 0.9] * 5000, dtype=torch.float64) * sigma, sigma, "x")
    }
    assert found["log_bias"]["value"] == pytest.approx((high + low) / 2)
    assert found["log_spread"]["value"] == pytest.approx((high - low) / 2, rel=1e-4)
    assert found["log_rms"]["value"] == pytest.approx(math.sqrt((high**2 + low**2) / 2))
    assert found["log_bias"]["se"] == pytest.approx((high - low) / 2 / 100, rel=1e-4)


def test_exact_estimate_of_the_level_has_the_posterior_s_error():
    """Of a level cell: the posterior's standard deviation is the root mean square error of its mean (the levels follow
    its prior), and a prior that ends at 3 cannot answer 10."""
    params = {
        **FIELD,
        **CONV,
        "task": "level",
        "blind": True,
        "architecture": "conv_noise_level",
        "top": 10.0,
        "exact_points": 400,
        "points": 400,
    }
    del params["channels"]
    rows = cell_images(params, 0)
    sd, rms = (measured(rows, measure, "exact")[-1] for measure in ("posterior_sd", "log_rms"))
    assert sd["level"] == pytest.approx(10.0) and sd["value"] == pytest.approx(1 / math.sqrt(2 * 64), rel=0.05)
    assert abs(rms["value"] - sd["value"]) < 3.3 * rms["se"]
    cut = measured(rows, "log_bias", "prior as trained")[-1]["value"]
    assert math.log(0.9 * 3 / 10) < cut <= math.log(3 / 10)
    # beyond the range, where noise dominates and the estimate is homogeneous
    off, own = (measured(rows, "log_bias", series)[-1]["value"] for series in ("dosed", "trained"))
    assert off - own == pytest.approx(math.log(DOSED[1]), abs=5e-3)


def test_runs_of_images_are_matched_and_held_against_the_law():
    """Of an independent sample of the law the error is of sampling size; of a constant, the law's variance along a
    direction, which is the unit; and plain Euler ends in the training range."""
    law = smooth_field(24, 64)
    params = {**FIELD, "run_points": 1000}

    class Fixed:
        blind = True

        def __init__(self, x):
            self.x = x

        def __call__(self, y):
            return self.x

    errors = {}
    for name, x in (("truth", law.sample(1000, stream(5))), ("zero", torch.zeros(1000, 64, dtype=torch.float64))):
        rows = image_run_rows(Fixed(x), law, params, stream(0, "runs"), name)
        assert len(rows) == BLOCKS * len(RUNS)
        errors[name] = sum(r["value"] for r in rows) / len(rows)
    assert errors["truth"] < 0.1 and errors["zero"] == pytest.approx(1.0, abs=0.1)
    for integrator, steps in RUNS:
        h = math.log(3.0 / SIGMA_END) / steps
        assert 3.0 * (1.0 - h) ** steps > 0.2 or integrator != "euler"
