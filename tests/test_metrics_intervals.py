"""Intervals: their defining equations, and their coverage over repeated seeds."""

import math
import zlib

import numpy as np
import pytest
import torch
from scipy import stats

from analysis.metrics import intervals as I


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


def assert_coverage(hits, trials, nominal=0.95):
    low, high = stats.binom.interval(0.999, trials, nominal)
    assert low <= hits <= high, f"{hits} of {trials}"


def test_mean_is_students_interval_and_takes_torch():
    x = rng("mean").standard_normal(17)
    expected = stats.t.interval(0.95, 16, loc=x.mean(), scale=stats.sem(x))
    estimate = I.mean(torch.tensor(x))
    assert np.allclose((estimate.low, estimate.high), expected, rtol=1e-12, atol=0)


def test_mean_covers():
    draws = rng("mean covers").standard_normal((3000, 6))
    assert_coverage(sum(I.mean(row).contains(0.0) for row in draws), 3000)


@pytest.mark.parametrize("law, true", [("normal", 1.0), ("exponential", 1.0), ("uniform", 1 / 12)])
def test_variance_covers_for_laws_of_any_kurtosis(law, true):
    draw = {
        "normal": lambda g: g.standard_normal(3000),
        "exponential": lambda g: g.standard_exponential(3000),
        "uniform": lambda g: g.random(3000),
    }[law]
    generator = rng("variance", law)
    assert_coverage(sum(I.variance(draw(generator)).contains(true) for _ in range(600)), 600)


@pytest.mark.parametrize("paired", [False, True])
def test_ratio_covers(paired):
    generator, hits = rng("ratio", paired), 0
    for _ in range(2000):
        y = 2.0 + generator.standard_normal(25)
        x = 3.0 * y + 0.5 * generator.standard_normal(25) if paired else 6.0 + generator.standard_normal(25)
        hits += I.ratio(x, y, paired=paired).contains(3.0)
    assert_coverage(hits, 2000)


def test_pairing_narrows_the_ratio_and_a_null_denominator_censors_it():
    generator = rng("ratio width")
    y = 2.0 + generator.standard_normal(50)
    x = 3.0 * y + 0.1 * generator.standard_normal(50)
    paired, free = I.ratio(x, y, paired=True), I.ratio(x, y)
    assert paired.high - paired.low < 0.2 * (free.high - free.low)
    assert I.ratio(x, generator.standard_normal(50)).high == math.inf


def test_binomial_is_clopper_pearson():
    estimate = I.binomial(7, 40)
    assert np.isclose(stats.binom.sf(6, 40, estimate.low), 0.025, rtol=1e-6, atol=0)
    assert np.isclose(stats.binom.cdf(7, 40, estimate.high), 0.025, rtol=1e-6, atol=0)


def test_bootstrap_covers_a_median_and_resamples_rows():
    generator, hits = rng("bootstrap"), 0
    for _ in range(150):
        x = generator.standard_exponential(60)
        hits += I.bootstrap(x, np.median, generator, resamples=300).contains(math.log(2))
    assert_coverage(hits, 150)
    column = generator.standard_normal(30)
    rows = np.column_stack([column, -column, column])  # whole rows move together: the first two columns cancel
    whole = I.bootstrap(rows, lambda r: r.sum(), rng("same"), resamples=50)
    single = I.bootstrap(column, np.sum, rng("same"), resamples=50)
    assert np.allclose((whole.value, whole.low, whole.high), (single.value, single.low, single.high), rtol=1e-9, atol=0)
    with pytest.raises(ValueError, match="statistic must vary"):
        I.bootstrap(column, lambda r: 1.0, generator, resamples=50)


def test_combine_is_the_inverse_variance_mean():
    parts = [I.from_standard_error(1.0, 0.1), I.from_standard_error(2.0, 0.2)]
    weights = np.array([100.0, 25.0])
    together = I.combine(parts)
    assert np.isclose(together.value, weights @ [1.0, 2.0] / 125, atol=0)
    assert np.isclose(together.high - together.value, 1.959964 / math.sqrt(125), rtol=1e-6, atol=0)


def test_estimate_transforms():
    e = I.Estimate(2.0, 1.0, 4.0)
    assert e.map(math.log) == I.Estimate(math.log(2), 0.0, math.log(4))
    assert e.scaled(-2.0) == I.Estimate(-4.0, -8.0, -2.0)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: I.mean([1.0]), "x must hold at least 2"),
        (lambda: I.mean([1.0, math.nan]), "not finite"),
        (lambda: I.binomial(3, 2), "successes must lie"),
        (lambda: I.mean([1.0, 2.0], confidence=95), "confidence must lie"),
        (lambda: I.combine([]), "estimates must be"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
