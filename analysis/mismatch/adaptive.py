"""Cells of the adaptive scheme: spread and bias of the level, a wrong start, where it stops, work against error."""

from __future__ import annotations

import math

import numpy as np
import torch

import manifolds
from analysis.metrics.intervals import mean, variance
from analysis.mismatch.arms import exact_blind
from analysis.mismatch.compare import squared_errors, summarise
from analysis.mismatch.settings import SIGMA_END, SIGMA_START, law_of
from analysis.mismatch.stopping import narrowing_dimension, stopping_law
from analysis.samplers import Schedule, sample
from analysis.theory import coefficients as theory

__all__ = ["cell_adaptive_level", "cell_adaptive_start", "cell_adaptive_stop", "cell_adaptive_work"]

_SCHEMES = ("adaptive", "scheduled")
NEVER = 1e-300  # a level at which no adaptive run stops


def _long_run(params: dict, seed: int, label: str, start_factor: float = 1.0):
    """(law, schedule, run) of a blind run of fixed length, scheduled or adaptive."""
    law = law_of(params["law"], params["ambient"], dim=params["dim"])
    schedule = Schedule.constant_step(params["h"], params["a"], SIGMA_START, params["end"])
    source = manifolds.stream(seed, label, params["law"], params["dim"], params["ambient"], params["a"])
    blind = exact_blind(law, params["end"], SIGMA_START)
    adaptive = params["scheme"] == "adaptive"
    options = {"sigma_min": NEVER, "max_steps": schedule.steps} if adaptive else {}
    start = law.space.start(params["samples"], start_factor * SIGMA_START, source.child("start"))
    run = sample(
        blind, law, schedule, params["samples"], source, adaptive=adaptive, start=start, record="levels", **options
    )
    return law, schedule, run


def cell_adaptive_level(params: dict, seed: int) -> list[dict]:
    """Variance and mean of log(sigma_hat_t/sigma_t) at a few times, over what is predicted for each scheme (`predict`).

    variance: 1/(2d), + 2at/d if adaptive. shift, from time 0: -2at/d (Ito) and the bias of the residual estimate, which
    the injection feeds back: -(k_eff(t) - k_eff(0))/(2d) - (a/d) int k_eff dt, k_eff = mmse/sigma^2 in closed form.
    """
    law, schedule, run = _long_run(params, seed, "mismatch adaptive level")
    d, a, t = params["ambient"], params["a"], schedule.t
    k_eff = law.mmse(schedule.sigma) / schedule.sigma**2
    logs = run.sigma_hat.log() - schedule.sigma.log()[:, None]
    rows = []
    for i in np.unique(np.linspace(0, schedule.steps, params["times"] + 1).round().astype(int))[1:].tolist():
        spread, shift, static = variance(logs[i]), mean(logs[i] - logs[0]), float(k_eff[i] - k_eff[0]) / (2 * d)
        measured = {"t": t[i], "step": i, "variance": spread.value} | {
            f"shift{end}": value for end, value in _ends(shift)
        }
        for predict in _SCHEMES:
            adaptive = predict == "adaptive"
            expected = theory.log_level_variance(d, a, float(t[i]), adaptive)
            fed_back = float(torch.trapezoid(k_eff[: i + 1], t[: i + 1])) * a / d if adaptive else 0.0
            ito = theory.log_level_shift(d, a, float(t[i])) if adaptive else 0.0
            predicted = {
                "predict": predict,
                "variance_predicted": expected,
                "shift_ito": ito,
                "shift_predicted": ito - static - fed_back,
            }
            rows.append(
                measured | predicted | {f"variance_ratio{end}": value / expected for end, value in _ends(spread)}
            )
    return rows


def cell_adaptive_start(params: dict, seed: int) -> list[dict]:
    """log(true level/scheduled level) at the end of a run that starts at `factor` times the first level, a row a prediction.

    Predicted: an adaptive run keeps log(factor); a scheduled one forgets, (1/2) log(1 + (factor^2 - 1) e^{-2aT}).
    """
    _, schedule, run = _long_run(params, seed, "mismatch adaptive start", params["factor"])
    left = mean(0.5 * run.normal_variance[-1].log() - math.log(params["end"]))
    kept = math.log(params["factor"])
    forgotten = 0.5 * math.log1p((params["factor"] ** 2 - 1) * math.exp(-2 * params["a"] * schedule.horizon))
    return [
        {"predict": predict, "predicted": predicted}
        | {f"log_ratio{end}": value for end, value in _ends(left)}
        | {f"deviation{end}": value - predicted for end, value in _ends(left)}
        for predict, predicted in zip(_SCHEMES, (kept, forgotten))
    ]


def cell_adaptive_stop(params: dict, seed: int) -> list[dict]:
    """Spread of the true log level at the end: stopped at sigma_hat <= sigma_min, over a fixed number of adaptive steps."""
    law, schedule, fixed = _long_run(params | {"scheme": "adaptive"}, seed, "mismatch adaptive stop")
    d, a, h, n = params["ambient"], params["a"], params["h"], params["samples"]
    source = manifolds.stream(seed, "mismatch adaptive stop", "stopped", params["law"], d, a)
    blind = exact_blind(law, params["end"], SIGMA_START)
    longer = _longer(h, a, params["end"])
    run = sample(blind, law, longer, n, source, adaptive=True, sigma_min=params["end"], record="levels")
    stopped, unstopped = (variance(0.5 * r.normal_variance[-1].log()) for r in (run, fixed))
    drift, step_variance = theory.adaptive_step_moments(
        d, math.exp(-h), math.sqrt(math.exp(-2 * (1 - a) * h) - math.exp(-2 * h))
    )
    k_eff = law.mmse(schedule.sigma) / schedule.sigma**2
    # the residual reads low by k_eff/(2d) in the logarithm, and what is injected in its place is less by that
    distance = math.log(SIGMA_START / params["end"]) - float(k_eff[-1] + 1) / (2 * d)
    walk = stopping_law(distance, a * h * float(k_eff.mean()) / d - drift, 0.5 / d, step_variance)
    steps = run.stopped_at.double()
    half = math.hypot(math.log(stopped.high / stopped.value), math.log(unstopped.high / unstopped.value))
    ratio = stopped.value / unstopped.value
    return [
        {
            "variance_stopped": stopped.value,
            "variance_fixed": unstopped.value,
            "variance_fixed_predicted": 0.5 / d + schedule.steps * step_variance,
        }
        | {"ratio": ratio, "ratio_low": ratio * math.exp(-half), "ratio_high": ratio * math.exp(half)}
        | {
            "variance_stopped_predicted": walk["log_level_variance"],
            "narrows_below_d": narrowing_dimension(a, h, schedule.horizon),
        }
        | {
            "mean_steps": steps.mean(),
            "sd_steps": steps.std(),
            "steps_1": steps.quantile(0.01),
            "steps_99": steps.quantile(0.99),
        }
        | {"mean_steps_predicted": walk["mean_steps"], "sd_steps_predicted": walk["sd_steps"]}
    ]


def cell_adaptive_work(params: dict, seed: int) -> list[dict]:
    """Error of an adaptive blind run of step h, and of a scheduled one with as many steps as the adaptive one took on average."""
    law, a, h, n = law_of(params["law"], params["ambient"]), params["a"], params["h"], params["samples"]
    blind = exact_blind(law, SIGMA_END, SIGMA_START)
    schedule = _longer(h, a, SIGMA_END)
    squares = {name: np.empty(params["replicates"]) for name in ("adaptive", "scheduled", "floor")}
    taken = []
    for r in range(params["replicates"]):
        source = manifolds.stream(seed, "mismatch adaptive work", params["law"], r)
        run = sample(blind, law, schedule, n, source.child("run"), adaptive=True, sigma_min=SIGMA_END)
        taken.append(float(run.stopped_at.double().mean()))
        equal = Schedule.proportional(SIGMA_START, SIGMA_END, a, max(round(taken[0]), 1))
        same = sample(blind, law, equal, n, source.child("run"))
        squares["floor"][r], squares["adaptive"][r], squares["scheduled"][r] = squared_errors(
            law, (run.x, same.x), source
        )
    rows = []
    for scheme in ("adaptive", "scheduled"):
        row = summarise(squares[scheme], squares["floor"], squares["scheduled"])
        steps = float(np.mean(taken)) if scheme == "adaptive" else float(max(round(taken[0]), 1))
        rows.append({"scheme": scheme, "mean_steps": steps} | row)
    return rows


def _longer(h: float, a: float, end: float) -> Schedule:
    """Steps h that go on for a while below the level at which adaptive runs stop, so that every step is a whole one."""
    return Schedule.constant_step(h, a, SIGMA_START, 0.1 * end)


def _ends(estimate):
    return (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
