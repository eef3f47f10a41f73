"""Cell of the estimator's bias: static, on points of known level, and what it does to an adaptive run."""

from __future__ import annotations

import math

import torch

import manifolds
from analysis.metrics.intervals import Estimate, mean
from analysis.mismatch.arms import exact_blind
from analysis.mismatch.estimators import probe_estimate, residual_estimate, trace_estimate
from analysis.samplers import Schedule, sample
from analysis.theory import coefficients as theory
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["cell_adaptive_bias"]

NEVER = 1e-300  # a level at which no adaptive run stops


def _estimate(name: str, law: Law, f, stream: Stream):
    if name == "residual":
        return residual_estimate(law.space)
    if name == "trace":
        return trace_estimate(law)
    if name == "probe":
        return probe_estimate(f, law.space, stream)
    raise ValueError(f"estimator must be residual, trace or probe, got {name!r}")


def cell_adaptive_bias(params: dict, seed: int) -> list[dict]:
    """Rows "static": E sigma_hat^2/sigma^2 on points of level sigma; predicted: 1 - k_eff/d if uncorrected, else 1. Row "run": the true level over the
    level aimed at (geometric means), at the end of an adaptive run of fixed length with that estimator.
    """
    law = manifolds.make(params["law"], dim=params["dim"], ambient=params["ambient"], reduced=True)
    source = manifolds.stream(seed, "mismatch adaptive bias", params["law"], params["dim"], params["ambient"])
    n, a, h = params["samples"], params["a"], params["h"]
    low, high = 0.02, 5.0
    f = exact_blind(law, low, high)
    x = law.sample(n, source.child("data"))
    rows = []
    for sigma in (0.05, 0.2, 0.5, 1.0, 2.0):
        y = law.add_noise(x, sigma, source.child("noise", sigma))
        estimate = _estimate(params["estimator"], law, f, source.child("static", sigma))
        found = mean(estimate(y, f(y)).square() / sigma**2)
        mmse = float(law.posterior_trace(y, sigma).mean())
        removed = mmse / sigma**2 / params["ambient"] if params["estimator"] == "residual" else 0.0
        rows.append(_row("static", sigma, found, 1 - removed))
    schedule = Schedule.constant_step(h, a, high, low)
    estimate = _estimate(params["estimator"], law, f, source.child("probes"))
    options = {
        "adaptive": True,
        "sigma_min": NEVER,
        "max_steps": schedule.steps,
        "record": "levels",
        "estimator": estimate,
    }
    run = sample(f, law, schedule, n, source.child("run"), **options)
    end = mean(0.5 * run.normal_variance[-1].log() - math.log(low)).map(math.exp)
    removed = (
        law.mmse(schedule.sigma[:-1]) / schedule.sigma[:-1] ** 2 / params["ambient"]
        if params["estimator"] == "residual"
        else 0.0
    )
    rows.append(_row("run", low, end, _run_level(schedule, removed, params["ambient"])))
    return rows


def _run_level(schedule: Schedule, removed: torch.Tensor | float, d: int) -> float:
    """Geometric mean of true over aimed-at level at the end: per step, sqrt(1 - (eta^2/sigma_+^2) k_eff/d) and exp(-2 a h/d).

    removed: k_eff/d at the start of each step, 0 for an unbiased estimate. Derived here: v+ = c^2 v + eta^2 (1 - k_eff/d).
    """
    injected = schedule.ou_variance / schedule.sigma[1:] ** 2
    feedback = 0.5 * torch.log1p(-injected * removed).sum()
    return math.exp(float(feedback) + theory.log_level_shift(d, schedule.proportion, schedule.horizon))


def _row(kind: str, sigma: float, found: Estimate, predicted: float) -> dict:
    return {
        "kind": kind,
        "sigma": sigma,
        "ratio": found.value,
        "ratio_low": found.low,
        "ratio_high": found.high,
        "predicted": predicted,
    }
