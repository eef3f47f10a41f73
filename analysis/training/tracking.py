"""Figures 3 and 11 of arXiv 2602.09639: a blind network on k = 2 data in R^d, d large and d = k, from a finite data set."""

from __future__ import annotations

from analysis.samplers import Schedule
from analysis.training.excess_risk import risk_rows
from analysis.training.fit import curve_rows, fit
from analysis.training.laws import law_of, prior_of
from analysis.training.measure import run_rows
from manifolds import stream
from manifolds.denoisers import BlindDenoiser

__all__ = ["READINGS", "cell_figures"]

# The stated h = a = .5 needs 27.6 steps from 10 to .01; the line that the paper plots falls by e^{-.5} a step: 13.8 steps.
READINGS = {"as stated": 28, "as plotted": 14}


def cell_figures(params: dict, seed: int) -> list[dict]:
    """Train on n points, sample with both readings of the step size; the exact blind optimum beside it (same start and noise)."""
    law = law_of(params)
    draws = stream(seed, "figures", params["law"])  # one data set and one run in core coordinates, whatever d
    data = law.sample(params["n"], draws.child("data"))
    f = fit(params, law, draws.child("training", params["ambient"], params["recipe"]), data)
    optimum = BlindDenoiser(law, prior_of(params, law))
    rows = curve_rows(f) + risk_rows(f, law, optimum, params, draws.child(params["ambient"]))
    for reading, steps in READINGS.items():
        schedule = Schedule.proportional(params["high"], params["low"], 0.5, steps)
        for name, denoiser in (("trained", f), ("exact", optimum)):
            own = draws.child("run", params["ambient"])
            kept = (params["paths"], params["shown"]) if name == "trained" else (0, params["shown"])
            rows += run_rows(denoiser, law, schedule, params["run_points"], own, f"{name} {reading}", *kept)
    return rows
