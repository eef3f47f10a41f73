"""Interval and fit code equal to scipy, numpy and textbook formulas: coverage cannot see one degree of freedom,
equality can.
"""

import math
import zlib

import numpy as np
import pytest
from scipy import optimize, stats

from analysis.metrics import fits, intervals


def rng(*labels):
    return np.random.default_rng(zlib.crc32(repr(labels).encode()))


def ends(estimate):
    return estimate.low, estimate.high


exactly = {"rtol": 1e-11, "atol": 0}


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("n", [2, 3, 20])
def test_mean_is_scipys_t_interval(n, confidence):
    x = rng("mean", n).standard_normal(n) + 3
    found = intervals.mean(x, confidence)
    reference = stats.ttest_1samp(x, 0.0).confidence_interval(confidence)
    assert np.allclose(ends(found), (reference.low, reference.high), **exactly)
    assert found.value == x.mean()


@pytest.mark.parametrize(("freedom", "law"), [(1, stats.t(1)), (7, stats.t(7)), (math.inf, stats.norm())])
def test_from_standard_error_is_a_quantile(freedom, law):
    found = intervals.from_standard_error(2.0, 0.3, freedom, 0.8)
    assert np.allclose(ends(found), 2.0 + 0.3 * law.ppf([0.1, 0.9]), **exactly)


def test_standard_error_undoes_a_normal_interval():
    found = intervals.from_standard_error(1.0, 0.25)
    assert np.isclose(intervals.standard_error(found.low, found.high), 0.25, rtol=1e-4, atol=0)
    assert np.allclose(intervals.standard_error(np.array([0.0, 1.0]), np.array([3.92, 8.84])), [1.0, 2.0], **exactly)


@pytest.mark.parametrize("n", [20, 37])
def test_variance_is_the_delta_method_with_the_unbiased_fourth_moment_formula(n):
    x = rng("variance", n).exponential(size=n)
    s2, m4 = np.var(x, ddof=1), stats.moment(x, 4)
    spread = math.sqrt((m4 - (n - 3) / (n - 1) * s2**2) / n) / s2
    found, q = intervals.variance(x, 0.9), stats.t.ppf(0.95, n - 1)
    assert np.allclose(ends(found), (s2 * math.exp(-q * spread), s2 * math.exp(q * spread)), **exactly)
    assert np.isclose(found.value, s2, **exactly)


def _t_of_ratio(r, x, y, paired):
    """The statistic whose acceptance region is Fieller's interval: mean of x - r y over its standard error."""
    if paired:
        z = x - r * y
        return z.mean() / (z.std(ddof=1) / math.sqrt(z.size))
    return (x.mean() - r * y.mean()) / math.sqrt(x.var(ddof=1) / x.size + r**2 * y.var(ddof=1) / y.size)


@pytest.mark.parametrize("paired", [False, True])
def test_ratio_holds_what_a_t_test_of_the_difference_accepts(paired):
    x, y = rng("fieller").normal(6, 1, 12), rng("fieller", 2).normal(2, 0.5, 12 if paired else 9)
    found = intervals.ratio(x, y, paired, confidence=0.9)
    q = stats.t.ppf(0.95, min(x.size, y.size) - 1)
    for end in ends(found):
        assert np.isclose(abs(_t_of_ratio(end, x, y, paired)), q, rtol=1e-9, atol=0)
    assert found.low < found.value < found.high and np.isclose(found.value, x.mean() / y.mean(), **exactly)
    if paired:  # the same by scipy's one-sample test
        assert np.isclose(stats.ttest_1samp(x - found.low * y, 0.0).pvalue, 0.1, rtol=1e-8, atol=0)


def test_ratio_is_unbounded_where_the_denominator_is_not_told_from_zero():
    x = np.array([1.0, 2.0, 3.0])
    y = np.array([-1.0, 0.1, 1.0])
    assert ends(intervals.ratio(x, y)) == (-math.inf, math.inf)
    assert math.isnan(intervals.ratio(x, np.array([-1.0, 0.0, 1.0])).value)
    with pytest.raises(ValueError, match="one length, got 3 and 2"):
        intervals.ratio(x, y[:2], paired=True)
    # a denominator at exactly the edge: t of its mean equals the quantile, and the interval is unbounded
    z = np.array([1.0, 2.0])
    edge = z.mean() / math.sqrt(z.var(ddof=1) / 2)
    confidence = 2 * stats.t.cdf(edge, 1) - 1
    assert math.isinf(intervals.ratio(x[:2], z, confidence=confidence + 1e-9).high)
    assert math.isfinite(intervals.ratio(x[:2], z, confidence=confidence - 1e-3).high)


@pytest.mark.parametrize("successes", [0, 3, 10])
def test_binomial_is_beta_quantiles(successes):
    found = intervals.binomial(successes, 10, confidence=0.9)
    low = stats.beta.ppf(0.05, successes, 11 - successes) if successes else 0.0
    high = stats.beta.ppf(0.95, successes + 1, 10 - successes) if successes < 10 else 1.0
    assert np.allclose((found.value, *ends(found)), (successes / 10, low, high), rtol=1e-9, atol=1e-15)


def test_binomial_refuses_what_is_no_count():
    for successes, trials in ((-1, 3), (0, 0), (4, 3)):
        with pytest.raises(ValueError, match="successes must lie in"):
            intervals.binomial(successes, trials)


def test_bootstrap_is_scipys_bca_on_the_same_draws():
    x = rng("bootstrap").exponential(size=25)
    found = intervals.bootstrap(x, np.mean, rng("draws"), resamples=300, confidence=0.9)
    reference = stats.bootstrap((x,), np.mean, n_resamples=300, confidence_level=0.9, method="BCa", rng=rng("draws"))
    assert np.allclose(ends(found), reference.confidence_interval, **exactly)
    with pytest.raises(ValueError, match="at least 8 rows"):
        intervals.bootstrap(x[:7], np.mean, rng("draws"))
    assert intervals.bootstrap(x[:8], np.mean, rng("draws"), resamples=50).low > 0


def test_combine_weighs_by_the_inverse_square_of_the_half_widths():
    parts = [intervals.Estimate(1.0, 0.5, 1.5), intervals.Estimate(3.0, 2.0, 4.0), intervals.Estimate(2.0, 1.75, 2.25)]
    half = np.array([0.5, 1.0, 0.25])
    found = intervals.combine(parts)
    weights = half**-2 / np.sum(half**-2)
    assert np.isclose(found.value, weights @ [1.0, 3.0, 2.0], **exactly)
    width = 1 / math.sqrt(np.sum(half**-2))
    assert np.allclose(ends(found), (found.value - width, found.value + width), **exactly)
    for bad in (intervals.Estimate(1.0, 1.0, 1.0), intervals.Estimate(1.0, 0.0, math.inf)):
        with pytest.raises(ValueError, match="positive width"):
            intervals.combine([parts[0], bad])


def test_estimates_are_closed_and_turn_over_with_the_sign():
    estimate = intervals.Estimate(2.0, 1.0, 4.0)
    assert estimate.contains(1.0) and estimate.contains(4.0)
    assert not estimate.contains(math.nextafter(1.0, 0)) and not estimate.contains(math.nextafter(4.0, 5))
    assert estimate.scaled(0.5) == intervals.Estimate(1.0, 0.5, 2.0)


X = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_unweighted_slope_is_linregress_with_its_t_interval(confidence):
    y = 3 * X**-1.5 * np.exp(0.1 * rng("slope").standard_normal(5))
    found = fits.log_log_slope(X, y, confidence=confidence)
    reference = stats.linregress(np.log(X), np.log(y))
    q = stats.t.ppf((1 + confidence) / 2, 3)
    expected = (reference.slope - q * reference.stderr, reference.slope + q * reference.stderr)
    assert np.allclose(ends(found.slope), expected, **exactly)
    assert np.isclose(found.prefactor, math.exp(reference.intercept), **exactly)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_weighted_slope_is_curve_fit_and_widens_by_its_chi_square(scale):
    y = 3 * X**-1.5 * np.exp(0.02 * rng("weighted").standard_normal(5))
    error = np.array([0.01, 0.05, 0.02, 0.2, 0.1]) * y / scale
    found = fits.log_log_slope(X, y, standard_error=error)
    fitted, covariance = optimize.curve_fit(
        lambda u, a, b: a + b * u, np.log(X), np.log(y), sigma=error / y, absolute_sigma=True
    )
    residual = (np.log(y) - fitted[0] - fitted[1] * np.log(X)) / (error / y)
    chi = max(residual @ residual / 3, 1.0)
    assert (chi > 1) == (scale > 1)
    half = stats.norm.ppf(0.975) * math.sqrt(covariance[1, 1] * chi)
    assert np.allclose(ends(found.slope), (fitted[1] - half, fitted[1] + half), rtol=1e-6, atol=0)
    assert np.isclose(found.prefactor, math.exp(fitted[0]), rtol=1e-6, atol=0)


def test_slope_needs_three_points_at_two_places_above_the_floor():
    assert fits.log_log_slope(X[:3], X[:3]).points == 3
    with pytest.raises(ValueError, match="got 2"):
        fits.log_log_slope(X[:2], X[:2])
    with pytest.raises(ValueError, match="2 abscissae"):
        fits.log_log_slope([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])
    # a point at the floor is in it
    assert fits.log_log_slope(X, X, floor=1.0).dropped == 1
    assert fits.log_log_slope(X, X, floor=np.array([0.0, 3.0, 0.0, 0.0, 0.0])).dropped == 1
    assert fits.log_log_slope([*X, 32.0], [*X, 0.0]).dropped == 1  # nothing is below zero
    for call in (
        lambda: fits.log_log_slope([0.0, 1.0, 2.0], X[:3]),
        lambda: fits.log_log_slope(X[:3], X),
        lambda: fits.log_log_slope(X, X, standard_error=np.zeros(5)),
    ):
        with pytest.raises(ValueError, match="positive"):
            call()


def test_power_law_is_least_squares_with_t_intervals():
    k, eps = (c.ravel() for c in np.meshgrid([2.0, 4, 8, 16], [0.1, 0.2, 0.4]))
    y = 5 * k**1.5 / eps * np.exp(0.2 * rng("power").standard_normal(k.size))
    found = fits.power_law({"k": k, "eps": eps}, y, confidence=0.9)
    design = np.column_stack([np.ones(12), np.log(eps), np.log(k)])
    solution, residual, *_ = np.linalg.lstsq(design, np.log(y), rcond=None)
    covariance = np.linalg.inv(design.T @ design) * residual[0] / 9
    q = stats.t.ppf(0.95, 9)
    for name, j in (("eps", 1), ("k", 2)):
        half = q * math.sqrt(covariance[j, j])
        assert np.allclose(
            (found[name].value, *ends(found[name])), solution[j] + half * np.array([0, -1, 1]), rtol=1e-9, atol=0
        )
    floored = fits.power_law({"k": k, "eps": eps}, np.where(k == 2, 1e-9, y), floor=1e-9)
    alone = fits.power_law({"k": k[k > 2], "eps": eps[k > 2]}, y[k > 2])
    assert np.isclose(floored["k"].value, alone["k"].value, **exactly)
    assert set(fits.power_law({"k": X}, X**2 * [1, 1.1, 1, 1, 1])) == {"k"}
    with pytest.raises(ValueError, match="independent parameters, got 2"):
        fits.power_law({"k": X[:2]}, X[:2])
    assert fits.power_law({"k": X[:3]}, X[:3])["k"].value == pytest.approx(1.0)
    with pytest.raises(ValueError, match="columns must be positive"):
        fits.power_law({"k": X - 1}, X)


def test_local_orders_are_sorted_by_falling_step():
    h = np.array([0.1, 0.4, 0.2])
    assert np.allclose(fits.local_orders(h, np.array([0.01, 0.08, 0.04])), [1.0, 2.0], **exactly)
    assert fits.local_orders(h[:2], h[:2]).shape == (1,)
    for bad in ((h[:1], h[:1]), (h, [0.0, 1.0, 1.0])):
        with pytest.raises(ValueError, match="two or more step sizes"):
            fits.local_orders(*bad)


def test_steps_to_reach_has_its_interval_where_the_shifted_curves_cross():
    steps, error, se = np.array([8.0, 16, 32, 64]), np.array([0.8, 0.4, 0.2, 0.1]), np.array([0.08, 0.02, 0.02, 0.01])
    found = fits.steps_to_reach(steps, error, 0.3, standard_error=se, confidence=0.9)
    q = stats.norm.ppf(0.95)

    def crossing(curve):  # the curves fall, so they are their own isotonic fit
        return np.exp(np.interp(-math.log(0.3), -np.log(curve), np.log(steps)))

    expected = [crossing(error * np.exp(s * q * se / error)) for s in (0, -1, 1)]
    assert np.allclose((found.value, found.low, found.high), expected, **exactly)
    assert fits.steps_to_reach(steps[::-1], error[::-1], 0.3).value == pytest.approx(expected[0], rel=1e-12)
    assert fits.steps_to_reach(steps, error, 0.8).status == "always below"
    assert fits.steps_to_reach(steps, error, 0.1).value == pytest.approx(64.0)
    assert fits.steps_to_reach(steps, error, 0.1 * (1 - 1e-9)).status == "not reached"
    with pytest.raises(ValueError, match="epsilon must be positive"):
        fits.steps_to_reach(steps, error, 0.0)


def test_a_noisy_bump_is_pooled_with_its_neighbours_by_weight():
    steps, error = np.array([8.0, 16, 32]), np.array([0.4, 0.1, 0.2])
    se = np.array([0.04, 0.01, 0.005])
    found = fits.steps_to_reach(steps, error, 0.25, standard_error=se)
    weight = (error[1:] / se[1:]) ** 2
    pooled = weight @ np.log(error[1:]) / weight.sum()
    share = (math.log(0.4) - math.log(0.25)) / (math.log(0.4) - pooled)
    assert np.isclose(found.value, 8 * 2**share, rtol=1e-10, atol=0)
