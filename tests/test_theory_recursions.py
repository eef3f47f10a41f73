"""Step counts of published recursions against direct iteration and the numbers they settle."""

import math

import numpy as np
import pytest

from analysis.theory import coefficients as R
from analysis.theory.coefficients import noise_variance


def test_image_settings_of_version_1_take_27_or_28_steps_and_not_100():
    # sigma 4 -> .05, h = .2, a = .2
    assert R.steps_to_level(lambda s, i: s * R.euler_factor(0.2, 0.2), 4.0, 0.05) == 27
    assert R.steps_to_level(lambda s, i: s * R.exponential_factor(0.2, 0.2), 4.0, 0.05) == 28


def test_unsquared_injection_never_gets_there():
    def update(s, i):
        return math.sqrt(0.64 * s**2 + 2 * 0.2 * 0.2 * s)

    assert R.steps_to_level(update, 4.0, 0.05, most=5000) is None
    level = 4.0
    for i in range(300):
        level = update(level, i)
    assert np.isclose(level, R.unsquared_fixed_point(0.2, 0.2), rtol=1e-10, atol=0)
    assert np.isclose(level, 0.2222, atol=1e-4)


def test_kadkhodaie_simoncelli_steps():
    # constant h = .2, beta = .2: log(80)/-log(.96) = 107.3
    assert R.steps_to_level(lambda s, i: s * R.kadkhodaie_simoncelli_factor(0.2, 0.2), 4.0, 0.05) == 108

    def growing(s, i):
        return s * R.kadkhodaie_simoncelli_factor(R.kadkhodaie_simoncelli_step(i, 0.01), 0.2)

    assert R.steps_to_level(growing, 4.0, 0.05) == 80
    assert (
        np.isclose(R.kadkhodaie_simoncelli_step(1, 0.01), 0.01, atol=0)
        and R.kadkhodaie_simoncelli_step(10**6, 0.01) > 0.999
    )


@pytest.mark.parametrize("h, a", [(0.3, 0.5), (0.2, 0.0)])
def test_factors_are_the_variance_recursion(h, a):
    euler = noise_variance([1 - h], [math.sqrt(2 * a * h)], 1.0)[1]
    assert np.isclose(R.euler_factor(h, a), math.sqrt(euler), rtol=1e-14, atol=0)
    beta = 0.4
    kept = noise_variance([1 - h], [math.sqrt((1 - beta * h) ** 2 - (1 - h) ** 2)], 1.0)[1]
    assert np.isclose(R.kadkhodaie_simoncelli_factor(h, beta), math.sqrt(kept), rtol=1e-14, atol=0)


def test_refusals():
    with pytest.raises(ValueError, match="beta must lie"):
        R.kadkhodaie_simoncelli_factor(0.1, 1.5)
    with pytest.raises(ValueError, match="sigma_T < sigma_0"):
        R.steps_to_level(lambda s, i: s / 2, 0.1, 1.0)


def test_a_recursion_is_given_up_after_its_most_steps():
    def falls_at(step):
        return lambda sigma, i: 0.01 if i >= step else sigma

    assert R.steps_to_level(falls_at(7), 1.0, 0.01, most=7) == 7  # reached exactly
    assert R.steps_to_level(falls_at(8), 1.0, 0.01, most=7) is None
    assert R.steps_to_level(falls_at(1), 1.0, 0.02) == 1


def test_beta_of_one_is_allowed_and_zero_is_not():
    assert R.kadkhodaie_simoncelli_factor(0.25, 1.0) == 0.75
    with pytest.raises(ValueError, match="beta must lie in"):
        R.kadkhodaie_simoncelli_factor(0.25, 0.0)


def test_exponential_factor_and_fixed_point_have_their_closed_forms():
    assert R.exponential_factor(0.3, 0.4) == math.exp(-0.18)
    h, a = 0.3, 0.7
    level = R.unsquared_fixed_point(h, a)
    assert math.isclose(level**2, (1 - h) ** 2 * level**2 + 2 * a * h * level, rel_tol=1e-14)
    assert R.kadkhodaie_simoncelli_step(3, 0.2) == pytest.approx(0.6 / 1.4, rel=1e-15)
