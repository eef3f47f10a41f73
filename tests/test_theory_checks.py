"""Refusals name the argument and what is allowed; what passes comes back as float64 of the same shape."""

import math

import numpy as np
import pytest

from analysis.theory import checks as C
from analysis.theory import quadrature as Q
from analysis.theory.discretisation import discretisation_from_mmse, discretisation_per_step, gaussian_mmse
from analysis.theory.noise import effective_dimension


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan, [1.0, 0.0], [1.0, math.nan]])
def test_positive_refuses(value):
    with pytest.raises(ValueError, match="s must be positive and finite"):
        C.positive("s", value)


@pytest.mark.parametrize("value", [-1e-300, math.inf, math.nan, [1.0, -1.0]])
def test_non_negative_refuses(value):
    with pytest.raises(ValueError, match="t must be finite and at least 0"):
        C.non_negative("t", value)


def test_what_passes_keeps_its_shape():
    assert C.positive("s", 5e-324) == 5e-324 and isinstance(C.positive("s", 2), float)
    assert C.non_negative("t", 0) == 0.0 and isinstance(C.non_negative("t", 0), float)
    for check in (C.positive, C.non_negative):
        kept = check("x", [1, 2])
        assert kept.dtype == np.float64 and kept.shape == (2,)


@pytest.mark.parametrize(
    ("a", "zero", "passes"),
    [
        (0.0, True, True),
        (0.0, False, False),
        (0.5, False, True),
        (1.0, True, False),
        (-0.1, True, False),
        (math.nan, True, False),
    ],
)
def test_injection_ratio(a, zero, passes):
    if passes:
        assert C.injection_ratio(a, zero_allowed=zero) == a
    else:
        with pytest.raises(ValueError, match=r"a must lie in \[0, 1\)" if zero else r"a must lie in \(0, 1\)"):
            C.injection_ratio(a, zero_allowed=zero)


@pytest.mark.parametrize(
    ("k", "d", "passes"), [(0, 1, True), (2, 3, True), (3, 3, False), (-1, 3, False), (4, 3, False)]
)
def test_dimensions(k, d, passes):
    if passes:
        assert C.dimensions(k, d) == (k, d)
    else:
        with pytest.raises(ValueError, match="0 <= k < d"):
            C.dimensions(k, d)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, math.inf), (-1.0, 1.0)])
def test_noise_range(low, high):
    assert C.noise_range(0.1, 1) == (0.1, 1.0)
    with pytest.raises(ValueError, match="0 < sigma_T < sigma_0"):
        C.noise_range(low, high)


@pytest.mark.parametrize(
    "levels", [[1.0], [1.0, 1.0], [1.0, 2.0], [1.0, 0.0], [math.inf, 1.0], [[2.0, 1.0]], [2.0, -1.0]]
)
def test_decreasing_levels(levels):
    assert C.decreasing_levels((2, 1)).tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match="strictly decreasing"):
        C.decreasing_levels(levels)


@pytest.mark.parametrize("order", [1, 6, 16])
def test_legendre_is_exact_to_its_degree_and_not_beyond(order):
    nodes, weights = Q.legendre(order)
    for power in range(0, 2 * order, 2):
        assert np.isclose(weights @ nodes**power, 2 / (power + 1), rtol=1e-13, atol=0)
    beyond = weights @ nodes ** (2 * order)
    assert not np.isclose(beyond, 2 / (2 * order + 1), rtol=1e-13, atol=0)


def test_panels_cover_the_interval_once_and_are_no_wider_than_asked():
    nodes, weights = Q.panels(-1.0, 2.0, 0.7, order=4)
    assert len(nodes) == 5 * 4  # ceil(3/.7) panels
    assert (np.diff(nodes) > 0).all() and nodes[0] > -1 and nodes[-1] < 2
    assert np.isclose(weights.sum(), 3.0, rtol=1e-14, atol=0) and np.isclose(
        weights @ nodes**7, (2**8 - 1) / 8, rtol=1e-13, atol=0
    )


@pytest.mark.parametrize("ratio", [1.05, 1.2, 2.6, 5.0, 1e2])  # on both sides of each change of rule, and over decades
def test_each_step_is_the_integral_of_the_fall_of_the_mmse(ratio):
    levels = np.array([3.0, 3.0 / ratio, 3.0 / ratio**2])
    steps = discretisation_per_step(levels, lambda sigma: gaussian_mmse(sigma, 2, 1.3))
    lam = levels**-2.0
    for i, step in enumerate(steps):  # (1/2)[m_i (l' - l) - k log((1 + s^2 l')/(1 + s^2 l))]
        gain = 2 * math.log((1 + 1.69 * lam[i + 1]) / (1 + 1.69 * lam[i]))
        exact = 0.5 * (gaussian_mmse(levels[i], 2, 1.3) * (lam[i + 1] - lam[i]) - gain)
        assert np.isclose(step, exact, rtol=1e-11, atol=0)
    assert np.isclose(
        steps.sum(), discretisation_from_mmse(levels, lambda sigma: gaussian_mmse(sigma, 2, 1.3)), rtol=1e-14, atol=0
    )


def test_effective_dimension_of_a_gaussian_is_k_where_noise_is_small():
    assert np.isclose(effective_dimension(gaussian_mmse(1e-4, 3, 1.0), 1e-4), 3.0, rtol=1e-7, atol=0)
    found = effective_dimension(np.array([1.0, 0.5]), np.array([1.0, 0.5]))
    assert np.allclose(found, [1.0, 2.0], rtol=1e-15, atol=0)
