"""Early, one-line refusals of arguments outside a formula's domain."""

import numpy as np


def positive(name, value):
    """`value` as float64 (float for a scalar); ValueError unless finite and > 0 everywhere."""
    array = np.asarray(value, dtype=float)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return array if array.ndim else float(array)


def non_negative(name, value):
    """`value` as float64 (float for a scalar); ValueError unless finite and >= 0 everywhere."""
    array = np.asarray(value, dtype=float)
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ValueError(f"{name} must be finite and at least 0, got {value}")
    return array if array.ndim else float(array)


def injection_ratio(a, zero_allowed=True):
    """The constant a of a_t = a sigma_t^2; ValueError outside [0, 1), or (0, 1) where 1/a_t is needed."""
    low_ok = a >= 0 if zero_allowed else a > 0
    if not (low_ok and a < 1):
        raise ValueError(f"a must lie in {'[0' if zero_allowed else '(0'}, 1), got {a}")
    return float(a)


def dimensions(k, d):
    """Intrinsic and ambient dimension as floats; ValueError unless 0 <= k < d."""
    if not (0 <= k < d):
        raise ValueError(f"dimensions must satisfy 0 <= k < d, got k={k}, d={d}")
    return float(k), float(d)


def noise_range(sigma_T, sigma_0):
    """Smallest and largest noise sd as floats; ValueError unless 0 < sigma_T < sigma_0 < inf."""
    if not (0 < sigma_T < sigma_0 < np.inf):
        raise ValueError(f"noise levels must satisfy 0 < sigma_T < sigma_0, got sigma_T={sigma_T}, sigma_0={sigma_0}")
    return float(sigma_T), float(sigma_0)


def decreasing_levels(levels):
    """Noise sds (N+1,) as float64; ValueError unless strictly decreasing, positive, N >= 1."""
    array = np.asarray(levels, dtype=float)
    if (
        array.ndim != 1
        or array.size < 2
        or not np.isfinite(array).all()
        or array[-1] <= 0
        or (np.diff(array) >= 0).any()
    ):
        raise ValueError("levels must be a strictly decreasing 1-D sequence of at least two positive noise sds")
    return array
