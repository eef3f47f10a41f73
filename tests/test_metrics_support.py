"""Support distances and total-variation limits: oracles, validity over seeds, power."""

import math
import zlib

import numpy as np
import ot
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from analysis.metrics import support as S
from analysis.metrics import total_variation as T


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_quantile_interval_covers(level):
    generator, hits = rng("quantile", level), 0
    for _ in range(1500):
        hits += S.distance_quantile(generator.standard_exponential(200), level).contains(-math.log(1 - level))
    assert hits >= stats.binom.ppf(0.0005, 1500, 0.95)  # discrete: at least nominal
    assert S.distance_quantile(np.arange(5.0), 0.99).high == math.inf


def test_off_support_mass_is_a_proportion():
    found = S.off_support_mass([0.0, 0.1, 0.3, 0.5], 0.2)
    assert found.value == 0.5 and np.isclose(found.low, stats.beta.ppf(0.025, 2, 3), atol=0)


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_assignment_distances_are_pots(shift):
    x, y = rng("a").standard_normal((60, 3)), rng("b").standard_normal((60, 3)) + shift
    cost, weight = cdist(x, y), np.full(60, 1 / 60)
    assert np.isclose(S.wasserstein_1(x, y), ot.emd2(weight, weight, cost), rtol=1e-9, atol=0)
    assert np.isclose(S.bounded_lipschitz(x, y), ot.emd2(weight, weight, np.minimum(cost, 2)), rtol=1e-9, atol=0)
    with pytest.raises(ValueError, match="one size"):
        S.wasserstein_1(x, y[:50])


@pytest.mark.parametrize("distance, true", [(0.4, 0.4), (5.0, 2.0)])
def test_two_points_have_a_known_bounded_lipschitz_distance(distance, true):
    x = np.zeros((300, 2)) + 1e-6 * rng("point", distance).standard_normal((300, 2))
    y = x[::-1] + [distance, 0.0]
    assert np.isclose(S.bounded_lipschitz(x, y), true, rtol=1e-4, atol=0)
    assert 0.45 * true < S.bounded_lipschitz_lower(x, y, rng("choice")) <= true * (1 + 1e-4)


def test_bounded_lipschitz_lower_limit_is_valid_under_the_null_and_has_power():
    generator, false = rng("bl null"), 0
    for _ in range(300):
        x, y = generator.standard_normal((2, 120, 3))
        false += S.bounded_lipschitz_lower(x, y, generator, candidates=40) > 0
    assert false <= stats.binom.ppf(0.9995, 300, 0.05)
    moved = S.bounded_lipschitz_lower(
        generator.standard_normal((2000, 3)), generator.standard_normal((2000, 3)) + [0.3, 0, 0], generator
    )
    assert 0.1 < moved < 0.3  # D_X <= W_1 = .3


def test_support_distance_brackets():
    x, truth, other = (rng("bracket", i).standard_normal((500, 2)) for i in (1, 2, 3))
    found = S.support_distance(x * 1.3, truth, other, rng("bracket"))
    assert found.lower <= 0.3 * math.sqrt(2) and found.lower <= found.upper
    assert found.upper > 1.5 * found.floor


def _limits(method, shift, n, trials):
    generator = rng(method, shift)
    limits = []
    for _ in range(trials):
        x, y = generator.standard_normal((n, 3)), generator.standard_normal((n, 3)) + [shift, 0, 0]
        if method == "samples":
            limits.append(T.tv_lower_from_samples(x, y, generator, projections=16))
        elif method == "scores":
            limits.append(T.tv_lower_from_scores(x[:, :1], y[:, :1], generator))
        else:
            bins_x, bins_y = (np.digitize(z[:, 0], [-1, 0, 1]) for z in (x, y))
            limits.append(T.tv_lower_from_labels(bins_x, bins_y, generator))
    return np.array(limits)


@pytest.mark.parametrize("method", ["samples", "scores", "labels"])
@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_limits_lie_below_the_true_total_variation(method, shift):
    true = 2 * stats.norm.cdf(shift / 2) - 1
    limits = _limits(method, shift, 400, 200)
    assert (limits > true).sum() <= stats.binom.ppf(0.9995, 200, 0.05)
    if shift:
        assert np.median(limits) > 0.35 * true  # 200 test points a side: the limits themselves cost about .13


def test_limits_are_sharp_with_many_points():
    assert _limits("scores", 1.0, 50_000, 1)[0] > 0.95 * (2 * stats.norm.cdf(0.5) - 1)


def test_labels_against_exact_weights():
    weights, generator = np.array([0.5, 0.3, 0.2]), rng("weights")
    null = [
        T.tv_lower_from_labels(generator.choice(3, 200, p=weights), None, generator, weights=weights)
        for _ in range(300)
    ]
    assert (np.array(null) > 0).sum() <= stats.binom.ppf(0.9995, 300, 0.05)
    shifted = T.tv_lower_from_labels(generator.choice(3, 20_000, p=[0.3, 0.3, 0.4]), None, generator, weights=weights)
    assert 0.18 < shifted <= 0.2
    with pytest.raises(ValueError, match="exactly one"):
        T.tv_lower_from_labels([0, 1], None, generator)


def test_set_mass_gap_is_clopper_pearson_at_half_the_error():
    in_x, in_y = np.arange(50) < 40, np.arange(60) < 10
    expected = stats.beta.ppf(0.025, 40, 11) - stats.beta.ppf(0.975, 11, 50)
    assert np.isclose(T.set_mass_gap(in_x, in_y), expected, rtol=1e-12, atol=0)
    assert T.set_mass_gap([True], [True]) == 0.0


def test_the_direction_of_the_means_is_a_candidate_of_its_own():
    """In 200 dimensions one random direction sees nothing of a shift along the diagonal."""
    x, y = rng("means", 1).standard_normal((600, 200)), rng("means", 2).standard_normal((600, 200)) + 0.1
    assert S.bounded_lipschitz_lower(x, y, rng("means"), candidates=2) > 0.2
