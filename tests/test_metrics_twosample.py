"""Permutation tests (level and power) and image metrics."""

import zlib

import numpy as np
import pytest
from scipy import linalg, stats

from analysis.metrics import generative as V
from analysis.metrics import twosample as T


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


def test_energy_statistic_is_scipys_on_the_line():
    x, y = rng("e").standard_normal(30), rng("e", 2).standard_normal(41) + 0.4
    assert np.isclose(
        T.energy_test(x, y, rng("p"), permutations=9).statistic, stats.energy_distance(x, y) ** 2, rtol=1e-9, atol=0
    )


def test_mmd_statistic_by_its_definition():
    x, y, s = rng("m").standard_normal((12, 2)), rng("m", 2).standard_normal((9, 2)), 0.8

    def kernel(a, b):
        return np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=2) / (2 * s**2)).mean()

    assert np.isclose(
        T.mmd_test(x, y, rng("p"), 9, bandwidth=s).statistic,
        kernel(x, x) + kernel(y, y) - 2 * kernel(x, y),
        rtol=1e-10,
        atol=0,
    )


@pytest.mark.parametrize("test", [T.energy_test, T.mmd_test])
def test_p_values_are_uniform_under_the_null_and_small_otherwise(test):
    generator = rng(test.__name__)
    p = np.array([test(*generator.standard_normal((2, 25, 3)), generator, permutations=99).p_value for _ in range(400)])
    for level in (0.05, 0.2, 0.5):
        low, high = stats.binom.interval(0.999, 400, level)
        assert low <= (p <= level + 1e-12).sum() <= high
    assert (
        test(generator.standard_normal((150, 3)), generator.standard_normal((150, 3)) + 0.5, generator).p_value
        == 1 / 500
    )


def test_energy_test_sees_a_missing_mode():
    generator = rng("mode")
    centres = np.array([[-2.0, 0], [2.0, 0]])
    whole = centres[generator.integers(2, size=200)] + generator.standard_normal((200, 2))
    tilted = centres[(generator.random(200) < 0.7).astype(int)] + generator.standard_normal((200, 2))
    assert T.energy_test(whole, tilted, generator).p_value < 0.01


def test_frechet_distance_by_matrix_square_root():
    x, y = rng("f").standard_normal((80, 4)), 1.5 * rng("f", 2).standard_normal((90, 4)) + 1
    a, b = np.cov(x.T), np.cov(y.T)
    root = linalg.sqrtm(a @ b)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a + b - 2 * np.real(root))
    assert np.isclose(V.frechet_distance(x, y), expected, rtol=1e-8, atol=0)


def test_frechet_distance_with_fewer_points_than_dimensions_and_its_floor():
    x = rng("thin").standard_normal((20, 60))
    assert V.frechet_distance(x, x) < 1e-10
    assert np.isclose(V.frechet_distance(x, x + 1.0), 60.0, rtol=1e-10, atol=0)
    a, b, c = (rng("floor", i).standard_normal((4000, 10)) for i in (1, 2, 3))
    found = V.frechet_with_floor(1.1 * a, b, c)
    assert found.value > 2 * found.floor and np.isclose(found.value - found.floor, 10 * 0.1**2, rtol=0.2, atol=0)


def test_precision_and_recall_of_known_cases():
    generator = rng("pr")
    a, b = generator.standard_normal((300, 2)), generator.standard_normal((300, 2))
    far = V.precision_recall(a, b + 100)
    assert far.precision.value == far.recall.value == 0.0
    same = V.precision_recall(a, a)
    assert same.precision.value == same.recall.value == 1.0
    modes = np.concatenate([b[:150], b[150:] + 50])
    half = V.precision_recall(a, modes)  # the sample has one of the two modes
    assert half.precision.value > 0.9 and half.recall.contains(0.5 * V.precision_recall(a, b[:150]).recall.value)


def test_precision_by_direct_search():
    x, y = rng("d").standard_normal((40, 20)), rng("d", 2).standard_normal((35, 20))
    gaps = np.sqrt(((y[:, None] - y[None]) ** 2).sum(2))
    radius = np.sort(gaps, axis=1)[:, 3]
    inside = [(np.sqrt(((p - y) ** 2).sum(1)) <= radius).any() for p in x]
    assert V.precision_recall(x, y, neighbours=3).precision.value == np.mean(inside)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: T.energy_test(np.zeros((5, 2)), np.zeros((5, 3)), rng("x")), "same dimension"),
        (lambda: T.mmd_test(np.zeros((5, 2)), np.zeros((5, 2)), rng("x")), "bandwidth must be positive"),
        (lambda: T.energy_test(np.zeros((5, 2)), np.zeros((5, 2)), 3), "stream must be"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
