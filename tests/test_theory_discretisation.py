"""The discretisation term against the mean-square increments it stands for."""

import numpy as np
import pytest
from scipy import integrate, special

from analysis.theory import discretisation as D
from analysis.theory import grid as G
from analysis.theory import initial

LEVELS = np.geomspace(10.0, 0.01, 28)
Z, W = special.roots_hermitenorm(90)
W = W / W.sum()


def _atoms_denoise(u, sigma):
    return np.tanh(u / sigma**2)


def _atoms_mmse(sigma):
    sigma = np.asarray(sigma, dtype=float).reshape(-1, 1)
    u = np.linspace(1 - 13 * sigma[:, 0], 1 + 13 * sigma[:, 0], 1201, axis=-1)  # symmetric law: condition on X = 1
    density = np.exp(-0.5 * ((u - 1) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
    return np.trapezoid(density * (1 - np.tanh(u / sigma**2)) ** 2, u, axis=-1)


def test_gaussian_closed_form_quadrature_and_general_a_agree():
    closed = D.gaussian_discretisation(LEVELS, 3, 1.4)
    assert np.isclose(
        D.discretisation_from_mmse(LEVELS, lambda x: D.gaussian_mmse(x, 3, 1.4)), closed, rtol=1e-12, atol=0
    )
    assert np.isclose(D.gaussian_discretisation_any_a(LEVELS, 3, 1.4, 0.5), closed, rtol=1e-10, atol=0)


def test_telescope_of_two_atoms_equals_the_increments_of_the_denoiser():
    levels = np.array([3.0, 1.4, 0.8, 0.45])

    def increment(sigma, start):
        # X_t = +-1 + sigma z, X_i = X_t + sqrt(start^2 - sigma^2) z': the reversal of a Brownian motion
        now = 1.0 + sigma * Z[:, None]
        then = now + np.sqrt(max(start**2 - sigma**2, 0.0)) * Z[None, :]
        return W @ (_atoms_denoise(now, sigma) - _atoms_denoise(then, start)) ** 2 @ W / sigma**3

    total = sum(
        integrate.quad(increment, stop, start, args=(start,), epsrel=1e-8)[0]
        for start, stop in zip(levels[:-1], levels[1:])
    )
    assert np.isclose(D.discretisation_from_mmse(levels, _atoms_mmse), total, rtol=3e-5, atol=0)


def test_information_form_includes_the_initial_term_as_a_step_from_lambda_zero():
    k, s = 2, 1.3

    def mmse(x):
        return D.gaussian_mmse(x, k, s)

    def information(x):
        return 0.5 * k * np.log1p((s / x) ** 2)

    gain = information(LEVELS[-1]) - information(LEVELS[0])
    assert np.isclose(
        D.discretisation_from_information(LEVELS, mmse(LEVELS), gain),
        D.gaussian_discretisation(LEVELS, k, s),
        rtol=1e-10,
        atol=0,
    )
    lam = np.concatenate([[0.0], LEVELS**-2.0])
    riemann = 0.5 * np.sum(np.concatenate([[k * s**2], mmse(LEVELS[:-1])]) * np.diff(lam)) - information(LEVELS[-1])
    assert np.isclose(
        initial.gaussian_initial(k, s, LEVELS[0]) + D.gaussian_discretisation(LEVELS, k, s), riemann, rtol=1e-10, atol=0
    )


@pytest.mark.parametrize("a", [0.2, 0.5, 0.75])
def test_general_a_against_the_covariance_equation_of_the_ideal_process(a):
    s, levels = 1.3, np.array([2.0, 1.1, 0.5])

    def motion(t, x, start):  # variance, covariance with the step's start, accumulated integral
        variance, covariance, _ = x
        sd = start * np.exp(-(1 - a) * t)
        now, then = s**2 / (s**2 + sd**2), s**2 / (s**2 + start**2)
        error = now**2 * variance + then**2 * (s**2 + start**2) - 2 * now * then * covariance
        pull = now - 1
        return [2 * pull * variance + 2 * a * sd**2, pull * covariance, error / (4 * a * sd**2)]

    total = 0.0
    for start, stop in zip(levels[:-1], levels[1:]):
        v0, horizon = s**2 + start**2, np.log(start / stop) / (1 - a)
        run = integrate.solve_ivp(motion, (0, horizon), [v0, v0, 0.0], args=(start,), rtol=1e-11, atol=1e-13)
        total += run.y[2, -1]
    assert np.isclose(D.gaussian_discretisation_any_a(levels, 1, s, a), total, rtol=1e-7, atol=0)


@pytest.mark.parametrize("a", [0.1, 0.5, 0.8])
def test_slope_in_h_and_its_extremes(a):
    slopes = []
    for N in (4000, 8000):
        h = np.log(1000.0) / (1 - a) / N
        slopes.append(D.gaussian_discretisation_any_a(G.constant_levels(10.0, 0.01, N), 4, 1.0, a, order=8) / h)
    assert np.isclose(
        2 * slopes[1] - slopes[0], D.gaussian_discretisation_slope(4, 1.0, 10.0, 0.01, a), rtol=1e-5, atol=0
    )
    assert np.isclose(D.gaussian_discretisation_slope(4, 1.0, 1e6, 1e-6), 2 * (np.log(1e6) - 0.5), rtol=1e-6, atol=0)


def _unit_mmse(sigma):
    return D.gaussian_mmse(sigma, 1, 1.0)


def test_optimal_grid_is_the_dynamic_programming_optimum():
    mmse = _unit_mmse
    candidates = np.geomspace(10.0, 0.01, 501)
    lam, value = candidates**-2.0, mmse(candidates)
    step = np.where(lam[None, :] > lam[:, None], 0.5 * value[:, None] * (lam[None, :] - lam[:, None]), np.inf)
    best = step[0]
    for _ in range(5):
        best = np.min(best[:, None] + step, axis=0)
    gain = 0.5 * (np.log1p(lam[-1]) - np.log1p(lam[0]))
    exact = best[-1] - gain
    ours = D.discretisation_from_mmse(G.optimal_levels(10.0, 0.01, 6, mmse), mmse)
    assert ours <= exact * (1 + 1e-12)
    assert np.isclose(ours, exact, rtol=1e-3, atol=0)


@pytest.mark.parametrize("curve", ["gaussian", "atoms"])
def test_optimal_grid_is_stationary_and_beats_the_others(curve):
    mmse = {"gaussian": _unit_mmse, "atoms": _atoms_mmse}[curve]
    low, steps = {"gaussian": (0.01, 16), "atoms": (0.25, 8)}[curve]
    levels = G.optimal_levels(10.0, low, steps, mmse)
    best = D.discretisation_from_mmse(levels, mmse)
    for factor in (0.995, 1.005):
        for i in (1, steps // 2, steps - 1):
            moved = levels.copy()
            moved[i] *= factor
            assert D.discretisation_from_mmse(moved, mmse) > best
    assert best <= D.discretisation_from_mmse(G.equidistributed_levels(10.0, low, steps, mmse), mmse)
    assert np.isclose(
        G.constant_over_optimal(10.0, low, steps, mmse),
        D.discretisation_from_mmse(G.constant_levels(10.0, low, steps), mmse) / best,
        rtol=1e-12,
        atol=0,
    )


def test_optimal_grid_reaches_its_leading_order_limit():
    mmse = _unit_mmse
    limit = G.gaussian_optimal_limit(1, 1.0, 10.0, 0.01)
    scaled = np.array(
        [N * D.discretisation_from_mmse(G.equidistributed_levels(10.0, 0.01, N, mmse, 2**15), mmse) for N in (400, 800)]
    )
    assert np.isclose(2 * scaled[1] - scaled[0], limit, rtol=1e-4, atol=0)  # the correction is of order 1/N


def test_forms_of_the_bounds():
    assert np.isclose(D.discretisation_bound_form(3, 0.1, 2.0, 0.5, 0.5), 0.9, rtol=1e-14, atol=0)
    assert np.isclose(D.discretisation_bound_form(3, 0.1, 2.0, 0.5, 0.4), 0.9 + 16 * 27 * 0.01, rtol=1e-14, atol=0)
    assert np.isclose(D.discretisation_sharper_form(3, 0.1, np.e, 1.0), 0.6, rtol=1e-12, atol=0)
    with pytest.raises(ValueError, match="levels must be"):
        D.gaussian_discretisation([1.0, 1.0], 1, 1.0)
