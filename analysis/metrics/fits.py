"""Rates as regressions with an interval, over the points that stand above the noise floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from .arrays import Array, values
from .intervals import Estimate, from_standard_error


@dataclass(frozen=True)
class PowerFit:
    """y ~ prefactor * x^slope. points: how many entered the fit; dropped: how many lay at or below the floor."""

    slope: Estimate
    prefactor: float
    points: int
    dropped: int


def _kept(x: Array, y: Array, floor: float | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and where y stands above the floor."""
    x, y = values("x", x), values("y", y)
    if x.shape != y.shape or (x <= 0).any():
        raise ValueError("x must be positive and as long as y")
    keep = y > np.maximum(np.broadcast_to(floor, y.shape), 0.0)
    return x, y, keep


def log_log_slope(
    x: Array, y: Array, floor: float | np.ndarray = 0.0, standard_error: Array | None = None, confidence: float = 0.95
) -> PowerFit:
    """Slope of log y on log x over the points with y > floor (a number or one per point).

    Without standard errors: least squares with Student's t-interval (scipy.stats.linregress). With standard errors of
    y: weighted by (y/se)^2 (delta method), the interval from those errors, widened when the scatter exceeds them.

    Raises:
        ValueError: fewer than 3 points above the floor, or at one abscissa; x or a standard error that is not positive.

    >>> fit = log_log_slope([1, 2, 4, 8], [3.0, 1.5, 0.75, 0.1], floor=0.2)
    >>> round(fit.slope.value, 6), round(fit.prefactor, 6), fit.dropped
    (-1.0, 3.0, 1)
    """
    x, y, keep = _kept(x, y, floor)
    count, dropped = int(keep.sum()), int((~keep).sum())
    if count < 3 or np.unique(x[keep]).size < 2:
        raise ValueError(f"x, y must leave at least 3 points above the floor at 2 abscissae, got {count}")
    u, v = np.log(x[keep]), np.log(y[keep])
    if standard_error is None:
        fit = stats.linregress(u, v)
        slope = from_standard_error(fit.slope, fit.stderr, count - 2, confidence)
        return PowerFit(slope, math.exp(fit.intercept), count, dropped)
    relative = np.broadcast_to(values("standard_error", standard_error), y.shape)[keep] / y[keep]
    if (relative <= 0).any():
        raise ValueError("standard_error must be positive")
    w = relative**-2.0
    centre_u, centre_v = w @ u / w.sum(), w @ v / w.sum()
    spread = w @ (u - centre_u) ** 2
    slope = w @ ((u - centre_u) * (v - centre_v)) / spread
    scatter = w @ (v - centre_v - slope * (u - centre_u)) ** 2 / (count - 2)
    error = math.sqrt(max(scatter, 1.0) / spread)
    return PowerFit(
        from_standard_error(slope, error, confidence=confidence), math.exp(centre_v - slope * centre_u), count, dropped
    )


def power_law(
    columns: Mapping[str, Array], y: Array, floor: float | np.ndarray = 0.0, confidence: float = 0.95
) -> dict[str, Estimate]:
    """Exponents of y ~ prod_j x_j^{e_j}: {name: Estimate} by least squares in logarithms with t-intervals; columns:
    {name: (n,)}.

    Raises:
        ValueError: a column that is not positive or not as long as y; no more points than parameters, or dependent
        columns.

    >>> k, eps = np.array([1.0, 2, 4, 8]), np.array([1.0, 0.5, 1.0, 0.5])
    >>> found = power_law({"k": k, "eps": eps}, 5 * k**2 / eps)
    >>> {name: round(exponent.value, 6) for name, exponent in found.items()}
    {'eps': -1.0, 'k': 2.0}
    """
    y = values("y", y)
    names = sorted(columns)
    data = [values(name, columns[name]) for name in names]
    if any(c.shape != y.shape or (c <= 0).any() for c in data):
        raise ValueError("columns must be positive and as long as y")
    keep = y > np.maximum(np.broadcast_to(floor, y.shape), 0.0)
    design = np.column_stack([np.ones(int(keep.sum()))] + [np.log(c[keep]) for c in data])
    freedom = design.shape[0] - design.shape[1]
    if freedom < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            f"y must leave more points above the floor than the {design.shape[1]} independent parameters, "
            f"got {design.shape[0]}"
        )
    coefficients, *_ = np.linalg.lstsq(design, np.log(y[keep]), rcond=None)
    residual = np.log(y[keep]) - design @ coefficients
    errors = np.sqrt(residual @ residual / freedom * np.diag(np.linalg.inv(design.T @ design)))
    return {
        name: from_standard_error(coefficients[j + 1], errors[j + 1], freedom, confidence)
        for j, name in enumerate(names)
    }


def observed_order(
    h: Array,
    error: Array,
    floor: float | np.ndarray = 0.0,
    standard_error: Array | None = None,
    confidence: float = 0.95,
) -> PowerFit:
    """Order of convergence: the slope of log error on log h. See `log_log_slope`.

    >>> round(observed_order([0.1, 0.2, 0.4], [0.01, 0.04, 0.16]).slope.value, 6)
    2.0
    """
    return log_log_slope(h, error, floor, standard_error, confidence)


def local_orders(h: Array, error: Array) -> np.ndarray:
    """Order between neighbouring step sizes, (n-1,), sorted by falling h: drifts show a curve that is not yet a power.

    >>> local_orders([0.1, 0.2, 0.4], [0.01, 0.04, 0.08]).round(6)
    array([1., 2.])
    """
    h, error, keep = _kept(h, error, 0.0)
    if not keep.all() or h.size < 2:
        raise ValueError("error must be positive at two or more step sizes")
    order = np.argsort(-h)
    return np.diff(np.log(error[order])) / np.diff(np.log(h[order]))


@dataclass(frozen=True)
class StepsToReach:
    """Steps at which the error curve reaches epsilon. status "reached"; "not reached" (value inf, low the last steps
    known not to suffice); "always below" (value the fewest steps tried, low 0). Interval ends are inf or 0 where
    censored.
    """

    value: float
    low: float
    high: float
    status: str


def _crossing(log_steps: np.ndarray, log_error: np.ndarray, target: float) -> float:
    """First abscissa where a non-increasing piecewise linear curve is <= target; -inf before, inf after the range."""
    below = np.flatnonzero(log_error <= target)
    if below.size == 0:
        return math.inf
    i = below[0]
    if i == 0:
        return -math.inf
    share = (log_error[i - 1] - target) / (log_error[i - 1] - log_error[i])
    return log_steps[i - 1] + share * (log_steps[i] - log_steps[i - 1])


def _steps(crossing: float, below: float, above: float) -> float:
    """exp of a crossing; beyond the range of the curve only one side is known."""
    if math.isinf(crossing):
        return above if crossing > 0 else below
    return math.exp(crossing)


def steps_to_reach(
    steps: Array, error: Array, epsilon: float, standard_error: Array | None = None, confidence: float = 0.95
) -> StepsToReach:
    """Steps N with error(N) = epsilon, by a non-increasing (isotonic) log-log interpolation of the measured curve.

    Interval: the same crossing of the curves error * exp(+- q se/error); without standard errors it has no width.

    Raises:
        ValueError: an error or epsilon that is not positive.

    >>> found = steps_to_reach([8, 16, 32], [0.4, 0.2, 0.1], epsilon=0.15)
    >>> round(found.value, 2), found.status
    (21.33, 'reached')
    """
    steps, error, keep = _kept(steps, error, 0.0)
    if not keep.all() or not epsilon > 0:
        raise ValueError("error and epsilon must be positive")
    order = np.argsort(steps)
    u, v = np.log(steps[order]), np.log(error[order])
    if standard_error is None:
        relative = np.zeros_like(v)
    else:
        relative = np.broadcast_to(values("standard_error", standard_error), v.shape)[order] / error[order]
    weights = 1.0 / np.maximum(relative, 1e-12) ** 2
    q = stats.norm.ppf((1 + confidence) / 2)
    curves = [
        optimize.isotonic_regression(v + shift * relative, weights=weights, increasing=False).x
        for shift in (0.0, -q, q)
    ]
    value, low, high = (_crossing(u, curve, math.log(epsilon)) for curve in curves)
    status = "reached" if math.isfinite(value) else "not reached" if value > 0 else "always below"
    first, last = float(steps[order][0]), float(steps[order][-1])
    return StepsToReach(_steps(value, first, math.inf), _steps(low, 0.0, last), _steps(high, first, math.inf), status)
