"""Distances, limits and tests of equal laws equal to scipy and textbook formulas, thresholds and halves included."""

import math
import zlib

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from analysis.metrics import gaussian, generative, intervals, sliced, support, total_variation, twosample


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


def ends(estimate):
    return estimate.low, estimate.high


exactly = {"rtol": 1e-11, "atol": 0}


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_lower_limit_of_a_lipschitz_gap_is_welchs_one_sided_limit_on_the_untouched_half(shift):
    """The candidates are chosen on the even rows of the shuffled samples; the limit is Welch's on the odd ones."""
    x, y = rng("bl", 1).standard_normal((60, 1)), 1.4 * rng("bl", 2).standard_normal((50, 1)) + 1 + shift
    generator = rng("halves")
    found = support.bounded_lipschitz_lower(x, y, generator, candidates=2, confidence=0.9)
    again = rng("halves")
    a, b = again.permutation(x), again.permutation(y)
    again.standard_normal((1, 1))  # the one random direction, replaced by that of the means
    pool = np.concatenate([a[::2], b[::2]])
    anchor = pool[again.integers(pool.shape[0], size=1)]
    sign = np.sign(a[::2].mean() - b[::2].mean())

    def functions(z):
        columns = np.hstack([sign * z, cdist(z, anchor)])
        centre = np.median(np.hstack([sign * pool, cdist(pool, anchor)]), axis=0)
        return np.clip(columns - centre, -1, 1)

    gap = functions(a[::2]).mean(0) - functions(b[::2]).mean(0)
    best = int(np.argmax(np.abs(gap)))
    u, v = (np.sign(gap[best]) * functions(z[1::2])[:, best] for z in (a, b))
    variances = u.var(ddof=1) / u.size, v.var(ddof=1) / v.size
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / (u.size - 1) + variances[1] ** 2 / (v.size - 1))
    limit = u.mean() - v.mean() - stats.t.ppf(0.9, freedom) * math.sqrt(sum(variances))
    assert np.isclose(found, max(limit, 0.0), rtol=1e-9, atol=0) and found > 0


def test_half_a_sample_chooses_and_the_other_half_decides():
    """Were both halves the same, a set chosen on noise would be believed: 16 atoms, one point each."""
    x, y = np.arange(16.0), np.arange(16.0) + 0.5
    labels = np.arange(40)
    for seed in range(20):
        assert total_variation.tv_lower_from_labels(labels, labels + 40, rng("halves", seed)) == 0.0
        assert total_variation.tv_lower_from_scores(x, y, rng("halves", seed)) == 0.0
    null = [
        total_variation.tv_lower_from_samples(*rng("null", i).standard_normal((2, 80, 2)), rng("null", i, "s"))
        for i in range(40)
    ]
    assert np.count_nonzero(null) <= 6


class InOrder(np.random.Generator):
    """A stream that leaves the rows of a sample where they are: the even ones choose, the odd ones decide."""

    def permutation(self, x):
        return np.array(x)


def test_bins_are_chosen_by_the_even_rows_and_only_the_odd_rows_are_counted(monkeypatch):
    x, y = rng("even", 1).standard_normal((80, 2)), rng("even", 2).standard_normal((70, 2)) + [2.0, 0.0]
    x[1::2], y[1::2] = [-9.0, 0.0], [9.0, 0.0]
    seen = []
    monkeypatch.setattr(total_variation, "set_mass_gap", lambda *given: seen.append(given) or 0.0)
    total_variation.tv_lower_from_samples(x, y, InOrder(np.random.PCG64(0)), confidence=0.9, projections=4)
    (in_x, in_y, confidence), others = seen[0], seen[1:]
    assert others == [] and confidence == 0.9
    assert in_x.shape == (40,) and in_x.all() and in_y.shape == (35,) and not in_y.any()


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.25, 0.25, 0.5, 0.0]])
def test_limit_against_exact_weights_is_one_sided_clopper_pearson(weights):
    labels = [0] * 300 + [1] * 100
    found = total_variation.tv_lower_from_labels(labels, None, rng("w"), confidence=0.9, weights=weights)
    shuffled = rng("w").permutation(np.array(labels))
    test = shuffled[1::2]
    chosen = np.bincount(shuffled[::2], minlength=len(weights)) / 200 > np.array(weights)
    hits = int(chosen[test].sum())
    assert np.isclose(
        found, stats.beta.ppf(0.1, hits, 201 - hits) - np.array(weights)[chosen].sum(), rtol=1e-12, atol=0
    )
    with pytest.raises(ValueError, match="exactly one"):
        total_variation.tv_lower_from_labels(labels, labels, rng("w"), weights=weights)


def test_limit_from_scores_is_the_best_cut_of_one_half_on_the_other():
    x, y = rng("cut", 1).standard_normal((40, 2)), rng("cut", 2).standard_normal((50, 2)) + [0.0, 1.5]
    found = total_variation.tv_lower_from_scores(x, y, rng("s"))
    again = rng("s")
    a, b = again.permutation(x), again.permutation(y)
    cuts = [
        (abs((a[::2, j] <= c).mean() - (b[::2, j] <= c).mean()), j, c)
        for j in (0, 1)
        for c in np.concatenate([a[::2, j], b[::2, j]])
    ]
    _, j, c = max(cuts)
    assert j == 1
    assert np.isclose(found, total_variation.set_mass_gap(a[1::2, j] <= c, b[1::2, j] <= c), rtol=1e-12, atol=0)
    mirrored = total_variation.tv_lower_from_scores(-x, -y, rng("s"))
    assert np.isclose(found, mirrored, rtol=0.1, atol=0)  # sets above a cut count as well as below


def test_limit_from_samples_sees_scale_by_the_norm_and_one_axis_by_itself():
    x = rng("scale").standard_normal((4000, 3))
    wide = total_variation.tv_lower_from_samples(x[:2000], 3 * x[2000:], rng("t"), projections=2)
    law = stats.chi(3)
    crossing = math.sqrt(2 * 3 * math.log(3) / (1 - 1 / 9))
    assert 0.85 * (law.cdf(crossing) - law.cdf(crossing / 3)) < wide < law.cdf(crossing) - law.cdf(crossing / 3)
    with pytest.raises(ValueError, match="n >= 64"):
        total_variation.tv_lower_from_samples(x[:63], x, rng("t"))


def test_clopper_pearson_at_the_ends():
    full, none = np.ones(10, dtype=bool), np.zeros(10, dtype=bool)
    both = total_variation.set_mass_gap(full, none, confidence=0.9)
    assert np.isclose(both, 2 * 0.05**0.1 - 1, rtol=1e-12, atol=0)
    assert total_variation.set_mass_gap(none, full) == 0.0


@pytest.mark.parametrize(("n", "level"), [(30, 0.5), (200, 0.95), (59, 0.95), (58, 0.95), (5, 0.01)])
def test_quantile_limits_are_the_narrowest_order_statistics_that_cover(n, level):
    found = support.distance_quantile(np.arange(1.0, n + 1), level, confidence=0.9)
    low = max([j for j in range(1, n + 1) if stats.binom.cdf(j - 1, n, level) <= 0.05], default=None)
    high = min([j for j in range(1, n + 1) if stats.binom.sf(j - 1, n, level) <= 0.05], default=None)
    assert found.high == (math.inf if high is None else high)
    # at the low end the rule keeps scipy's ppf, which may lie one below the largest that covers
    assert found.low in ((0.0,) if low is None else (float(low), float(low) - 1))
    assert np.isclose(found.value, np.quantile(np.arange(1.0, n + 1), level), **exactly)
    for bad in (0.0, 1.0):
        with pytest.raises(ValueError, match="level must lie"):
            support.distance_quantile([1.0], bad)


def test_the_threshold_itself_is_not_off_the_support():
    assert support.off_support_mass([0.0, 0.2, 0.3], 0.2).value == pytest.approx(1 / 3)


def test_assignment_refuses_more_points_than_it_can_hold(monkeypatch):
    monkeypatch.setattr(support, "MOST_ASSIGNED", 3)
    assert support.wasserstein_1([0.0, 1, 2], [1.0, 2, 3]) == 1.0
    with pytest.raises(ValueError, match="at most 3 points, got 4 and 4"):
        support.wasserstein_1(np.arange(4.0), np.arange(4.0))


def test_permutation_tests_refuse_more_points_than_they_can_hold(monkeypatch):
    assert twosample.MOST_POOLED == 6000 and support.MOST_ASSIGNED == 4000
    monkeypatch.setattr(twosample, "MOST_POOLED", 9)
    assert 0 < twosample.energy_test(np.arange(4.0), np.arange(5.0), rng("p"), permutations=9).p_value <= 1
    with pytest.raises(ValueError, match="at most 9 points together, got 10"):
        twosample.energy_test(np.arange(5.0), np.arange(5.0), rng("p"))


def test_p_value_counts_the_observed_order_among_the_permutations():
    x, y = np.arange(6.0), np.arange(6.0) + 100
    assert twosample.energy_test(x, y, rng("p"), permutations=19).p_value == 1 / 20
    assert twosample.energy_test(x, x, rng("p"), permutations=19).p_value == 1.0


def test_mmd_bandwidth_is_the_median_distance_of_distinct_points():
    x, y = rng("m").standard_normal((7, 2)), rng("m", 2).standard_normal((6, 2))
    distances = [float(np.linalg.norm(a - b)) for i, a in enumerate([*x, *y]) for b in [*x, *y][:i]]
    default = twosample.mmd_test(x, y, rng("p"), permutations=9)
    chosen = twosample.mmd_test(x, y, rng("p"), permutations=9, bandwidth=float(np.median(distances)))
    assert np.isclose(default.statistic, chosen.statistic, **exactly)


def test_precision_needs_k_neighbours_beyond_the_point_itself():
    line = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    # with one neighbour each ball reaches 1; 5.5 lies in none, 4.9 in that of 4
    for point, inside in ((5.5, 0.0), (4.9, 1.0), (5.0, 1.0)):
        found = generative.precision_recall(np.full(3, point) + np.zeros(3), line, neighbours=1)
        assert found.precision.value == inside
    with pytest.raises(ValueError, match="n >= 5"):
        generative.precision_recall(line[:4], line, neighbours=3)
    assert generative.precision_recall(line, line[::-1], neighbours=3).recall.value == 1.0
    blocks = rng("blocks").standard_normal((600, 2))  # more than one block of rows
    assert generative.precision_recall(blocks, blocks[::-1]).precision.value == 1.0


def test_gaussian_kl_of_one_dimension_and_of_shifted_means_inside_the_range():
    for s, t, m in ((2.0, 1.0, 0.5), (0.5, 3.0, -2.0)):
        exact = math.log(t / s) + (s**2 + m**2) / (2 * t**2) - 0.5
        assert np.isclose(gaussian.gaussian_kl([m], [[s**2]], [0.0], [[t**2]]), exact, **exactly)
    flat = np.diag([1.0, 0.0])
    assert np.isclose(
        gaussian.gaussian_kl([1.0, 0.0], flat, [0.0, 0.0], 4 * flat), math.log(2) + 2 / 8 - 0.5, **exactly
    )
    tilted = np.array([[1.0, 1e-5], [1e-5, 1e-10]])
    assert gaussian.gaussian_kl([0.0, 0.0], tilted, [0.0, 0.0], flat) == math.inf
    assert gaussian.gaussian_kl([0.0, 1e-5], flat, [0.0, 0.0], flat) == math.inf


def test_rank_and_negativity_have_their_thresholds():
    assert gaussian.factor(np.diag([1.0, 1e-11])).shape == (2, 2) and gaussian.factor(np.diag([1.0, 1e-13])).shape == (
        2,
        1,
    )
    assert gaussian.factor(np.diag([1.0, -1e-9])).shape == (2, 1)
    with pytest.raises(ValueError, match="got eigenvalue -1e-07"):
        gaussian.factor(np.diag([1.0, -1e-7]))
    assert gaussian.factor(np.zeros((2, 2))).shape == (2, 0)
    wide, narrow = rng("wide").standard_normal((3, 9)), rng("wide", 2).standard_normal((3, 2))
    square = [gaussian.factor(M @ M.T) for M in (wide, narrow)]
    assert np.isclose(
        gaussian.bures_from_factors(wide, narrow), gaussian.bures_from_factors(*square), rtol=1e-9, atol=0
    )


def test_moment_ratios_are_t_intervals_of_the_whitened_squares():
    x, centre = rng("moments").standard_normal((30, 3)) + 1, np.ones(3)
    squares = np.sum((x - centre) ** 2, axis=1)
    assert ends(gaussian.second_moment_ratio(x, 3.0, centre)) == ends(intervals.mean(squares / 3))
    covariance = np.diag([4.0, 0.0, 1.0])
    white = ((x - centre)[:, 0] ** 2 / 4 + (x - centre)[:, 2] ** 2) / 2
    assert np.allclose(ends(gaussian.scale_ratio(x, covariance, centre)), ends(intervals.mean(white)), **exactly)
    ratios = gaussian.variance_ratios(x, covariance, 0.9)
    for found, column, true in zip(ratios, (0, 2), (4.0, 1.0)):
        assert np.allclose(ends(found), np.array(ends(intervals.variance(x[:, column], 0.9))) / true, **exactly)


def test_frechet_distance_divides_by_n_less_one():
    x, y = np.array([[0.0], [2.0]]), np.array([[0.0], [4.0], [8.0]])
    assert np.isclose(generative.frechet_distance(x, y), 9 + (math.sqrt(2) - 4) ** 2, **exactly)
    found = generative.frechet_with_floor(x, y, x + 1)
    assert np.isclose(found.floor, 4 + (math.sqrt(2) - 4) ** 2, **exactly)
    with pytest.raises(ValueError, match="shape of x"):
        generative.frechet_with_floor(x, y, y)


def test_sliced_interval_is_that_of_the_directions_mean_power():
    x, y = rng("si").standard_normal((40, 3)), rng("si", 2).standard_normal((30, 3)) + 1
    found = sliced.sliced_wasserstein(x, y, rng("t"), p=2, count=20)
    expected = intervals.mean(found.per_direction**2)
    assert np.allclose((found.value, found.low, found.high), np.sqrt((expected.value, *ends(expected))), **exactly)
    line = sliced.sliced_wasserstein(x[:, :1], y[:, :1], rng("t"))
    assert line.low == line.value == line.high and line.per_direction.shape == (1,)
    assert np.isclose(line.value, sliced.wasserstein_line(x[:, 0], y[:, 0]), **exactly)


def test_excess_is_the_mean_over_interleaved_blocks():
    x, truth, other = rng("blocks").standard_normal((3, 40, 2))
    found = sliced.sliced_with_floor(1.5 * x, truth, other, rng("t"), count=5, blocks=4)
    theta = sliced.directions(2, 5, rng("t"))
    gaps = []
    for b in range(4):
        ours, null, reference = (np.sort(z[b::4] @ theta, axis=0) for z in (1.5 * x, other, truth))
        gaps.append(np.mean((ours - reference) ** 2) - np.mean((null - reference) ** 2))
    expected = intervals.mean(gaps)
    assert np.allclose((found.excess, found.excess_high), np.sqrt((expected.value, expected.high)), **exactly)
    assert np.isclose(found.excess_low, math.sqrt(max(expected.low, 0.0)), rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="blocks must be at least 3"):
        sliced.sliced_with_floor(x, truth, other, rng("t"), blocks=2)
    with pytest.raises(ValueError, match="n >= 42"):
        sliced.sliced_with_floor(x, truth, other, rng("t"), blocks=21)
    with pytest.raises(ValueError, match="shape of x"):
        sliced.sliced_with_floor(x, truth, other[:30], rng("t"))
    assert sliced.sliced_with_floor(x, truth, other, rng("t"), blocks=3, count=4).excess >= 0.0


def test_floor_of_radii_is_the_mean_and_the_95_percent_quantile_of_redrawn_samples():
    radii = rng("r").random(30)
    found = sliced.radial_distance(radii, stats.norm.ppf, rng("floors"), p=1, repeats=11)
    generator = rng("floors")
    floors = [
        sliced.wasserstein_to_quantile(stats.norm.ppf(generator.random(30)), stats.norm.ppf, p=1) for _ in range(11)
    ]
    assert np.allclose((found.floor, found.floor_95), (np.mean(floors), np.quantile(floors, 0.95)), **exactly)
