"""Early, one-line refusals of arguments outside a formula's domain."""

from __future__ import annotations

from typing import TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike

Number = TypeVar("Number", float, np.ndarray)  # a formula takes a number or an array, and returns the same kind


@overload
def positive(name: str, value: float) -> float: ...
@overload
def positive(name: str, value: ArrayLike) -> np.ndarray: ...
def positive(name, value):
    """`value` as float64 (float for a scalar).

    Raises:
        ValueError: unless finite and > 0 everywhere.

    >>> positive("sigma", 2)
    2.0
    """
    array = _numbers(name, value)
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"{name} must be positive and finite, got {value!r:.60}")
    return array if array.ndim else float(array)


@overload
def non_negative(name: str, value: float) -> float: ...
@overload
def non_negative(name: str, value: ArrayLike) -> np.ndarray: ...
def non_negative(name, value):
    """`value` as float64 (float for a scalar).

    Raises:
        ValueError: unless finite and >= 0 everywhere.

    >>> non_negative("t", [0, 1.5])
    array([0. , 1.5])
    """
    array = _numbers(name, value)
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ValueError(f"{name} must be finite and at least 0, got {value!r:.60}")
    return array if array.ndim else float(array)


def _numbers(name: str, value: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a number, or several, got {value!r:.60}") from None


def _number(name: str, value: float) -> float:
    array = _numbers(name, value)
    if array.ndim:
        raise ValueError(f"{name} must be one number, got {value!r:.60}")
    return float(array)


def injection_ratio(a: float, zero_allowed: bool = True) -> float:
    """The constant a of a_t = a sigma_t^2.

    Raises:
        ValueError: outside [0, 1), or outside (0, 1) where 1/a_t is needed.

    >>> injection_ratio(0.5)
    0.5
    """
    a = _number("a", a)
    low_ok = a >= 0 if zero_allowed else a > 0
    if not (low_ok and a < 1):
        raise ValueError(f"a must lie in {'[0' if zero_allowed else '(0'}, 1), got {a}")
    return a


def dimensions(k: float, d: float) -> tuple[float, float]:
    """Intrinsic and ambient dimension as floats.

    Raises:
        ValueError: unless 0 <= k < d.

    >>> dimensions(2, 20)
    (2.0, 20.0)
    """
    k, d = _number("k", k), _number("d", d)
    if not (0 <= k < d):
        raise ValueError(f"dimensions must satisfy 0 <= k < d, got k={k:g}, d={d:g}")
    return k, d


def noise_range(sigma_T: float, sigma_0: float) -> tuple[float, float]:
    """Smallest and largest noise sd as floats.

    Raises:
        ValueError: unless 0 < sigma_T < sigma_0 < inf.

    >>> noise_range(0.02, 20)
    (0.02, 20.0)
    """
    sigma_T, sigma_0 = _number("sigma_T", sigma_T), _number("sigma_0", sigma_0)
    if not (0 < sigma_T < sigma_0 < np.inf):
        raise ValueError(f"noise levels must satisfy 0 < sigma_T < sigma_0, got sigma_T={sigma_T}, sigma_0={sigma_0}")
    return sigma_T, sigma_0


def decreasing_levels(levels: ArrayLike) -> np.ndarray:
    """Noise sds (N+1,) as float64.

    Raises:
        ValueError: unless strictly decreasing, positive and finite, N >= 1.

    >>> decreasing_levels([4, 1])
    array([4., 1.])
    """
    array = _numbers("levels", levels)
    if (
        array.ndim != 1
        or array.size < 2
        or not np.isfinite(array).all()
        or array[-1] <= 0
        or (np.diff(array) >= 0).any()
    ):
        raise ValueError("levels must be a strictly decreasing 1-D sequence of at least two positive noise sds")
    return array
