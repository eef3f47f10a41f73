"""The implicit schedule of arXiv 2602.09639: Lemma 3.3 (sigma_t decreases) and Lemma 3.4 (sigma_t tends to 0), by exact recursion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

import manifolds
from analysis.samplers import Schedule
from analysis.theory.schedule import decreases, implicit_variance, vanishing_bound

__all__ = ["INJECTIONS", "cell_implicit"]

INJECTIONS = ("power", "exponential", "staircase", "constant", "rising", "oversized")


def _injection(kind: str, sigma_0: float, horizon: float, steps: int, stream) -> Callable:
    """a_t for times as a tensor or an array; random within its kind.

    The first three decrease to 0 from a_0 <= sigma_0^2. constant: a_t = sigma_0^2/4 for ever (decreasing, no limit 0).
    rising: a_t grows from 0. oversized: a_0 is 1.2 to 3 times sigma_0^2, so that sigma_t must rise at first.
    """
    share, speed = (float(v) for v in stream.uniform(2))
    top = sigma_0**2 * (0.05 + 0.95 * share)
    if kind == "power":
        return lambda t: top * (1.0 + t) ** -(1.5 + 2.0 * speed)
    if kind == "exponential":
        return lambda t: top * np.exp(-(0.1 + 3.0 * speed) * np.asarray(t))
    if kind == "staircase":
        # falls at the edges of the time grid only, by random factors: as rough as a decreasing a_t can be
        falls = np.cumprod(np.concatenate([[1.0], stream.uniform(steps).numpy() ** (20.0 / steps)]))
        return lambda t: top * falls[np.minimum((np.asarray(t) * (steps / horizon)).astype(int), steps)]
    if kind == "constant":
        return lambda t: 0.25 * sigma_0**2 * np.ones_like(np.asarray(t, dtype=float))
    if kind == "rising":
        return lambda t: sigma_0**2 * (0.5 + share) * -np.expm1(-np.asarray(t))
    if kind == "oversized":
        return lambda t: sigma_0**2 * (1.2 + 1.8 * share) * np.exp(-np.asarray(t))
    raise ValueError(f"kind must be one of {', '.join(INJECTIONS)}, got {kind!r}")


def cell_implicit(params: dict, seed: int) -> list[dict]:
    """One random injection of a kind: the largest one-step rise of log sigma_t, the level reached, and two cross-checks.

    gap: largest relative difference of sigma_t^2 between the sampler's one-step recursion and the convolution of Prop 3.2.
    bound_ratio: largest sigma_t^2 over the explicit bound that proves Lemma 3.4.
    """
    kind, sigma_0, horizon, steps = (params[key] for key in ("kind", "sigma_0", "horizon", "steps"))
    a_t = _injection(kind, sigma_0, horizon, steps, manifolds.stream(seed, "implicit", kind, params["draw"]))
    schedule = Schedule.from_injection(lambda t: torch.as_tensor(a_t(t.numpy())), sigma_0, horizon, steps)
    t, variance = schedule.t.numpy(), schedule.sigma.numpy() ** 2
    values = a_t(t)
    row = {
        "premise": decreases(values, sigma_0),
        "largest_rise": float(np.diff(np.log(schedule.sigma.numpy())).max()),
        "sigma_end_over_start": schedule.sigma_end / sigma_0,
        "gap": float("nan"),
        "bound_ratio": float((variance / vanishing_bound(t, sigma_0, values[0], a_t(t / 2))).max())
        if decreases(values, sigma_0)
        else float("nan"),
    }
    if kind != "staircase":  # the convolution's quadrature needs a smooth a_t between the times asked for
        row["gap"] = float(np.abs(variance / implicit_variance(t, sigma_0, a_t) - 1.0).max())
    return [row]
