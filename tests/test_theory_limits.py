"""Where a formula ends: refusals at the edge of its domain, the last argument that passes, branches on both sides."""

import math

import numpy as np
import pytest

from analysis.theory import (
    blindness,
    coefficients,
    discretisation,
    gaussian_run,
    grid,
    initial,
    learning,
    noise,
    rates,
    schedule,
)

STEP = ([0.25], [0.75**0.5], [2.0, 1.0])  # one ancestral step


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: blindness.gaussian_price(3, 3), "0 <= k < d"),
        (lambda: blindness.gaussian_price(1, 3, a=0.0), "a must lie in"),
        (lambda: blindness.price_from_sensitivity(-1.0, 2), "J must be"),
        (lambda: blindness.price_from_sensitivity(1.0, 0), "n must be"),
        (lambda: blindness.price_from_information([0.0, 1.0], [1.0, -1.0], [1.0, 1.0]), "sensitivity must be"),
        (lambda: blindness.price_from_information([0.0, 1.0], [1.0, 1.0], [1.0, 0.0]), "information must be"),
        (lambda: blindness.blindness_bound_form(1, 2, 0.0, 2.0, 1.0), "radius must be"),
        (lambda: initial.initial_bound(-1.0, 1.0), "second_moment must be"),
        (lambda: initial.gaussian_initial(-1, 1.0, 1.0), "k must be"),
        (lambda: initial.initial_from_information(1.0, -0.1, 1.0), "information must be"),
        (lambda: initial.initial_from_mmse(-1.0, np.ones_like, 1.0), "variance must be"),
        (lambda: learning.learning_bound(1.0, [1.0], [0.0], 0.5), "prior_density must be"),
        (lambda: learning.learning_equality(-1.0, 2.0, 1.0, 0.5), "excess_risk must be"),
        (lambda: learning.nats(-1.0), "weighted_by_inverse_injection must be"),
        (lambda: gaussian_run.run_variances(*STEP, 1.0, told="nothing"), "told must be 'scheduled' or 'true'"),
        (lambda: gaussian_run.run_variances([0.5], [0.5, 0.5], [2.0, 1.0], 1.0), r"got \(1,\), \(2,\), \(2,\)"),
        (lambda: gaussian_run.run_variances([0.5], [0.5], [2.0], 1.0), r"got \(1,\), \(1,\), \(1,\)"),
        (lambda: gaussian_run.run_variances([[0.5]], [[0.5]], [2.0, 1.0], 1.0), "must be"),
        (lambda: gaussian_run.run_variances(*STEP, 1.0, start_variance=0.0), "start_variance must be"),
        (
            lambda: gaussian_run.final_divergence(*STEP, 1, 3, 1.0, target="law"),
            "target must be 'p_sigma_T' or 'own_level'",
        ),
        (lambda: gaussian_run.final_divergence([0.0], [0.0], [2.0, 1.0], 1, 3, 1.0), "the divergence is infinite"),
        (lambda: coefficients.noise_variance([0.5], [0.5, 0.5], 1.0), r"got shapes \(1,\) and \(2,\)"),
        (lambda: coefficients.noise_variance([[0.5]], [[0.5]], 1.0), "1-D of one length"),
        (lambda: coefficients.noise_variance([0.5], [-0.5], 1.0), "eta must be"),
        (lambda: coefficients.noise_variance([0.5], [0.5], -1.0), "variance_0 must be"),
        (lambda: grid.constant_levels(2.0, 1.0, 0), "steps must be at least 1, got 0"),
        (lambda: noise.linear_second_moment(10, alpha=12.0), "alpha must be below n \\+ 2"),
        (lambda: noise.linear_second_moment(4), "n must exceed 4"),
        (lambda: noise.mle_peak_density(4, 2, 1.0), "d - k must exceed 2"),
        (lambda: rates.recipe(0, 0.1, 1.0), "k must be"),
        (lambda: rates.recipe(1, 0.1, 1.0, factor=0.0), "factor must be"),
        (lambda: rates.steps_for_certificate(0.0, lambda N: 1.0), "epsilon must be"),
        (lambda: rates.total_variation_bound(-1e-9), "divergence must be"),
        (lambda: schedule.implicit_variance(1.0, 0.0, np.ones_like), "sigma_0 must be"),
        (lambda: schedule.implicit_variance(1.0, 1.0, np.ones_like, panel=0.0), "panel must be"),
        (lambda: schedule.decreases([-1.0], 1.0), "a_values must be"),
        (lambda: schedule.vanishing_bound(-1.0, 1.0, 1.0, 1.0), "t must be"),
        (lambda: discretisation.gaussian_discretisation_any_a([2.0, 1.0], 1, 1.0, 0.0), "a must lie in"),
        (lambda: discretisation.discretisation_bound_form(1, 0.0, 1.0, 1.0, 0.5), "h must be"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_last_argument_that_passes():
    assert grid.constant_levels(2.0, 1.0, 1).tolist() == [2.0, 1.0]
    assert grid.optimal_levels(2.0, 1.0, 1, lambda s: s**2 / (1 + s**2)) == pytest.approx([2.0, 1.0], rel=1e-14)
    assert noise.linear_second_moment(5) == pytest.approx((4 * 5 + 32) / 3, rel=1e-14)
    assert noise.mle_peak_density(5, 2, 1.0) == pytest.approx(3 * math.exp(-0.5) / math.sqrt(2 * math.pi), rel=1e-12)
    assert rates.steps_for_certificate(1.0, lambda N: 1.0) == 1
    assert rates.steps_for_certificate(1.0, lambda N: 8 / N, most=8) == 8
    assert rates.steps_for_certificate(1.0, lambda N: 8 / N, most=7) is None
    assert schedule.decreases([1.0, 1.0], 1.0)  # equality is allowed twice
    assert gaussian_run.run_variances(*STEP, 1.0, start_variance=2.0)[1].tolist() == pytest.approx([2.0, 0.875])


def test_the_final_divergence_is_that_of_the_target_from_the_run():
    """KL(target || run), not the other way, and each part with its own dimension."""
    tangential, normal = gaussian_run.final_divergence([0.3], [0.5], [2.0, 1.0], 3, 10, 1.5)
    u, v = (array[-1] for array in gaussian_run.run_variances([0.3], [0.5], [2.0, 1.0], 1.5))
    ratios = (1.5**2 + 1.0) / u, 1.0 / v
    assert tangential == pytest.approx(1.5 * (ratios[0] - 1 - math.log(ratios[0])), rel=1e-12)
    assert normal == pytest.approx(3.5 * (ratios[1] - 1 - math.log(ratios[1])), rel=1e-12)
    own = gaussian_run.final_divergence([0.3], [0.5], [2.0, 1.0], 3, 10, 1.5, told="true", target="own_level")
    told_true = gaussian_run.run_variances([0.3], [0.5], [2.0, 1.0], 1.5, told="true")[0][-1]
    ratio = (1.5**2 + v) / told_true
    assert own[0] == pytest.approx(1.5 * (ratio - 1 - math.log(ratio)), rel=1e-12) and own[1] == 0.0
    blind = gaussian_run.output_variance([0.3], [0.5], [2.0, 1.0], 1.5, told="true")
    assert blind == pytest.approx((2.25 / (2.25 + v)) ** 2 * told_true, rel=1e-12)


@pytest.mark.parametrize("r", [1e-12, 5e-4, 9.99e-4])
def test_uniform_price_below_its_threshold_is_the_power_series(r):
    d = 1e9
    k = r * d / (1 + r)
    series = sum((-1) ** j * r ** (j + 1) / ((j + 1) * (2 * j + 1)) / 2 for j in range(6))
    assert blindness.gaussian_price_uniform(k, d) == pytest.approx(series, rel=3e-14)
    assert blindness.gaussian_price_uniform(k, d, a=0.2) == pytest.approx(series * 1.5625, rel=3e-14)


def test_total_variation_bounds_at_their_ends():
    assert rates.total_variation_bound(0.0) == rates.total_variation_bound_large(0.0) == 0.0
    assert rates.total_variation_bound(2.0) == rates.total_variation_bound(5.0) == 1.0
    assert rates.total_variation_bound_large(1e-20) == pytest.approx(1e-10, rel=1e-12)
    assert rates.certificate_steps_form(3, 0.5, math.e**2, 1.0) == pytest.approx(24.0, rel=1e-14)


def test_prices_and_bounds_scale_as_they_say():
    assert blindness.price_from_sensitivity(3.0, 6, a=0.2) == pytest.approx(0.25 * 1.5625, rel=1e-14)
    assert blindness.gaussian_price(4, 20, a=0.2) == pytest.approx(0.125 * 1.5625, rel=1e-14)
    assert blindness.blindness_bound_form(3, 10, 2.0, 2.0, 1.0, a=0.25) == pytest.approx(
        7 * 0.9 * 0.75 / 0.375, rel=1e-14
    )
    assert discretisation.discretisation_bound_form(2, 0.5, 3.0, 0.5, 0.5) == 2.0
    assert discretisation.discretisation_bound_form(2, 0.5, 3.0, 0.5, 0.25) == pytest.approx(
        2 + 9 * 4 * 8 * 0.25, rel=1e-14
    )
    assert noise.second_moment_form(10, 3) == pytest.approx(0.19, rel=1e-14)
    assert noise.mle_variance(10, 2, 1.5) == pytest.approx(2 * 1.5**4 / 8, rel=1e-14)
    assert noise.mle_peak_density_normal(10, 2, 1.5) == pytest.approx(math.sqrt(8 / (4 * math.pi)) / 2.25, rel=1e-14)
    assert noise.fisher_information(4, 0.5, 2.0) == pytest.approx(8 - 0.5 / 16, rel=1e-15)
    assert noise.effective_dimension(3.0, 2.0) == 0.75 and noise.residual_bias_factor(3.0, 2.0, 4) == 1 - 0.75 / 4
    assert gaussian_run.divergence_limit(3, 0.2) == pytest.approx(3 * 0.04 / 16, rel=1e-14)
    assert initial.initial_bound(3.0, 2.0) == 0.375


def test_what_is_told_twice_is_computed_once():
    """A time given alone, in an array, twice, or as a list is one number."""
    alone = schedule.implicit_variance(1.3, 2.0, lambda t: 1 / (1 + t))
    many = schedule.implicit_variance([1.3, 0.0, 1.3], 2.0, lambda t: 1 / (1 + t))
    assert isinstance(alone, float) and many[0] == many[2] == pytest.approx(alone, rel=1e-14) and many[1] == 4.0
    # a constant given as a number is broadcast
    assert schedule.implicit_variance(1.0, 2.0, lambda t: 0.5) == pytest.approx(0.5 + 3.5 * math.exp(-2), rel=1e-14)


def test_the_flat_stretch_of_a_curve_still_has_levels():
    """mmse constant over decades: the equidistributed grid puts its levels elsewhere, and stays decreasing."""
    levels = grid.equidistributed_levels(1e3, 1e-3, 8, lambda s: 1.0 / (1.0 + s**-8.0))
    assert (np.diff(levels) < 0).all() and levels[0] == pytest.approx(1e3) and levels[-1] == pytest.approx(1e-3)
    assert 0.3 < np.median(levels) < 3


def test_the_ends_of_an_optimal_grid_are_the_numbers_given():
    """exp(-log(sigma^-2)/2) is not sigma to the last digit."""
    for start, end in ((7.3, 0.013), (19.7, 0.0201), (3.1, 0.07)):
        levels = grid.optimal_levels(start, end, 5, lambda s: s**2 / (1 + s**2))
        assert (levels[0], levels[-1]) == (start, end)
    assert math.exp(-0.5 * math.log(19.7**-2.0)) != 19.7
