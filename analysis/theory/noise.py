"""How well one noisy sample tells its own noise level: posterior spread, histograms, information bounds.

n = d - k is the number of purely noisy (normal) directions of data on a k-dimensional subspace.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from .checks import Number, dimensions, noise_range, non_negative, positive
from .quadrature import panels


def second_moment_form(d: float, k: float) -> float:
    """1/d + k^2/d^2, to which E|lambda - lambda_t|^2/lambda_t^2 is proportional at most [arXiv 2602.09639, Prop 3.8].

    >>> round(second_moment_form(d=1000, k=126), 6)
    0.016876
    """
    k, d = dimensions(k, d)
    return 1.0 / d + k**2 / d**2


def _shape(n: float, alpha: float) -> float:
    """Of the Gamma law of lambda given y."""
    shape = (n - alpha) / 2.0 + 1.0
    if not (shape > 0):
        raise ValueError(f"alpha must be below n + 2, got alpha={alpha}, n={n}")
    return shape


def linear_second_moment(n: float, alpha: float = 0.0) -> float:
    """E|lambda - lambda_t|^2/lambda_t^2 for lambda drawn from the noise posterior, linear data, n > 4 normal
    directions.

    Prior sigma^{alpha-3} (alpha = 0: flat in lambda), unbounded range, sigma << data scale. Derived here: lambda|y ~
    Gamma(A, rho^2/2), A = (n-alpha)/2 + 1, rho^2 = sigma^2 chi2_n; inverse moments of chi2_n. alpha = 0:
    (4n+32)/((n-2)(n-4)).

    >>> round(linear_second_moment(n=1000), 6)  # about 4/n
    0.004056
    """
    n = positive("n", n)
    if not n > 4:
        raise ValueError(f"n must exceed 4 for the second moment to exist, got {n}")
    shape = _shape(n, alpha)
    return 4.0 * shape * (shape + 1.0) / ((n - 2.0) * (n - 4.0)) - 4.0 * shape / (n - 2.0) + 1.0


def linear_log_sd(n: float, alpha: float = 0.0) -> float:
    """Posterior sd of log sigma for linear data, the same for every y: sqrt(trigamma(A))/2 with A = (n-alpha)/2 + 1.

    Derived here: log sigma = -log(lambda)/2 and lambda|y is Gamma(A, .), whose log has variance trigamma(A).

    >>> [round(linear_log_sd(n), 3) for n in (14, 62, 254, 1022)]
    [0.182, 0.089, 0.044, 0.022]
    """
    return 0.5 * math.sqrt(special.polygamma(1, _shape(n, alpha)))


def log_sd_limit(n: float) -> float:
    """1/sqrt(2n), the large-n limit of the posterior sd of log sigma (and the Cramer-Rao sd). Derived here.

    >>> [round(log_sd_limit(n), 3) for n in (14, 62, 254, 1022)]
    [0.189, 0.09, 0.044, 0.022]
    """
    return 1.0 / math.sqrt(2.0 * positive("n", n))


def mle_variance(d: float, k: float, sigma: float) -> float:
    """Variance of sigma_hat^2 = rho^2/(d-k), linear data: 2 sigma^4/(d-k). Derived here: rho^2 = sigma^2 chi2_{d-k}.

    >>> round(mle_variance(d=500, k=2, sigma=1.0), 6)
    0.004016
    """
    k, d = dimensions(k, d)
    return 2.0 * positive("sigma", sigma) ** 4 / (d - k)


def mle_log_moments(n: float) -> tuple[float, float]:
    """(mean of log(sigma_hat/sigma), variance of log sigma_hat) for sigma_hat^2 = sigma^2 chi2_n/n; near -1/(2n) and
    1/(2n).

    Derived here: log chi2_n has mean digamma(n/2) + log 2 and variance trigamma(n/2).

    >>> [round(moment, 6) for moment in mle_log_moments(1000)]
    [-0.0005, 0.000501]
    """
    half = positive("n", n) / 2.0
    return 0.5 * (float(special.digamma(half)) - math.log(half)), 0.25 * float(special.polygamma(1, half))


def mle_peak_density(d: float, k: float, sigma: float) -> float:
    """Largest value of the density of sigma_hat^2 = sigma^2 chi2_n/n, n = d-k > 2, at its mode sigma^2 (n-2)/n. Derived
    here.

    Figure 1 (right) and figure 10 of the paper:

    >>> [round(mle_peak_density(d, k, 1.0), 2) for d, k in ((500, 2), (10, 1), (100, 1), (1000, 1))]
    [6.31, 0.94, 2.83, 8.92]
    """
    k, d = dimensions(k, d)
    n = d - k
    if not n > 2:
        raise ValueError(f"d - k must exceed 2 for the density to have an inner peak, got {n}")
    return n / positive("sigma", sigma) ** 2 * float(stats.chi2.pdf(n - 2.0, n))


def mle_peak_density_normal(d: float, k: float, sigma: float) -> float:
    """Peak of the normal density with the variance of sigma_hat^2: sqrt((d-k)/(4 pi))/sigma^2; the large-n limit.
    Derived here.

    >>> [round(mle_peak_density_normal(d, k, 1.0), 2) for d, k in ((500, 2), (10, 1), (100, 1), (1000, 1))]
    [6.3, 0.85, 2.81, 8.92]
    """
    return 1.0 / math.sqrt(2.0 * math.pi * mle_variance(d, k, sigma))


def mle_zero_mass(d: float, s: float, sigma: float) -> float:
    """P(sigma_hat = 0) for full-rank data N(0, s^2 I_d): P(chi2_d < d s^2/(s^2 + sigma^2)).

    Derived here: the maximiser over sigma >= 0 is max(0, |y|^2/d - s^2) and |y|^2 = (s^2 + sigma^2) chi2_d.

    >>> round(mle_zero_mass(d=2, s=1.0, sigma=1.0), 4)  # 1 - e^{-1/2}
    0.3935
    """
    s2, sigma2 = positive("s", s) ** 2, positive("sigma", sigma) ** 2
    return float(stats.chi2.cdf(positive("d", d) * s2 / (s2 + sigma2), d))


def effective_dimension(mmse: Number, sigma: Number) -> Number:
    """k_eff = mmse(sigma)/sigma^2, mmse = E tr Cov(X|Y). Definition, derived here.

    >>> effective_dimension(mmse=0.5, sigma=0.5)
    2.0
    """
    return non_negative("mmse", mmse) / positive("sigma", sigma) ** 2


def residual_bias_factor(mmse: Number, sigma: Number, d: float) -> Number:
    """E[|f_sigma(y) - y|^2/d]/sigma^2 = 1 - k_eff/d. Derived here: y - x = (y - f) + (f - x), orthogonal in mean
    square.

    >>> residual_bias_factor(mmse=0.5, sigma=0.5, d=20)
    0.9
    """
    return 1.0 - effective_dimension(mmse, sigma) / positive("d", d)


def gaussian_fisher_information(eigenvalues: ArrayLike, sigma: float) -> float:
    """Fisher information of log sigma for N(0, diag(eigenvalues)) data: 2 sum_i (sigma^2/(s_i^2 + sigma^2))^2.

    eigenvalues: variances s_i^2 in all d directions (zeros included). Derived here: log-variance scores of independent
    normals.

    >>> gaussian_fisher_information([1.0, 0.0, 0.0], sigma=1.0)
    4.5
    """
    eigenvalues = np.atleast_1d(non_negative("eigenvalues", eigenvalues))
    sigma2 = positive("sigma", sigma) ** 2
    return 2.0 * float(np.sum((sigma2 / (eigenvalues + sigma2)) ** 2))


def fisher_information(d: float, distance_variance: float, sigma: float) -> float:
    """Fisher information of log sigma for any law: 2d - E Var(|X-Y|^2|Y)/sigma^4.

    Derived here: score = |X-Y|^2/sigma^2 - d averaged over X|Y; its variance is 2d less the mean conditional variance.

    >>> fisher_information(d=3, distance_variance=1.5, sigma=1.0)
    4.5
    """
    return 2.0 * positive("d", d) - non_negative("distance_variance", distance_variance) / positive("sigma", sigma) ** 4


def cramer_rao_variance(information: float) -> float:
    """Smallest variance of an unbiased estimate of log sigma from one sample: 1/information (Cramer-Rao).

    >>> cramer_rao_variance(200.0)
    0.005
    """
    return 1.0 / positive("information", information)


def two_scale_second_moment(d: float, k: float, sigma_T: float = 1e-2, sigma_0: float = 1e2) -> float:
    """E|lambda - lambda_t|^2/lambda_t^2 for p_X = 1/2 delta_0 + 1/2 N(0, (k/d) sigma^2 I_d), unit true noise sigma = 1.

    The law that attains the k^2/d^2 term of [arXiv 2602.09639, Prop 3.8]: half a point mass, half a thin full-rank
    Gaussian. lambda from the posterior under a prior flat in lambda on [sigma_0^-2, sigma_T^-2]. Derived here: only
    rho^2 = |y|^2 matters, chi2_d or (1 + k/d) chi2_d with probability 1/2 each; two nested quadratures (8 digits for d
    >= 10).

    >>> round(two_scale_second_moment(d=1000, k=126), 4)
    0.0141
    """
    k, d = dimensions(k, d)
    sigma_T, sigma_0 = noise_range(sigma_T, sigma_0)
    width = np.sqrt(2.0 / d)
    log_lambda, weight = panels(-2 * np.log(sigma_0), -2 * np.log(sigma_T), width)
    log_weight = np.log(weight) + log_lambda  # d lambda = lambda d log lambda
    variance = np.exp(-log_lambda)
    wide = variance + k / d
    total = 0.0
    # chi2_d through its logarithm, which is close to normal with sd sqrt(2/d)
    log_chi, chi_weight = panels(np.log(d) - 12 * width, np.log(d) + 8 * width, width / 2)
    density = np.exp(stats.chi2.logpdf(np.exp(log_chi), d) + log_chi) * chi_weight
    for scale in (1.0, 1.0 + k / d):
        rho2 = scale * np.exp(log_chi)[:, None]
        narrow_log = -0.5 * d * np.log(variance) - 0.5 * rho2 / variance
        wide_log = -0.5 * d * np.log(wide) - 0.5 * rho2 / wide
        log_mass = np.logaddexp(narrow_log, wide_log) + log_weight
        posterior = np.exp(log_mass - special.logsumexp(log_mass, axis=1, keepdims=True))
        total += 0.5 * float(density @ (posterior @ np.expm1(log_lambda) ** 2))
    return total
