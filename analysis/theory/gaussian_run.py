"""The law after a run on Gaussian data, exactly, by recursion of two variances: no sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .checks import Number, dimensions, non_negative, positive


def run_variances(
    c: ArrayLike,
    eta: ArrayLike,
    levels: ArrayLike,
    s: float,
    start_variance: float | None = None,
    told: str = "scheduled",
) -> tuple[np.ndarray, np.ndarray]:
    """(tangential, normal) variances along a run of Y+ = f + c (Y-f) + eta Z, each (N+1,), data N(0, s^2 I_k) on a
    subspace.

    Derived here: f = g Y with g = s^2/(s^2 + level^2) tangentially and 0 normally, so the factors are (g + c(1-g))^2
    and c^2.

    Args:
        c, eta: (N,), the coefficients. levels: (N+1,), the scheduled noise sds. s: sd of the data in the subspace.
        start_variance: of the start, in every direction; levels[0]^2 unless given. told: the level that the exact
        denoiser assumes, "scheduled" (a conditional sampler) or "true" (the limit d -> inf of a
            blind sampler).

    Raises:
        ValueError: shapes that do not fit, or another value of told.

    >>> u, v = run_variances([0.25], [0.75**0.5], [2.0, 1.0], s=1.0)  # one ancestral step
    >>> u, v
    (array([4.  , 1.39]), array([4., 1.]))
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


def gaussian_divergence(variance_p: Number, variance_q: Number, dimension: float = 1) -> Number:
    """KL(N(0, p I) || N(0, q I)) in `dimension` dimensions: (dimension/2)(r - 1 - log r), r = p/q. Standard; stable
    near r = 1.

    >>> round(float(gaussian_divergence(2.0, 1.0)), 4)  # (1 - log 2)/2
    0.1534
    """
    excess = (positive("variance_p", variance_p) - variance_q) / positive("variance_q", variance_q)
    return 0.5 * non_negative("dimension", dimension) * (excess - np.log1p(excess))


def final_divergence(
    c: ArrayLike,
    eta: ArrayLike,
    levels: ArrayLike,
    k: float,
    d: float,
    s: float,
    told: str = "scheduled",
    target: str = "p_sigma_T",
) -> tuple[float, float]:
    """KL(target || law of Y_N) in nats: (tangential, normal) parts, exactly. Arguments as in `run_variances`.

    target "p_sigma_T": the smoothed data law at the last scheduled level; "own_level": at the run's own last noise
    level, which leaves the normal part 0. Derived here from `run_variances`.

    Raises:
        ValueError: another target, or a run without noise in the normal directions (the divergence is infinite).

    >>> tangential, normal = final_divergence([0.25], [0.75**0.5], [2.0, 1.0], k=2, d=20, s=1.0)
    >>> round(float(tangential), 4), round(abs(float(normal)), 4)
    (0.075, 0.0)
    """
    k, d = dimensions(k, d)
    if target not in ("p_sigma_T", "own_level"):
        raise ValueError(f"target must be 'p_sigma_T' or 'own_level', got {target!r}")
    levels = np.asarray(levels, dtype=float)
    u, v = run_variances(c, eta, levels, s, told=told)
    noise = levels[-1] ** 2 if target == "p_sigma_T" else v[-1]
    if v[-1] == 0:
        raise ValueError("eta and c leave no noise in the normal directions: the divergence is infinite")
    return gaussian_divergence(s**2 + noise, u[-1], k), gaussian_divergence(noise, v[-1], d - k)


def output_variance(c: ArrayLike, eta: ArrayLike, levels: ArrayLike, s: float, told: str = "scheduled") -> float:
    """Tangential variance of the run's output f(Y_N), to be compared with s^2 (1 - sigma_T^2/(s^2 + sigma_T^2)).

    Derived here from `run_variances`; arguments as there.

    >>> float(output_variance([0.25], [0.75**0.5], [2.0, 1.0], s=1.0))  # to be compared with 1/2
    0.34750000000000003
    """
    levels = np.asarray(levels, dtype=float)
    u, v = run_variances(c, eta, levels, s, told=told)
    level2 = levels[-1] ** 2 if told == "scheduled" else v[-1]
    return (s**2 / (s**2 + level2)) ** 2 * u[-1]


def divergence_limit(k: float, h: float) -> float:
    """k h^2/16: KL of the exponential-Euler run's marginal law as h -> 0, any a in [0, 1), sigma_T << s << sigma_0.

    Derived here: the tangential variance is the target times 1 - h/2 + O(h^2), and KL = (k/4)(h/2)^2. At a = 0 it also
    needs s^2/sigma_0^2 << h: without injection a run keeps the start's missing variance s^2 as a relative error
    s^2/sigma_0^2 for ever.

    >>> divergence_limit(k=4, h=0.1)
    0.0025000000000000005
    """
    return non_negative("k", k) * positive("h", h) ** 2 / 16.0
