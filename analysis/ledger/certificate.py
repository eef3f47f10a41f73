"""A run held against its ledger: what the certificate allows, and how far its law is seen to be from p_{sigma_T}."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import torch
from scipy import stats

from analysis.ledger.calculation import ledger
from analysis.ledger.sizes import level_range
from analysis.metrics.gaussian import second_moment_ratio
from analysis.metrics.sliced import radial_distance, sliced_with_floor
from analysis.metrics.total_variation import tv_lower_from_samples
from analysis.samplers import Schedule, sample
from analysis.theory.blindness import blindness_bound_form
from analysis.theory.coefficients import exponential_euler
from analysis.theory.discretisation import discretisation_bound_form
from analysis.theory.gaussian_run import final_divergence
from analysis.theory.initial import initial_bound
from manifolds.law import Law
from manifolds.laws.gaussian import IsotropicGaussian
from manifolds.laws.sphere import Sphere
from manifolds.streams import Stream

__all__ = ["held_run", "impostor_run", "over_certificate", "radial_quantile", "told"]

_GRID = np.concatenate([[1e-9, 1e-7, 1e-5], np.linspace(1e-4, 1 - 1e-4, 4001), [1 - 1e-5, 1 - 1e-7, 1 - 1e-9]])


def held_run(law: Law, f: Callable, schedule: Schedule, n: int, points: int, stream: Stream) -> dict[str, Any]:
    """One run of a denoiser: its ledger (nats), the paper's bounds with constants 1, and errors of the law of Y_N.

    Args:
        schedule: a = 1/2 or any other proportion.
        n: points of the run and of each of the two samples of p_{sigma_T} that it is compared with.
        points: points of the ledger, shared by its steps; at least 64 a step.

    Raises:
        ValueError: a schedule that is not proportional, for which the bounds are not stated.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=2, ambient=10**6, reduced=True)
    >>> run = Schedule.proportional(9.0, 0.1, 0.5, 8)
    >>> found = held_run(law, lambda y, sigma: law.denoise(y, sigma), run, 200, 512, manifolds.stream(0))
    >>> found["tv_lower"] <= found["tv_bound"], found["exact_kl"] <= found["total"]
    (True, True)
    """
    if schedule.proportion is None:
        raise ValueError("schedule must be of the proportional family a_t = a sigma_t^2, of which the bounds speak")
    a, start, end = schedule.proportion, schedule.sigma_start, schedule.sigma_end
    terms = ledger(law, f, schedule, max(64, points // schedule.steps), stream.child("ledger"))
    result = sample(f, law, schedule, n, stream.child("run"))
    truth, other = (law.add_noise(law.sample(n, s), end, s) for s in (stream.child("truth"), stream.child("other")))
    h, radius = float(schedule.h[0]), math.sqrt(law.second_moment)
    row = {"h": h, "run_status": result.status, "calls": result.calls, "level_range": level_range(law, end)}
    for name in ("init", "blind", "discretisation", "learning", "total"):
        term = getattr(terms, name)
        row |= {name: term.value, f"{name}_se": term.standard_error}
    row |= {
        "bound_init": initial_bound(law.second_moment, start),
        "bound_blind": blindness_bound_form(law.intrinsic_dim, law.ambient_dim, radius, start, end, a),
        "bound_discretisation": discretisation_bound_form(law.intrinsic_dim, h, radius, end, a),
        "tv_bound": terms.total_variation,
    }
    return row | _errors(law, end, result.y, truth, other, stream) | {"exact_kl": _exact_divergence(law, schedule)}


def _errors(
    law: Law, end: float, y: torch.Tensor, truth: torch.Tensor, other: torch.Tensor, stream: Stream
) -> dict[str, Any]:
    """Errors of Y_N against p_{sigma_T} in core coordinates, each with its floor or interval."""
    y, truth, other = (law.space.split(p)[0] for p in (y, truth, other))
    moment = second_moment_ratio(y, law.second_moment + law.core_dim * end**2)
    sliced = sliced_with_floor(y, truth, other, stream.child("slices"))
    row = {
        "moment_ratio": moment.value,
        "moment_low": moment.low,
        "moment_high": moment.high,
        "sliced_w2": sliced.distance.value,
        "sliced_low": sliced.distance.low,
        "sliced_high": sliced.distance.high,
        "sliced_floor": sliced.floor.value,
        "sliced_excess": sliced.excess,
        "sliced_excess_low": sliced.excess_low,
        "sliced_excess_high": sliced.excess_high,
        "tv_lower": tv_lower_from_samples(y, truth, stream.child("tv")),
        "tv_lower_truth": tv_lower_from_samples(other, truth, stream.child("tv")),
    }
    quantile = radial_quantile(law, end)
    if quantile is None:
        return row | {"radial_w2": None, "radial_floor": None, "radial_floor_95": None}
    radial = radial_distance(y.norm(dim=1), quantile, stream.child("radial"))
    return row | {"radial_w2": radial.value, "radial_floor": radial.floor, "radial_floor_95": radial.floor_95}


def _exact_divergence(law: Law, schedule: Schedule) -> float | None:
    """KL(p_{sigma_T} || law of Y_N) of a Gaussian run whose level is read without error (d to infinity), else None."""
    if not isinstance(law.core, IsotropicGaussian):
        return None
    levels = schedule.sigma.numpy()
    c, eta = exponential_euler(levels, schedule.proportion)
    tangential, _ = final_divergence(c, eta, levels, law.core_dim, law.ambient_dim, law.core.scale, told="true")
    return float(tangential)


def radial_quantile(law: Law, sigma: float) -> Callable[[np.ndarray], np.ndarray] | None:
    """Exact quantile function of |u|, u = X + sigma Z in R^m; None where the law is not rotation invariant in its core.

    Gaussian: sqrt(s^2 + sigma^2) chi_k. Sphere: sigma times the root of a noncentral chi-square of k + 1 degrees of
    freedom and noncentrality R^2/sigma^2.

    >>> import manifolds
    >>> median = radial_quantile(manifolds.make("gaussian", dim=2, ambient=9, reduced=True), 1.0)(0.5)
    >>> round(float(median) - 2 * math.sqrt(math.log(2)), 6)  # Rayleigh, scale sqrt(1 + sigma^2)
    0.0
    """
    core = law.core
    if isinstance(core, IsotropicGaussian):
        radius = math.sqrt(core.scale**2 + sigma**2) * stats.chi.ppf(_GRID, core.core_dim)
    elif isinstance(core, Sphere):
        radius = sigma * np.sqrt(stats.ncx2.ppf(_GRID, core.core_dim, (core.radius / sigma) ** 2))
    else:
        return None
    return lambda p: np.interp(p, _GRID, radius)  # the exact quantiles cost up to milliseconds a point


def impostor_run(
    law: Law, f: Callable, impostor: Callable, schedule: Schedule, n: int, points: int, stream: Stream
) -> dict[str, float]:
    """Runs of f and of another denoiser, both held against the certificate of f: what a caught impostor looks like.

    >>> import manifolds
    >>> law = manifolds.make("gaussian", dim=2, ambient=10**6, reduced=True)
    >>> honest, wrong = (lambda y, sigma, c=c: c * law.denoise(y, sigma) for c in (1.0, 0.3))
    >>> run = Schedule.proportional(9.0, 0.1, 0.5, 64)
    >>> found = impostor_run(law, honest, wrong, run, 200, 512, manifolds.stream(0))
    >>> found["tv_honest"] < found["tv_bound"] < found["tv_sabotaged"]
    True
    """
    terms = ledger(law, f, schedule, max(64, points // schedule.steps), stream.child("ledger"))
    source = stream.child("truth")
    truth = law.space.split(law.add_noise(law.sample(n, source), schedule.sigma_end, source))[0]
    row = {"total": terms.total.value, "total_se": terms.total.standard_error, "tv_bound": terms.total_variation}
    for name, denoiser in (("honest", f), ("sabotaged", impostor)):
        end = law.space.split(sample(denoiser, law, schedule, n, stream.child("run")).y)[0]
        row[f"tv_{name}"] = tv_lower_from_samples(end, truth, stream.child("tv"))
    return row


def over_certificate(runs: pandas.DataFrame) -> pandas.Series:
    """What is known of KL(p_{sigma_T} || law of Y_N) over the path KL, of rows of `held_run`; above 1 refutes.

    The exact KL where a run has one, 2 TV^2 (Pinsker) with the lower 95 % limit on TV elsewhere.

    >>> runs = pandas.DataFrame({"tv_lower": [0.1, 0.5], "exact_kl": [0.3, None], "total": [0.5, 1.0]})
    >>> over_certificate(runs).tolist()
    [0.6, 0.5]
    """
    seen = 2 * runs["tv_lower"] ** 2
    return pandas.concat([seen, runs["exact_kl"].astype(float)], axis=1).max(axis=1) / runs["total"]


def told(runs: pandas.DataFrame) -> str:
    """How much the runs of a sweep can say, in a line.

    >>> runs = pandas.DataFrame({"tv_lower": [0.1], "tv_lower_truth": [0.0], "tv_bound": [0.5]})
    >>> told(runs)
    '1 runs, 1 with a certificate on TV below 1, of which 1 are seen to differ from p_{sigma_T}; its own samples: 0'
    """
    small = runs[runs["tv_bound"] < 1]
    own, differ = float((2 * runs["tv_lower_truth"] ** 2).max()), int((small["tv_lower"] > 0).sum())
    return (
        f"{len(runs)} runs, {len(small)} with a certificate on TV below 1, of which {differ} are seen to differ "
        f"from p_{{sigma_T}}; its own samples: {own:.2g}"
    )
