"""Power-law fits: recovery, coverage over seeds, floors, censoring."""

import zlib

import numpy as np
import pytest
from scipy import stats

from analysis.metrics import fits as F

N = np.array([8.0, 16, 32, 64, 128, 256])


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


def assert_coverage(hits, trials, nominal=0.95):
    low, high = stats.binom.interval(0.999, trials, nominal)
    assert low <= hits <= high, f"{hits} of {trials}"


def test_an_exact_power_is_recovered():
    fit = F.log_log_slope(N, 3.0 * N**-2.0)
    assert np.isclose(fit.slope.value, -2.0, atol=1e-12) and np.isclose(fit.prefactor, 3.0, rtol=1e-11, atol=0)
    assert np.allclose(F.local_orders(1 / N, 3.0 * N**-2.0), 2.0, atol=1e-12)
    assert np.isclose(F.observed_order(1 / N, 3.0 * N**-2.0).slope.value, 2.0, atol=1e-12)


def test_unweighted_interval_covers_and_tells_order_1_from_1_8():
    generator, hits = rng("slope"), 0
    for _ in range(1500):
        hits += F.log_log_slope(N, N**-1.0 * np.exp(0.1 * generator.standard_normal(6))).slope.contains(-1.0)
    assert_coverage(hits, 1500)
    assert not F.log_log_slope(N, N**-1.8 * np.exp(0.1 * generator.standard_normal(6))).slope.contains(-1.0)


def test_weighted_interval_covers_and_is_narrower_when_errors_differ():
    generator, hits, narrower = rng("weighted"), 0, 0
    error = np.array([0.002, 0.004, 0.01, 0.05, 0.2, 0.3])
    for _ in range(1500):
        y = N**-1.0 * (1 + error * generator.standard_normal(6)).clip(0.05)
        weighted, plain = F.log_log_slope(N, y, standard_error=error * y).slope, F.log_log_slope(N, y).slope
        hits += weighted.contains(-1.0)
        narrower += weighted.high - weighted.low < plain.high - plain.low
    # the widening by excess scatter can only add coverage
    assert hits >= stats.binom.ppf(0.0005, 1500, 0.95)
    assert hits <= 1500 * 0.985
    assert narrower > 1450


def test_excess_scatter_widens_the_weighted_interval():
    y = N**-1.0 * np.exp(0.2 * np.array([1, -1, 1, -1, 1, -1]))
    tight = F.log_log_slope(N, N**-1.0, standard_error=1e-3 * N**-1.0).slope
    wide = F.log_log_slope(N, y, standard_error=1e-3 * y).slope
    assert wide.high - wide.low > 50 * (tight.high - tight.low)


def test_points_in_the_floor_are_dropped():
    y = 10 * N**-2.0 + 3e-3
    biased, clean = F.log_log_slope(N, y), F.log_log_slope(N[:4], 10 * N[:4] ** -2.0)
    fit = F.log_log_slope(N, np.maximum(10 * N**-2.0, 1e-3), floor=1e-3)
    assert not np.isclose(biased.slope.value, -2, atol=0.3)
    assert np.isclose(fit.slope.value, clean.slope.value, atol=1e-12) and (fit.points, fit.dropped) == (4, 2)
    with pytest.raises(ValueError, match="at least 3 points"):
        F.log_log_slope(N, y, floor=0.03)


def test_several_exponents_at_once_cover():
    generator, hits = rng("power law"), 0
    k, eps = (c.ravel() for c in np.meshgrid([2.0, 4, 8, 16], [0.1, 0.2, 0.4]))
    for _ in range(800):
        steps = 5 * k**1.5 * eps**-2.0 * np.exp(0.2 * generator.standard_normal(k.size))
        exponents = F.power_law({"k": k, "epsilon": eps}, steps)
        hits += exponents["k"].contains(1.5)
    assert_coverage(hits, 800)
    exact = F.power_law({"k": k, "epsilon": eps}, 5 * k**1.5 * eps**-2.0)
    assert np.allclose([exact["k"].value, exact["epsilon"].value], [1.5, -2.0], atol=1e-12)
    with pytest.raises(ValueError, match="independent parameters"):
        F.power_law({"k": k, "same": 2 * k}, k)


def test_steps_to_reach_interpolates_and_covers():
    exact = F.steps_to_reach(N, 3.0 / N, 0.05)
    assert (
        np.isclose(exact.value, 60.0, rtol=1e-12, atol=0)
        and exact.low == exact.value == exact.high
        and exact.status == "reached"
    )
    generator, hits = rng("steps"), 0
    for _ in range(800):
        y = 3.0 / N * (1 + 0.1 * generator.standard_normal(6))
        found = F.steps_to_reach(N, y, 0.05, standard_error=0.1 * y)
        hits += found.low <= 60.0 <= found.high
    # a band around two interpolated points is wider than needed between them
    assert hits >= stats.binom.ppf(0.0005, 800, 0.95)


def test_censoring():
    missed = F.steps_to_reach(N, 3.0 / N, 1e-3, standard_error=0.1 / N)
    assert missed.status == "not reached" and missed.value == missed.high == np.inf and missed.low == 256
    below = F.steps_to_reach(N, 3.0 / N, 1.0)
    assert below.status == "always below" and (below.value, below.low, below.high) == (8.0, 0.0, 8.0)
    edge = F.steps_to_reach(N, 3.0 / N, 3.0 / 250, standard_error=0.3 / N)
    assert edge.status == "reached" and edge.high == np.inf and edge.low < 250


def test_a_bump_in_a_noisy_curve_does_not_fake_an_early_crossing():
    bumpy = 3.0 / N
    bumpy[1] = 0.045  # one low outlier below epsilon, followed by larger errors
    found = F.steps_to_reach(N, bumpy, 0.05)
    assert found.value > 32
