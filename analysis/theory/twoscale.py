"""The law that attains the k^2/d^2 term of arXiv 2602.09639, Prop 3.8: half a point mass, half a thin full-rank Gaussian."""

import numpy as np
from scipy import special, stats

from .checks import dimensions, noise_range
from .quadrature import legendre


def _panels(low, high, width, order=8):
    """Composite Gauss-Legendre nodes and weights on [low, high] with panels no wider than `width`."""
    nodes, weights = legendre(order)
    edges = np.linspace(low, high, int(np.ceil((high - low) / width)) + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half + half * nodes).ravel(), (half * weights).ravel()


def two_scale_second_moment(d, k, sigma_T=1e-2, sigma_0=1e2):
    """E|lambda - lambda_t|^2/lambda_t^2 for p_X = 1/2 delta_0 + 1/2 N(0, (k/d) sigma^2 I_d), unit true noise sigma = 1.

    lambda from the posterior under a prior flat in lambda on [sigma_0^-2, sigma_T^-2]. Derived here: only rho^2 = |y|^2
    matters, chi2_d or (1 + k/d) chi2_d with probability 1/2 each; two nested quadratures (8 digits for d >= 10).
    """
    k, d = dimensions(k, d)
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    width = np.sqrt(2.0 / d)
    log_lambda, weight = _panels(-2 * np.log(sigma_0), -2 * np.log(sigma_T), width)
    log_weight = np.log(weight) + log_lambda  # d lambda = lambda d log lambda
    variance = np.exp(-log_lambda)
    wide = variance + k / d
    total = 0.0
    # chi2_d through its logarithm, which is close to normal with sd sqrt(2/d)
    log_chi, chi_weight = _panels(np.log(d) - 12 * width, np.log(d) + 8 * width, width / 2)
    density = np.exp(stats.chi2.logpdf(np.exp(log_chi), d) + log_chi) * chi_weight
    for scale in (1.0, 1.0 + k / d):
        rho2 = scale * np.exp(log_chi)[:, None]
        narrow_log = -0.5 * d * np.log(variance) - 0.5 * rho2 / variance
        wide_log = -0.5 * d * np.log(wide) - 0.5 * rho2 / wide
        log_mass = np.logaddexp(narrow_log, wide_log) + log_weight
        posterior = np.exp(log_mass - special.logsumexp(log_mass, axis=1, keepdims=True))
        total += 0.5 * float(density @ (posterior @ np.expm1(log_lambda) ** 2))
    return total
