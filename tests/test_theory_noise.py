"""Noise-level formulas against direct integration over data and posterior, and simulation with exact intervals."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from analysis.theory import noise as F
from analysis.theory.noise import two_scale_second_moment


def _posterior_moment(n, alpha, value):
    """E of value(lambda), true lambda 1: integrates the unnormalised posterior lambda^{(n-alpha)/2} e^{-lambda
    rho^2/2}.
    """
    z = np.linspace(-9.0, 5.0, 8001)  # log lambda, trapezoid: exponentially accurate for a smooth decaying integrand
    nodes, weights = special.roots_genlaguerre(60, n / 2.0 - 1.0)  # rho^2/2 ~ Gamma(n/2)
    log_density = ((n - alpha) / 2.0 + 1.0) * z - np.exp(z) * nodes[:, None]
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    means = (density * value(np.exp(z))).sum(axis=1) / density.sum(axis=1)
    return weights @ means / weights.sum()


@pytest.mark.parametrize("n, alpha", [(30, 0.0), (30, 2.0), (60, -3.0)])
def test_linear_second_moment_by_integration(n, alpha):
    # E over rho^2 of 1/rho^4 is not a polynomial: Gauss-Laguerre converges slowly in n small, hence n >= 30
    assert np.isclose(
        F.linear_second_moment(n, alpha), _posterior_moment(n, alpha, lambda x: (x - 1.0) ** 2), rtol=1e-6, atol=0
    )


def test_linear_second_moment_closed_form_and_limit():
    n = np.array([8.0, 50.0, 1e4])
    assert np.allclose([F.linear_second_moment(v) for v in n], (4 * n + 32) / ((n - 2) * (n - 4)), rtol=1e-9, atol=0)
    assert np.isclose(F.linear_second_moment(1e8) * 1e8, 4.0, rtol=1e-6, atol=0)


@pytest.mark.parametrize("alpha", [0.0, 2.0, 3.0])
def test_linear_log_sd_by_integration(alpha):
    n, rate = 62, 17.0
    z = np.linspace(-6, 6, 20001)
    density = np.exp(((n - alpha) / 2 + 1) * z - np.exp(z) * rate)
    density /= density.sum()
    mean = density @ z
    assert np.isclose(F.linear_log_sd(n, alpha), 0.5 * np.sqrt(density @ (z - mean) ** 2), rtol=1e-9, atol=0)
    assert np.isclose(F.linear_log_sd(1e6, alpha) / F.log_sd_limit(1e6), 1.0, atol=5e-6)


def test_mle_histogram_against_chi_square():
    d, k, sigma = 30, 4, 1.7
    law = stats.chi2(d - k, scale=sigma**2 / (d - k))
    assert np.isclose(F.mle_variance(d, k, sigma), law.var(), rtol=1e-12, atol=0)
    grid = np.linspace(0.1, 8, 200001)
    assert np.isclose(F.mle_peak_density(d, k, sigma), law.pdf(grid).max(), rtol=1e-8, atol=0)


def test_mle_log_moments_by_integration():
    n = 9
    q = np.exp(np.linspace(-14, 6, 40001))
    weight = stats.chi2.pdf(q, n) * q
    weight /= weight.sum()
    log_level = 0.5 * np.log(q / n)
    mean, variance = F.mle_log_moments(n)
    assert np.isclose(mean, weight @ log_level, rtol=1e-9, atol=0)
    assert np.isclose(variance, weight @ (log_level - mean) ** 2, rtol=1e-9, atol=0)
    assert np.allclose(np.array(F.mle_log_moments(1e6)) * 2e6, [-1.0, 1.0], atol=2e-6)


def test_figure_peak_densities():
    cases = ((10, 1), (100, 1), (1000, 1), (500, 2))
    assert np.allclose(
        [F.mle_peak_density_normal(d, k, 1.0) for d, k in cases], [0.846, 2.807, 8.916, 6.295], atol=6e-4
    )
    assert np.allclose([F.mle_peak_density(d, k, 1.0) for d, k in cases], [0.937, 2.831, 8.924, 6.306], atol=6e-4)


def test_zero_mass_by_maximising_the_likelihood():
    d, s, sigma, trials = 3, 1.5, 1.0, 4000
    y2 = (s**2 + sigma**2) * np.random.default_rng(11).chisquare(d, trials)
    candidates = np.concatenate([[0.0], np.geomspace(1e-4, 1e2, 3000)])
    variance = s**2 + candidates**2
    best = np.argmax(-0.5 * d * np.log(variance) - 0.5 * y2[:, None] / variance, axis=1)
    interval = stats.binomtest(int((best == 0).sum()), trials).proportion_ci(0.999)
    assert interval.low <= F.mle_zero_mass(d, s, sigma) <= interval.high


def test_residual_bias_factor_on_a_gaussian():
    k, d, s, sigma = 3, 20, 2.0, 0.7
    mmse = k * s**2 * sigma**2 / (s**2 + sigma**2)
    residual = k * sigma**4 / (s**2 + sigma**2) + (d - k) * sigma**2  # (g-1)^2 (s^2+sigma^2) a tangential direction
    assert np.isclose(F.residual_bias_factor(mmse, sigma, d), residual / (d * sigma**2), rtol=1e-13, atol=0)


def _score_variance(log_density, sigma, nodes, weights):
    e = 1e-5
    score = (log_density(nodes, sigma * np.exp(e)) - log_density(nodes, sigma * np.exp(-e))) / (2 * e)
    return weights @ score**2 - (weights @ score) ** 2


def test_gaussian_fisher_information_is_the_variance_of_the_score():
    sigma, spectrum = 0.8, [4.0, 0.3, 0.0]
    z, w = special.roots_hermitenorm(40)
    total = sum(
        _score_variance(
            lambda y, q, s2=s2: stats.norm.logpdf(y, scale=np.sqrt(s2 + q**2)),
            sigma,
            np.sqrt(s2 + sigma**2) * z,
            w / w.sum(),
        )
        for s2 in spectrum
    )
    assert np.isclose(F.gaussian_fisher_information(spectrum, sigma), total, rtol=1e-8, atol=0)
    assert np.isclose(
        F.cramer_rao_variance(F.gaussian_fisher_information(np.zeros(50), sigma)), 0.01, rtol=1e-12, atol=0
    )


def test_fisher_information_of_two_atoms_from_distance_variance():
    sigma, d = 0.9, 5
    u, step = np.linspace(-9, 9, 6001, retstep=True)

    def log_p(v, q):
        return np.logaddexp(stats.norm.logpdf(v, 1, q), stats.norm.logpdf(v, -1, q)) - np.log(2)

    weights = np.exp(log_p(u, sigma)) * step
    # |X-y|^2 takes two values 4u apart with weights (1 +- tanh(u/sigma^2))/2
    distance_variance = weights @ (4 * u**2 / np.cosh(u / sigma**2) ** 2)
    direct = _score_variance(log_p, sigma, u, weights) + 2 * (d - 1)
    assert np.isclose(F.fisher_information(d, distance_variance, sigma), direct, rtol=1e-7, atol=0)


def test_two_scale_law_against_nested_adaptive_quadrature():
    d, k = 12, 5
    tau2 = k / d

    def conditional(rho2):
        def log_mass(lam):
            wide = 1 / lam + tau2
            return np.logaddexp(0.5 * d * np.log(lam) - 0.5 * lam * rho2, -0.5 * d * np.log(wide) - 0.5 * rho2 / wide)

        def mass(lam):
            return np.exp(log_mass(lam) - log_mass(1.0))

        parts = [(0.25, 1), (1, 2), (2, 4), (4, 25.0)]
        top = sum(integrate.quad(lambda x: mass(x) * (x - 1) ** 2, *p, epsrel=1e-10)[0] for p in parts)
        return top / sum(integrate.quad(mass, *p, epsrel=1e-10)[0] for p in parts)

    value = 0.5 * sum(
        integrate.quad(lambda q, s=s: stats.chi2.pdf(q, d) * conditional(s * q), a, b, epsrel=1e-8)[0]
        for s in (1.0, 1 + tau2)
        for a, b in ((0.05, 8), (8, 16), (16, 70))
    )
    assert np.isclose(two_scale_second_moment(d, k, sigma_T=0.2, sigma_0=2.0), value, rtol=1e-6, atol=0)


def test_two_scale_law_attains_the_k2_over_d2_term():
    # Monte Carlo references of about 2 %: 1.41e-2, 3.25e-2, 2.63e-2
    values = [two_scale_second_moment(d, k) for d, k in ((1000, 126), (1000, 200), (5000, 1000))]
    assert np.allclose(values, [1.41e-2, 3.25e-2, 2.63e-2], rtol=0.02, atol=0)
    assert values[0] > 3 * F.linear_second_moment(1000)
    assert 0.8 < values[1] / (200 / 1000) ** 2 < 1.0


def test_form_of_prop_3_8_and_refusals():
    assert np.isclose(F.second_moment_form(100, 5), 0.0125, rtol=1e-14, atol=0)
    with pytest.raises(ValueError, match="n must exceed 4"):
        F.linear_second_moment(4)
    with pytest.raises(ValueError, match="0 <= k < d"):
        F.mle_variance(2, 2, 1.0)
