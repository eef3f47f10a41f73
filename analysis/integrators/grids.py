"""How near to optimal constant steps are: the MMSE curve of a law fixes the best levels for a number of steps at a = 1/2."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.interpolate import PchipInterpolator

import manifolds
from analysis.integrators.catalogue import build
from analysis.samplers import Schedule
from analysis.theory.discretisation import discretisation_from_mmse
from analysis.theory.grid import constant_levels, equidistributed_levels, optimal_levels
from manifolds.law import Law
from manifolds.special.mmse_curve import known_mmse
from manifolds.streams import Stream

__all__ = ["cell_grid", "cell_levels", "mmse_curve"]

_KNOTS = 129


def mmse_curve(law: Law, sigma_T: float, sigma_0: float, n: int, stream: Stream) -> Callable[[np.ndarray], np.ndarray]:
    """E tr Cov[X | Y] as a function of sigma: the law's own curve where it has one, else measured from n points with the same noise
    at every level, a monotone cubic of mmse/sigma^2 in log sigma. Not a curve of logarithms: discrete laws have mmse = 0 to
    rounding at small levels.
    """
    known = known_mmse(law, sigma_T, sigma_0)
    if known is not None:
        return known
    knots = np.linspace(math.log(sigma_T) - 1e-4, math.log(sigma_0) + 1e-4, _KNOTS)
    levels = np.exp(knots)
    x, draw = law.sample(n, stream.child("data")), law.space.draw(n, stream.child("noise"))
    own = torch.stack([law.posterior_trace(law.space.perturb(x, s, draw), s).mean() for s in levels.tolist()])
    curve = PchipInterpolator(knots, own.numpy() / levels**2)
    return lambda sigma: curve(np.log(sigma)) * np.asarray(sigma, dtype=float) ** 2


def _levels(kind: str, sigma_0: float, sigma_T: float, steps: int, mmse: Callable) -> np.ndarray:
    if kind == "constant":
        return constant_levels(sigma_0, sigma_T, steps)
    if kind == "optimal":
        return optimal_levels(sigma_0, sigma_T, steps, mmse)
    if kind == "equidistributed":
        return equidistributed_levels(sigma_0, sigma_T, steps, mmse)
    if kind == "karras":
        return Schedule.karras(sigma_0, sigma_T, steps=steps).sigma.numpy()
    return np.linspace(sigma_0, sigma_T, steps + 1)  # "linear": the sabotage


def _setting(params: dict, seed: int) -> tuple[Law, Callable]:
    law = build(params["law"], params["dim"], params["ambient"])
    stream = manifolds.stream(seed, "grid", law.name, params["dim"], params["batch"])
    return law, mmse_curve(law, params["sigma_T"], params["sigma_0"], params["n"], stream)


def cell_grid(params: dict, seed: int) -> list[dict]:
    """disc of each kind of grid over that of the optimal one at equal N, one row a grid and N; one batch of the MMSE curve."""
    law, mmse = _setting(params, seed)
    ends = params["sigma_0"], params["sigma_T"]
    rows = []
    for steps in (int(v) for v in params["steps"].split()):
        best = discretisation_from_mmse(_levels("optimal", *ends, steps, mmse), mmse)
        for kind in ("constant", "equidistributed", "karras", "linear"):
            disc = discretisation_from_mmse(_levels(kind, *ends, steps, mmse), mmse)
            rows.append({"N": steps, "grid": kind, "disc": disc, "best": best, "ratio": disc / best})
    return rows


def cell_levels(params: dict, seed: int) -> list[dict]:
    """The optimal levels themselves, beside the constant-step ones, and k_eff = mmse/sigma^2 at them: for the figure."""
    _, mmse = _setting(params, seed)
    ends, steps = (params["sigma_0"], params["sigma_T"]), params["N"]
    best, constant = _levels("optimal", *ends, steps, mmse), _levels("constant", *ends, steps, mmse)
    effective = np.asarray(mmse(best)) / best**2
    return [
        {"step": i, "optimal": b, "constant": c, "k_eff": e}
        for i, (b, c, e) in enumerate(zip(best, constant, effective))
    ]
