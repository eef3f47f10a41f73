"""The law after a run on Gaussian data, exactly, by recursion of two variances: no sampling."""

import numpy as np

from .checks import dimensions, non_negative, positive


def run_variances(c, eta, levels, s, start_variance=None, told="scheduled"):
    """(tangential, normal) variances along a run of Y+ = f + c (Y-f) + eta Z, each (N+1,), data N(0, s^2 I_k) on a subspace.

    f is the exact denoiser told the scheduled level (told="scheduled": a conditional sampler) or the true one
    (told="true": the limit d -> inf of a blind sampler). start_variance: levels[0]^2 unless given. Derived here: f = g Y with
    g = s^2/(s^2 + level^2) tangentially and 0 normally, so the factors are (g + c(1-g))^2 and c^2.
    """
    if told not in ("scheduled", "true"):
        raise ValueError(f"told must be 'scheduled' or 'true', got {told!r}")
    c, eta, levels = (np.asarray(x, dtype=float) for x in (c, eta, levels))
    if not (c.shape == eta.shape and c.ndim == 1 and levels.shape == (c.size + 1,)):
        raise ValueError(f"c, eta must be (N,) and levels (N+1,), got {c.shape}, {eta.shape}, {levels.shape}")
    s2 = positive("s", s) ** 2
    u, v = np.empty(levels.size), np.empty(levels.size)
    u[0] = v[0] = levels[0] ** 2 if start_variance is None else positive("start_variance", start_variance)
    for i in range(c.size):
        g = s2 / (s2 + (levels[i] ** 2 if told == "scheduled" else v[i]))
        u[i + 1] = (g + c[i] * (1.0 - g)) ** 2 * u[i] + eta[i] ** 2
        v[i + 1] = c[i] ** 2 * v[i] + eta[i] ** 2
    return u, v


def gaussian_divergence(variance_p, variance_q, dimension=1):
    """KL(N(0, p I) || N(0, q I)) in `dimension` dimensions: (dimension/2)(r - 1 - log r), r = p/q. Standard; stable near r = 1."""
    excess = (positive("variance_p", variance_p) - variance_q) / positive("variance_q", variance_q)
    return 0.5 * non_negative("dimension", dimension) * (excess - np.log1p(excess))


def final_divergence(c, eta, levels, k, d, s, told="scheduled", target="p_sigma_T"):
    """KL(target || law of Y_N) in nats: (tangential, normal) parts, exactly.

    target "p_sigma_T": the smoothed data law at the last scheduled level; "own_level": at the run's own last noise level, which
    leaves the normal part 0. Derived here from `run_variances`.
    """
    k, d = dimensions(k, d)
    if target not in ("p_sigma_T", "own_level"):
        raise ValueError(f"target must be 'p_sigma_T' or 'own_level', got {target!r}")
    u, v = run_variances(c, eta, levels, s, told=told)
    noise = levels[-1] ** 2 if target == "p_sigma_T" else v[-1]
    if v[-1] == 0:
        raise ValueError("eta and c leave no noise in the normal directions: the divergence is infinite")
    return gaussian_divergence(s**2 + noise, u[-1], k), gaussian_divergence(noise, v[-1], d - k)


def output_variance(c, eta, levels, s, told="scheduled"):
    """Tangential variance of the run's output f(Y_N), to be compared with s^2 (1 - sigma_T^2/(s^2 + sigma_T^2)). Derived here."""
    u, v = run_variances(c, eta, levels, s, told=told)
    level2 = levels[-1] ** 2 if told == "scheduled" else v[-1]
    return (s**2 / (s**2 + level2)) ** 2 * u[-1]


def divergence_limit(k, h):
    """k h^2/16: KL of the exponential-Euler run's marginal law as h -> 0, any a in [0, 1), sigma_T << s << sigma_0.

    Derived here: the tangential variance is the target times 1 - h/2 + O(h^2), and KL = (k/4)(h/2)^2. At a = 0 it also needs
    s^2/sigma_0^2 << h: without injection a run keeps the start's missing variance s^2 as a relative error s^2/sigma_0^2 for ever.
    """
    return non_negative("k", k) * positive("h", h) ** 2 / 16.0
