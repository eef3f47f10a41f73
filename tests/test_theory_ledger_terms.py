"""Initial, blindness and learning terms against direct integrals."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis.theory import blindness, initial, learning
from analysis.theory.discretisation import gaussian_mmse

Z, W = special.roots_hermitenorm(80)
W = W / W.sum()


def _two_atom_log_p(u, sigma):
    return np.logaddexp(stats.norm.logpdf(u, 1, sigma), stats.norm.logpdf(u, -1, sigma)) - np.log(2)


def _two_atom_mmse(sigma):
    sigma = np.asarray(sigma, dtype=float)[..., None]
    u = np.linspace(-14, 14, 4001) * np.maximum(sigma, 0.2)
    return np.trapezoid(np.exp(_two_atom_log_p(u, sigma)) / np.cosh(u / sigma**2) ** 2, u, axis=-1)


def test_gaussian_initial_is_the_divergence():
    s, sigma_0 = 1.3, 2.0
    p, q = stats.norm(scale=np.hypot(s, sigma_0)), stats.norm(scale=sigma_0)
    value, _ = integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -30, 30, epsrel=1e-12)
    assert np.isclose(initial.gaussian_initial(5, s, sigma_0), 5 * value, rtol=1e-10, atol=0)
    assert initial.gaussian_initial(5, s, sigma_0) < initial.initial_bound(5 * s**2, sigma_0)
    assert np.isclose(
        initial.initial_from_mmse(5 * s**2, lambda x: gaussian_mmse(x, 5, s), sigma_0), 5 * value, rtol=1e-12, atol=0
    )


def test_initial_of_two_atoms_from_its_mmse_curve():
    sigma_0 = 1.5
    value, _ = integrate.quad(
        lambda x: (
            np.exp(_two_atom_log_p(x, sigma_0)) * (_two_atom_log_p(x, sigma_0) - stats.norm.logpdf(x, 0, sigma_0))
        ),
        -15,
        15,
        epsrel=1e-12,
    )
    assert np.isclose(initial.initial_from_mmse(1.0, _two_atom_mmse, sigma_0), value, rtol=1e-9, atol=0)
    entropy, _ = integrate.quad(
        lambda x: -np.exp(_two_atom_log_p(x, sigma_0)) * _two_atom_log_p(x, sigma_0), -15, 15, epsrel=1e-12
    )
    information = entropy - 0.5 * np.log(2 * np.pi * np.e * sigma_0**2)
    assert np.isclose(initial.initial_from_information(1.0, information, sigma_0), value, rtol=1e-9, atol=0)


def _gaussian_blind_price(k, d, s, low=0.01, high=100.0):
    """int E|f* - f_sigma|^2 sigma^-3 d sigma by brute force: outer sigma, u^2 and rho^2, inner posterior (prior
    sigma^-3).
    """
    n = d - k
    # log lambda, far finer than sqrt(2/n)
    z = np.linspace(-2 * np.log(high), -2 * np.log(low), 1301 if n < 100 else 2601)
    gain, total = s**2 / (s**2 + np.exp(-z)), np.exp(-z) + s**2
    q_u, w_u = special.roots_genlaguerre(12, k / 2 - 1)
    q_n, w_n = special.roots_genlaguerre(18, n / 2 - 1)
    weight = np.outer(w_u / w_u.sum(), w_n / w_n.sum()).ravel()
    sigmas, value = np.exp(np.linspace(np.log(low), np.log(high), 121)), []
    for sigma in sigmas:
        u2 = np.repeat(2 * q_u * (s**2 + sigma**2), q_n.size)[:, None]
        rho2 = np.tile(2 * q_n * sigma**2, q_u.size)[:, None]
        log_mass = 0.5 * n * z - 0.5 * rho2 * np.exp(z) - 0.5 * k * np.log(total) - 0.5 * u2 / total + z
        mass = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
        blind = mass @ gain / mass.sum(axis=1)
        value.append(weight @ (u2[:, 0] * (blind - s**2 / (s**2 + sigma**2)) ** 2) / sigma**2)
    return np.trapezoid(value, np.log(sigmas))


@pytest.mark.parametrize("k, d, tolerance", [(2, 20, 2e-3), (10, 90, 6e-4), (40, 80, 4e-3)])
def test_gaussian_price_by_brute_force(k, d, tolerance):
    measured = _gaussian_blind_price(k, d, 1.0)
    assert np.isclose(measured, blindness.gaussian_price_uniform(k, d), rtol=tolerance, atol=0)
    # the simple form k/(2(d-k)) overstates by about k/(6(d-k))
    assert measured < blindness.gaussian_price(k, d) * (1 - k / (10 * (d - k)))


def test_gaussian_prices_agree_for_small_dimension_ratio():
    for d in (10**4, 10**9):
        assert np.isclose(blindness.gaussian_price_uniform(2, d), blindness.gaussian_price(2, d), rtol=1.0 / d, atol=0)
    edge = [blindness.gaussian_price_uniform(1, 1 + n) for n in (999.999, 1000.001)]  # series against closed form
    assert np.isclose(edge[0] / edge[1], 1.000002, rtol=1e-8, atol=0)


def test_price_from_information_reproduces_the_gaussian_closed_form():
    k, d, s = 6, 30, 1.4
    t = np.linspace(-12, 12, 4001)
    ratio = np.exp(2 * t) / (s**2 + np.exp(2 * t))
    sensitivity = 4 * k * ratio * (1 - ratio) ** 2
    information = 2 * (d - k) + 2 * k * ratio**2
    assert np.isclose(
        blindness.price_from_information(t, sensitivity, information, 0.3),
        blindness.gaussian_price_uniform(k, d, 0.3),
        rtol=1e-6,
        atol=0,
    )


def test_sensitivity_of_a_gaussian_is_k():
    s, k = 1.7, 6

    def gaussian(t):  # W = sigma^3 df/dsigma, by a central difference of the linear gain
        sigma, e = np.exp(t), 1e-5
        slope = (s**2 / (s**2 + (sigma + e * sigma) ** 2) - s**2 / (s**2 + (sigma - e * sigma) ** 2)) / (2 * e)
        return k * (s**2 + sigma**2) * slope**2 / sigma**2

    J, _ = integrate.quad(gaussian, -9, 9, epsrel=1e-9, limit=200)
    assert np.isclose(J, k, rtol=1e-5, atol=0)
    assert np.isclose(blindness.price_from_sensitivity(J, 94), blindness.gaussian_price(k, 100), rtol=1e-5, atol=0)


def _atoms_sensitivity(t):
    """sigma^-6 E|W|^2 of atoms at +-1 at log sigma = t: W = -2 u Var(X|u); by symmetry under X = 1."""
    sigma = np.exp(t)
    u = np.linspace(1 - 10 * sigma, 1 + 10 * sigma, 3001)
    weight = np.exp(-0.5 * ((u - 1) / sigma) ** 2)
    return weight @ (4 * u**2 / np.cosh(np.clip(u / sigma**2, -150, 150)) ** 4) / weight.sum() / sigma**6


def _atoms_blind_price(d, low=0.05, high=60.0):
    """The same brute force as for the Gaussian: core coordinate u, d-1 normal directions, prior sigma^-3."""
    z = np.linspace(-2 * np.log(high), -2 * np.log(low), 901)
    scaled, weights = special.roots_genlaguerre(10, (d - 1) / 2 - 1)
    sigmas, value = np.exp(np.linspace(np.log(low), np.log(high), 71)), []
    for sigma in sigmas:
        u = np.linspace(1 - 8 * sigma, 1 + 8 * sigma, 61)[:, None]
        weight_u = np.exp(-0.5 * ((u[:, 0] - 1) / sigma) ** 2)
        core, gain = _two_atom_log_p(u, np.exp(-z / 2)), np.tanh(u * np.exp(z))
        error = 0.0
        for q, w in zip(scaled, weights / weights.sum()):
            log_mass = 0.5 * (d - 1) * z - q * sigma**2 * np.exp(z) + core + z
            mass = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
            blind = (mass * gain).sum(axis=1) / mass.sum(axis=1)
            error += w * (weight_u @ (blind - np.tanh(u[:, 0] / sigma**2)) ** 2) / weight_u.sum()
        value.append(error / sigma**2)
    return np.trapezoid(value, np.log(sigmas))


def test_two_atoms_price_tends_to_its_sensitivity_over_2d():
    t = np.linspace(-3, 5, 401)
    J = np.trapezoid([_atoms_sensitivity(x) for x in t], t)
    assert np.isclose(J, 0.5173, atol=2e-4)
    ratio = {d: _atoms_blind_price(d) / blindness.price_from_sensitivity(J, d) for d in (30, 90)}
    assert np.isclose((90 * ratio[90] - 30 * ratio[30]) / 60, 1.0, atol=2e-3)  # the correction is of order 1/d
    assert 0.96 < ratio[30] < 0.985


@pytest.mark.parametrize("a", [0.2, 0.5, 0.9])
def test_injection_factor_is_the_change_of_variable(a):

    def error(sigma):
        return sigma**2 / (1 + sigma**2) ** 2

    over_time, _ = integrate.quad(
        lambda t: error(2 * np.exp(-(1 - a) * t)) / (4 * a * (2 * np.exp(-(1 - a) * t)) ** 2),
        0,
        np.log(20) / (1 - a),
        epsrel=1e-11,
    )
    over_sigma, _ = integrate.quad(lambda x: error(x) / x**3, 0.1, 2.0, epsrel=1e-11)
    assert np.isclose(blindness.injection_factor(a), over_time / over_sigma, rtol=1e-9, atol=0)


def test_blindness_bound_form_grows_as_the_inverse_square_of_the_last_level():
    values = [blindness.blindness_bound_form(4, 1000, 2.0, 10.0, x) for x in (0.1, 0.01)]
    assert np.isclose(values[0], (4 + 4) * 16 / 1000 * 2 * (100 - 0.01), rtol=1e-12, atol=0)
    assert np.isclose(values[1] / values[0], 100, rtol=1e-3, atol=0)


@pytest.mark.parametrize("exponent", [-3.0, -1.0, -0.5, 0.0])
def test_learning_bound_and_its_equality(exponent):
    low, high, a = 0.1, 5.0, 0.4
    mass, _ = integrate.quad(lambda x: x**exponent, low, high, epsrel=1e-12)

    def error(x):
        return 0.01 * x**2 * (1 + np.sin(5 * np.log(x)))

    excess, _ = integrate.quad(lambda x: error(x) * x**exponent / mass, low, high, epsrel=1e-12)
    learn, _ = integrate.quad(lambda x: error(x) / (a * (1 - a) * x**3), low, high, epsrel=1e-12)
    sigma = np.geomspace(low, high, 400)
    bound = learning.learning_bound(excess, sigma, sigma**exponent / mass, a)
    if exponent == -3.0:
        assert np.isclose(bound, learn, rtol=1e-9, atol=0)
        assert np.isclose(learning.learning_equality(excess, high, low, a), learn, rtol=1e-9, atol=0)
    else:
        assert bound > learn * 1.05
    assert np.isclose(learning.nats(learn) * 4, learn, rtol=1e-14, atol=0)
