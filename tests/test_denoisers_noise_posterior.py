"""The noise posterior as an object: exact Gamma law on linear data, priors, quantiles, two peaks."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import digamma, polygamma

import manifolds
from manifolds.denoisers import BlindDenoiser, NoisePrior


@pytest.mark.parametrize("d", [20, 1000, 10**6])
def test_linear_data_give_a_gamma_law(d):
    """sigma << s and a prior flat in lambda: lambda | y ~ Gamma(n/2 + 1, rho^2/2) (derived; scipy is the reference)."""
    k = 2
    law = manifolds.make("gaussian", dim=k, ambient=d, reduced=True, scale=1e8)
    n, sigma = d - k, 0.7
    y = torch.zeros(1, k + 1, dtype=torch.float64)
    y[0, k] = sigma * math.sqrt(n)
    post = BlindDenoiser(law, NoisePrior.power(-3.0, 1e-3, 1e3)).noise_posterior(y)
    gamma = stats.gamma(n / 2 + 1, scale=2 / float(y[0, k]) ** 2)
    p = np.array([0.001, 0.05, 0.5, 0.95, 0.999])
    exact = np.sort(-0.5 * np.log(gamma.ppf(1 - p)))
    width = float(post.sd)
    assert np.abs(post.quantile(torch.tensor(p)).numpy()[0] - exact).max() < 1e-6 * width
    assert float(post.mode) == pytest.approx(-0.5 * math.log(n / 2 / (float(y[0, k]) ** 2 / 2) * (1 + 2 / n)), abs=1e-9)
    draws = gamma.mean() / sigma**-2
    second = (gamma.var() + gamma.mean() ** 2) * sigma**4
    assert float(post.squared_error(sigma)) == pytest.approx(second - 2 * draws + 1, rel=1e-7)
    # entropy of log sigma: entropy of log lambda less log 2, itself that of lambda less E log lambda
    mean_log = digamma(n / 2 + 1) - math.log(float(y[0, k]) ** 2 / 2)
    assert float(post.entropy) == pytest.approx(gamma.entropy() - mean_log - math.log(2), abs=1e-7)
    assert float(post.mean) == pytest.approx(-0.5 * mean_log, abs=1e-8 * max(1.0, width))


def test_width_at_reference_dimensions():
    """sd of log sigma on linear data: half the root of a trigamma; in the limit 1/sqrt(2n) = .189, .090, .044, .022."""
    for n, reference in ((14, 0.189), (62, 0.090), (254, 0.044), (1022, 0.022)):
        law = manifolds.make("gaussian", dim=2, ambient=n + 2, reduced=True, scale=1e8)
        y = torch.tensor([[0.0, 0.0, math.sqrt(n)]], dtype=torch.float64)
        sd = float(BlindDenoiser(law, NoisePrior.power(-1.0, 1e-4, 1e4)).noise_posterior(y).sd)
        exact = 0.5 * math.sqrt(polygamma(1, n / 2))  # lambda | y ~ Gamma(n/2): sd of log lambda / 2
        assert abs(sd - exact) < 1e-9
        assert abs(1 / math.sqrt(2 * n) - reference) < 6e-4  # the limit, printed to three decimals


def test_a_tabulated_prior_bends_the_posterior_as_bayes_says():
    law = manifolds.make("gaussian", dim=1, ambient=3, reduced=True)
    y = torch.tensor([[0.3, 0.5]], dtype=torch.float64)
    levels = torch.logspace(-2, 1, 61, dtype=torch.float64)
    log_density = -((torch.log(levels) - 0.2) ** 2)
    post = BlindDenoiser(law, NoisePrior.tabulated(levels, log_density)).noise_posterior(y)
    grid = np.linspace(math.log(0.01), math.log(10), 200001)
    interpolated = np.interp(grid, np.log(levels.numpy()), log_density.numpy())
    rows = torch.from_numpy(np.exp(grid))
    log_mu = law.log_marginal(y.expand(len(grid), 2), rows).numpy() + interpolated + grid
    density = np.exp(log_mu - log_mu.max())
    mean = (grid * density).sum() / density.sum()
    sd = math.sqrt(((grid - mean) ** 2 * density).sum() / density.sum())
    assert float(post.mean) == pytest.approx(mean, abs=2e-5)
    assert float(post.sd) == pytest.approx(sd, rel=1e-4)
    median = grid[np.searchsorted(density.cumsum(), 0.5 * density.sum())]
    assert float(post.quantile(0.5)) == pytest.approx(median, abs=1e-4)


def test_two_competing_levels_are_both_seen():
    """Few normal coordinates and components of unequal codimension can give two explanations of one point."""
    from manifolds.laws.gaussian import IsotropicGaussian
    from manifolds.laws.mixture import Component, Mixture

    eye = torch.eye(40, dtype=torch.float64)
    zero = torch.zeros(40, dtype=torch.float64)
    core = Mixture(
        [
            Component(IsotropicGaussian(1, 1e-3), eye[:, :1], zero),
            Component(IsotropicGaussian(39, 1.0), eye[:, 1:], zero),
        ],
        [0.5, 0.5],
    )
    law = manifolds.Law(core, 60, reduced=True)
    u = torch.zeros(1, 41, dtype=torch.float64)
    u[0, 1:40] = math.sqrt(0.1)  # noise of variance .067 around the line, or data on the 39-dimensional subspace
    u[0, 40] = math.sqrt(20 * 0.002)  # with noise of variance .002: both log likelihoods are near 50
    prior = NoisePrior.power(-1.0, 1e-3, 10.0)
    post = BlindDenoiser(law, prior).noise_posterior(u)
    grid = np.linspace(math.log(1e-3), math.log(10), 400001)
    log_mu = law.log_marginal(u.expand(len(grid), 41), torch.from_numpy(np.exp(grid))).numpy()
    density = np.exp(log_mu - log_mu.max())
    density /= density.sum()
    peaks = np.flatnonzero((density[1:-1] > density[:-2]) & (density[1:-1] > density[2:]))
    assert len(peaks) == 2 and density[peaks + 1].min() > 1e-3 * density.max()
    mean = (grid * density).sum()
    assert float(post.mean) == pytest.approx(mean, abs=1e-6)
    assert float(post.sd) == pytest.approx(math.sqrt(((grid - mean) ** 2 * density).sum()), rel=1e-5)
    assert float(post.mode) == pytest.approx(grid[density.argmax()], abs=1e-4)


def test_quantile_levels_outside_the_unit_interval_are_refused():
    law = manifolds.make("gaussian", dim=1, ambient=9, reduced=True)
    post = BlindDenoiser(law, NoisePrior.power(-1.0, 0.1, 1.0)).noise_posterior(torch.ones(1, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="p must lie in"):
        post.quantile(1.0)
