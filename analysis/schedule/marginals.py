"""Ideal dynamics against p_{sigma_t} (arXiv 2602.09639, Prop 3.2): two-sample tests, and the exact variances of Gaussian data.

A cell runs the dynamics with the exact conditional denoiser from an exact draw of p_{sigma_0}, with steps so fine that what
they cost is far below what the tests can see, and compares where they end with a fresh draw of p_{sigma_T}. Three statistics
are tested by Kolmogorov-Smirnov: a random projection of the core coordinates, the norm of the normal coordinates, and
the posterior second moment E|X - y|^2, whose mean is the derivative of the log likelihood in log sigma. One p-value a cell
(the least of three, times three) makes the cells independent trials.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.integrate import solve_ivp

import manifolds
from analysis.integrators.catalogue import build
from analysis.metrics.twosample import ks_two_samples
from analysis.samplers import Coefficients, Schedule, sample
from analysis.samplers.integrators import ExponentialEuler
from analysis.schedule.injections import WANING, fine_schedule, waning
from manifolds.denoisers import ConditionalDenoiser

__all__ = ["cell_continuous", "cell_floor", "cell_marginals"]

_LEVEL = 0.05  # a cell rejects when its p-value is below this


class _Overdosed(ExponentialEuler):
    """A sabotage: a tenth more variance is injected than the schedule accounts for."""

    name = "overdosed"

    def coefficients(self, schedule: Schedule) -> Coefficients:
        steps = super().coefficients(schedule)
        return replace(steps, noise_variance=1.1 * steps.noise_variance)


def _statistics(law, y, sigma, stream) -> list[np.ndarray]:
    """Three numbers a point, none of which can hide a wrong level in all laws at once."""
    direction = stream.normal(law.core_dim)
    u, rho2 = law.space.split(y)
    return [v.numpy() for v in (u @ (direction / direction.norm()), rho2.sqrt(), law.squared_distance(y, sigma))]


def _compare(law, y, reference, sigma, stream) -> tuple[list[float], float]:
    """(KS distances of the three statistics, p-value of the cell)."""
    pairs = zip(
        _statistics(law, y, sigma, stream.child("direction")),
        _statistics(law, reference, sigma, stream.child("direction")),
    )
    tests = [ks_two_samples(a, b) for a, b in pairs]
    return [t.statistic for t in tests], min(1.0, len(tests) * min(t.p_value for t in tests))


def _row(distances: list[float], p_value: float) -> dict:
    core, normal, moment = distances
    return {"ks_core": core, "ks_normal": normal, "ks_moment": moment, "p_value": p_value, "rejects": p_value < _LEVEL}


def cell_marginals(params: dict, seed: int) -> list[dict]:
    """Three trials of one run that share its reference draw; `trial` is

    "run": where the dynamics end against p_{sigma_T}; "truth": a second exact draw against it (null control);
    "late": where they end against p at 1.1 sigma_T (power control). `overdose` replaces the injection by the sabotaged one.
    """
    law = build(params["law"], params["dim"], params["ambient"])
    stream = manifolds.stream(seed, "marginals", *(params[key] for key in sorted(params)))
    schedule = fine_schedule(params["injection"], params["sigma_0"], params["sigma_T"], params["h"])
    n, sigma_T = params["n"], schedule.sigma_end
    draw = lambda label, sigma: law.add_noise(law.sample(n, stream.child(label, "x")), sigma, stream.child(label, "z"))
    integrator = _Overdosed() if params["overdose"] else "exponential_euler"
    start = draw("start", schedule.sigma_start)
    y = sample(ConditionalDenoiser(law), law, schedule, n, stream.child("run"), integrator, start=start).y
    pairs = {"run": (y, sigma_T), "truth": (draw("second", sigma_T), sigma_T), "late": (y, 1.1 * sigma_T)}
    rows = []
    for trial, (points, sigma) in pairs.items():
        test = _compare(law, points, draw("reference", sigma), sigma, stream)
        rows.append({"trial": trial, "steps": schedule.steps, "sigma_end": sigma_T} | _row(*test))
    return rows


def cell_floor(params: dict, seed: int) -> list[dict]:
    """The same distances for few steps: what discretisation alone does, down to the floor of two equal laws at this n.

    The number of steps is the exponential-Euler run's from sigma_0 to sigma_T; steps = 0 stands for two exact draws.
    """
    law = build(params["law"], params["dim"], params["ambient"])
    n, steps, sigma_T = params["n"], params["steps"], params["sigma_T"]
    stream = manifolds.stream(seed, "floor", law.name, params["dim"], params["ambient"], params["a"])
    draw = lambda label, sigma: law.add_noise(law.sample(n, stream.child(label, "x")), sigma, stream.child(label, "z"))
    if steps == 0:
        y = draw("second", sigma_T)
    else:
        schedule = Schedule.proportional(params["sigma_0"], sigma_T, params["a"], steps)
        y = sample(
            ConditionalDenoiser(law),
            law,
            schedule,
            n,
            stream.child("run", steps),
            start=draw("start", params["sigma_0"]),
        ).y
    return [_row(*_compare(law, y, draw("reference", sigma_T), sigma_T, stream))]


def cell_continuous(params: dict, seed: int) -> list[dict]:
    """No steps at all: on Gaussian data N(0, s^2) the ideal dynamics have variance V' = 2 (g - 1) V + 2 a_t, g = s^2/(s^2 + sigma_t^2).

    Solved by an adaptive Runge-Kutta method (DOP853, rtol 1e-12) beside sigma_t' = (a_t - sigma_t^2)/sigma_t, and compared with s^2 + sigma_t^2.
    `factor` multiplies the injection of the dynamics but not of the schedule: 1 is the truth.
    """
    s, sigma_0, horizon, factor = params["s"], params["sigma_0"], params["horizon"], params["factor"]
    decay = waning(sigma_0)

    def slope(t, state):
        V, sigma2 = state
        a_t = decay(t) if params["injection"] == WANING else float(params["injection"]) * sigma2
        return [2.0 * (s**2 / (s**2 + sigma2) - 1.0) * V + 2.0 * factor * a_t, 2.0 * (a_t - sigma2)]

    times = np.linspace(0.0, horizon, 41)
    solved = solve_ivp(slope, (0.0, horizon), [s**2 + sigma_0**2, sigma_0**2], "DOP853", times, rtol=1e-12, atol=1e-14)
    gap = solved.y[0] / (s**2 + solved.y[1]) - 1.0
    return [{"largest_gap": float(np.abs(gap).max()), "sigma_end": math.sqrt(float(solved.y[1, -1]))}]
