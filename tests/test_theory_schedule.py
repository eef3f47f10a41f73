"""The implicit schedule against an ODE solver, quadrature and exact cases."""

import numpy as np
import pytest
from scipy import integrate

from analysis.theory import schedule as S

INJECTIONS = {
    "constant": lambda t: 0.3 + 0.0 * t,
    "power": lambda t: 1.0 / (1.0 + t) ** 2,
    "oscillating": lambda t: 0.4 * (1.0 + np.sin(3.0 * t)),
}


@pytest.mark.parametrize("name", sorted(INJECTIONS))
def test_implicit_variance_solves_its_ode(name):
    a_t, times = INJECTIONS[name], np.array([0.0, 0.4, 3.0, 7.5])
    reference = integrate.solve_ivp(
        lambda t, v: 2.0 * (a_t(t) - v), (0, 7.5), [4.0], t_eval=times, rtol=1e-12, atol=1e-14, method="DOP853"
    )
    assert np.allclose(S.implicit_variance(times, 2.0, a_t), reference.y[0], rtol=1e-10, atol=0)


def test_times_in_any_order_and_one_time_alone():
    a_t = INJECTIONS["power"]
    forward, backward = S.implicit_variance([0.5, 2.0], 1.5, a_t), S.implicit_variance([2.0, 0.5], 1.5, a_t)
    assert np.allclose(forward, backward[::-1], rtol=1e-14, atol=0)
    assert np.isclose(S.implicit_variance(2.0, 1.5, a_t), forward[1], rtol=1e-13, atol=0)


@pytest.mark.parametrize("a", [0.0, 0.2, 0.5, 0.8])
def test_proportional_family_is_the_fixed_form_of_prop_3_2(a):
    t = np.array([0.3, 2.0, 9.0])
    sd = S.proportional_sd(t, 10.0, a)
    implied = S.implicit_variance(t, 10.0, lambda u: a * S.proportional_sd(u, 10.0, a) ** 2)
    assert np.allclose(implied, sd**2, rtol=1e-12, atol=0)
    assert np.isclose(S.proportional_sd(S.proportional_horizon(10.0, 0.01, a), 10.0, a), 0.01, rtol=1e-12, atol=0)


def test_printed_step_counts_of_figure_3():
    # h = .5, a = .5 from 10 to .01: 27.6 steps; a line that falls by e^{-.5} a step needs half of them
    assert np.isclose(S.proportional_steps(10.0, 0.01, 0.5, 0.5), 27.631, atol=5e-4)
    assert np.isclose(S.proportional_steps(4.0, 0.05, 0.2, 0.2), 27.388, atol=5e-4)


@pytest.mark.parametrize("a", [0.2, 0.5, 0.8])
def test_inverse_injection_integral_is_the_integral(a):
    horizon = S.proportional_horizon(3.0, 0.1, a)
    value, _ = integrate.quad(lambda t: 1.0 / (a * S.proportional_sd(t, 3.0, a) ** 2), 0, horizon, epsrel=1e-12)
    assert np.isclose(S.inverse_injection_integral(3.0, 0.1, a), value, rtol=1e-10, atol=0)
    levels = np.geomspace(3.0, 0.1, 6)
    assert np.isclose(S.girsanov_weights(levels, a).sum(), value / 4.0, rtol=1e-10, atol=0)
    first, _ = integrate.quad(lambda t: 1.0 / (4 * a * S.proportional_sd(t, 3.0, a) ** 2), 0, horizon / 5, epsrel=1e-12)
    assert np.isclose(S.girsanov_weights(levels, a)[0], first, rtol=1e-10, atol=0)


def test_lemma_3_3_condition_and_its_failure():
    t = np.linspace(0, 5, 60)
    power = INJECTIONS["power"]
    assert S.decreases(power(t), 1.0)
    assert (np.diff(S.implicit_variance(t, 1.0, power)) < 0).all()
    assert not S.decreases(power(t), 0.5)  # a_0 = 1 > sigma_0^2 = .25
    assert S.implicit_variance(0.1, 0.5, power) > 0.25
    assert not S.decreases([0.1, 0.2], 1.0)


def test_lemma_3_4_bound_holds_and_vanishes():
    power, t = INJECTIONS["power"], np.array([0.5, 2.0, 10.0, 40.0, 160.0])
    bound = S.vanishing_bound(t, 1.0, power(0.0), power(t / 2))
    assert (S.implicit_variance(t, 1.0, power) <= bound).all()
    assert bound[-1] < 2e-4


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: S.proportional_sd(1.0, 1.0, 1.0), "a must lie in"),
        (lambda: S.inverse_injection_integral(1.0, 0.1, 0.0), "a must lie in"),
        (lambda: S.proportional_horizon(0.1, 1.0, 0.5), "sigma_T < sigma_0"),
        (lambda: S.implicit_variance(-1.0, 1.0, np.cos), "t must be"),
        (lambda: S.girsanov_weights([1.0, 2.0], 0.5), "levels must be"),
    ],
)
def test_refusals_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
