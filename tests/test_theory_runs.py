"""Step coefficients, Gaussian runs, certificates and rates against linear algebra, simulation and quadrature."""

import numpy as np
import pytest
from scipy import integrate, stats

from analysis.theory import coefficients as C
from analysis.theory import gaussian_run as R
from analysis.theory import rates
from analysis.theory.discretisation import gaussian_discretisation
from analysis.theory.grid import constant_levels

LEVELS = np.geomspace(5.0, 0.02, 13)


def injected(t, sigma, a, h):
    """2 a_t, a_t = a sigma_t^2, times its decay to the end of the step (h = None: none)."""
    return 2 * a * (sigma * np.exp(-(1 - a) * t)) ** 2 * (1.0 if h is None else np.exp(-2 * (h - t)))


@pytest.mark.parametrize("a", [0.0, 0.3, 0.5, 0.8])
def test_coefficients_by_their_defining_integrals(a):
    c, eta = C.exponential_euler(LEVELS, a)
    plain_c, plain_eta = C.plain_euler(LEVELS, a)
    for i in (0, 7):
        h = np.log(LEVELS[i] / LEVELS[i + 1]) / (1 - a)
        assert np.isclose(c[i], np.exp(-h), rtol=1e-13, atol=0) and np.isclose(plain_c[i], 1 - h, rtol=1e-13, atol=0)
        kept, _ = integrate.quad(injected, 0, h, args=(LEVELS[i], a, h), epsrel=1e-12)
        free, _ = integrate.quad(injected, 0, h, args=(LEVELS[i], a, None), epsrel=1e-12)
        assert np.isclose(eta[i] ** 2, kept, rtol=1e-10, atol=1e-30) and np.isclose(
            plain_eta[i] ** 2, free, rtol=1e-10, atol=1e-30
        )
    assert np.allclose(C.noise_variance(c, eta, LEVELS[0] ** 2), LEVELS**2, rtol=1e-12, atol=0)


def test_ddim_and_ancestral_are_exponential_euler():
    for named, a in ((C.ddim(LEVELS), 0.0), (C.ancestral(LEVELS), 0.5)):
        for ours, theirs in zip(named, C.exponential_euler(LEVELS, a)):
            assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_plain_euler_mismatch_has_the_sign_of_its_injection():
    # no injection: 1-h < e^-h, the true level falls below the schedule; a = 1/2 and few steps: above it
    below, above = (C.schedule_mismatch(LEVELS, *C.plain_euler(LEVELS, a))[-1] for a in (0.0, 0.5))
    assert below < -1.0 and above > 0.2
    assert np.allclose(C.schedule_mismatch(LEVELS, *C.exponential_euler(LEVELS, 0.5)), 0.0, atol=1e-13)


def test_noise_variance_by_simulation():
    c, eta = C.plain_euler(LEVELS, 0.4)
    rng, n = np.random.default_rng(5), 200_000
    y = LEVELS[0] * rng.standard_normal(n)
    for ci, ei in zip(c, eta):
        y = ci * y + ei * rng.standard_normal(n)
    low, high = (y @ y) / stats.chi2.ppf([0.9995, 0.0005], n)
    assert low <= C.noise_variance(c, eta, LEVELS[0] ** 2)[-1] <= high


@pytest.mark.parametrize("a, h, steps", [(0.5, 0.02, 150), (0.2, 0.05, 80)])
def test_adaptive_level_spreads_and_shifts_as_predicted(a, h, steps):
    n, runs, rng = 300, 60_000, np.random.default_rng(17)
    c = np.exp(-h)
    ratio = np.sqrt(np.exp(-2 * (1 - a) * h) - np.exp(-2 * h))  # exponential Euler, in units of sigma_hat
    rho2 = rng.chisquare(n, runs) / n
    first = 0.5 * np.log(rho2).mean()
    for _ in range(steps):  # sigma_hat = rho/sqrt(n); the norm of a sum of a vector and an isotropic normal vector
        g, rest = rng.standard_normal(runs), rng.chisquare(n - 1, runs)
        rho2 = rho2 * ((c + ratio * g / np.sqrt(n)) ** 2 + ratio**2 * rest / n)
    log_level = 0.5 * np.log(rho2)
    t = steps * h
    spread = log_level.var(ddof=1) * (runs - 1) / stats.chi2.ppf([0.9995, 0.0005], runs - 1)
    mean, variance = C.adaptive_step_moments(n, c, ratio)
    assert spread[0] <= 0.5 / n + steps * variance <= spread[1]
    assert np.isclose(0.5 / n + steps * variance, C.log_level_variance(n, a, t, adaptive=True), rtol=1.5 * h, atol=0)
    half_width = stats.norm.ppf(0.9995) * np.sqrt(2 * steps * variance / runs)
    assert abs(log_level.mean() - first - steps * mean) <= half_width + 1e-3 / n * t
    assert np.isclose(steps * mean + (1 - a) * t, C.log_level_shift(n, a, t), rtol=1.5 * h, atol=0)
    assert np.isclose(C.log_level_variance(n, a, t, adaptive=False), 0.5 / n, rtol=1e-14, atol=0)


@pytest.mark.parametrize("a", [0.0, 0.5])
def test_run_variances_by_dense_linear_algebra(a):
    k, d, s = 2, 5, 1.3
    basis = np.linalg.qr(np.random.default_rng(3).standard_normal((d, k)))[0]
    projector, identity = basis @ basis.T, np.eye(d)
    c, eta = C.plain_euler(LEVELS, a)
    covariance = LEVELS[0] ** 2 * identity
    for i in range(c.size):
        f = s**2 * projector @ np.linalg.inv(s**2 * projector + LEVELS[i] ** 2 * identity)
        step = f + c[i] * (identity - f)
        covariance = step @ covariance @ step.T + eta[i] ** 2 * identity
    target = s**2 * projector + LEVELS[-1] ** 2 * identity
    ratio = np.linalg.solve(covariance, target)
    divergence = 0.5 * (np.trace(ratio) - d - np.linalg.slogdet(ratio)[1])
    if a > 0:
        assert np.isclose(sum(R.final_divergence(c, eta, LEVELS, k, d, s)), divergence, rtol=1e-9, atol=0)
    u, v = R.run_variances(c, eta, LEVELS, s)
    assert np.allclose(sorted([u[-1]] * k + [v[-1]] * (d - k)), np.linalg.eigvalsh(covariance), rtol=1e-9, atol=0)
    last = s**2 / (s**2 + LEVELS[-1] ** 2)
    assert np.isclose(R.output_variance(c, eta, LEVELS, s), last**2 * u[-1], rtol=1e-12, atol=0)


def test_telling_the_true_level_repairs_a_mismatched_run():
    c, eta = C.plain_euler(LEVELS, 0.2)
    told, blind = (
        R.final_divergence(c, eta, LEVELS, 1, 2, 1.0, told=t, target="own_level")[0] for t in ("scheduled", "true")
    )
    assert blind < told / 2


@pytest.mark.parametrize("a", [0.0, 0.25, 0.5, 0.75])
def test_marginal_divergence_tends_to_k_h2_over_16(a):
    ratios = []
    for N in (1600, 3200):
        levels = constant_levels(1e5, 1e-3, N)
        tangential, normal = R.final_divergence(*C.exponential_euler(levels, a), levels, 3, 1000, 1.0)
        ratios.append(tangential / R.divergence_limit(3, np.log(1e8) / (1 - a) / N))
        assert normal < 1e-20
    assert np.isclose(2 * ratios[1] - ratios[0], 1.0, atol=1e-4)  # first-order extrapolation in h


def test_without_injection_the_wrong_start_is_never_forgotten():
    levels = constant_levels(20.0, 1e-3, 20_000)
    kept, forgotten = (R.final_divergence(*C.exponential_euler(levels, a), levels, 1, 2, 1.0)[0] for a in (0.0, 0.5))
    r = 1.0 / 400.0  # s^2/sigma_0^2: at a = 0 the tangential variance stays too small by the factor 1/(1+r)
    h = np.log(20_000.0) / 20_000
    assert np.isclose(kept, R.gaussian_divergence(1.0 + r + h / 2, 1.0), rtol=0.01, atol=0)
    assert forgotten < kept / 10


def test_marginal_divergence_lies_below_the_certificate():
    levels = constant_levels(10.0, 0.01, 30)
    tangential, normal = R.final_divergence(*C.exponential_euler(levels, 0.5), levels, 4, 50, 1.0)
    assert 0 < tangential + normal < gaussian_discretisation(levels, 4, 1.0) / 10


def test_gaussian_divergence_by_quadrature():
    p, q = stats.norm(scale=1.2), stats.norm(scale=0.9)
    value, _ = integrate.quad(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -25, 25, epsrel=1e-12)
    assert np.isclose(R.gaussian_divergence(1.44, 0.81, 7), 7 * value, rtol=1e-10, atol=0)


def test_total_variation_bounds_hold_for_two_normals():
    for shift in (0.2, 1.0, 4.0):
        distance = 2 * stats.norm.cdf(shift / 2) - 1
        assert distance <= rates.total_variation_bound(shift**2 / 2)
        assert distance <= rates.total_variation_bound_large(shift**2 / 2) <= 1.0


def test_certificate_steps_are_minimal_and_have_exponent_one_in_k():
    def disc(k):
        return lambda N: gaussian_discretisation(constant_levels(10.0, 0.01, N), k, 1.0)

    needed = [rates.steps_for_certificate(0.05, disc(k)) for k in (4, 16, 64)]
    assert disc(4)(needed[0]) <= 0.05 < disc(4)(needed[0] - 1)
    assert np.allclose(np.diff(np.log(needed)) / np.log(4), 1.0, atol=0.01)
    forms = [rates.certificate_steps_form(k, 0.05, 10.0, 0.01) for k in (4, 16, 64)]
    assert np.allclose(np.array(needed) / forms, needed[0] / forms[0], rtol=0.02, atol=0)
    assert rates.steps_for_certificate(0.05, lambda N: 1.0, most=64) is None


def test_recipe_in_both_readings():
    proof, printed = (rates.recipe(4, 0.1, 3.0, reading=r) for r in ("proof", "printed"))
    assert np.allclose(proof, (30.0, 0.05, 0.000625, 2 * np.log(600) / 0.000625, 13 * 64 / 1e-4), rtol=1e-12, atol=0)
    assert np.isclose(printed.sigma_0, 0.1 / 3, rtol=1e-14, atol=0)
    assert printed.steps == 0.0  # epsilon/R < epsilon/sqrt k: the printed start lies below the end
    assert rates.recipe(16, 0.1, 3.0, reading="printed").steps > 0
    with pytest.raises(ValueError, match="reading must be"):
        rates.recipe(4, 0.1, 3.0, reading="other")


def test_rate_forms():
    assert np.isclose(rates.blind_steps_form(3, 0.1), 900, atol=0) and np.isclose(
        rates.tv_steps_form(3, 0.1), 30, atol=0
    )
    assert np.isclose(rates.linear_kl_steps_form(3, 0.1), 300, atol=0) and np.isclose(
        rates.ddpm_kl_steps_form(3, 0.1), 300, atol=0
    )
