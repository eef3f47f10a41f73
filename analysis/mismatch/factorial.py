"""Cells of the factorial experiment and of the phase diagram."""

from __future__ import annotations

import math

import manifolds
from analysis.mismatch.arms import exact_blind
from analysis.mismatch.compare import compare
from analysis.mismatch.price import blind_drift_errors, distance_price, path_price
from analysis.mismatch.settings import SIGMA_END, SIGMA_START, integrator_of, law_of, levels_of, schedule_of

__all__ = ["cell_factorial", "cell_phase"]

PLUG_IN_SHARE = 4  # the plug-in arm costs about ten times the others: it gets the first quarter of the samples


def cell_factorial(params: dict, seed: int) -> list[dict]:
    """One row an arm: error, floor, and the comparison with the blind arm under the same coefficients and draws.

    `price` is the price of blindness, computed without a run, and `over_price` = |error - error of blind| / price, both per
    core coordinate; `log_mismatch_end` the closed form of log(true/scheduled level) at the end.
    """
    law, integrator = law_of(params["law"], params["ambient"]), integrator_of(params["integrator"])
    start, end = levels_of(params["law"])
    schedule = schedule_of(params["grid"], params["a"], params["steps"], start, end)
    coefficients = integrator.coefficients(schedule)
    source = manifolds.stream(seed, "mismatch", params["law"], params["ambient"])
    arms = ("blind", "conditional", "informed") + (("plug_in",) if params["plug_in"] else ())
    rows = compare(
        law, schedule, integrator, arms, params["samples"], params["replicates"], source, {"plug_in": PLUG_IN_SHARE}
    )
    blind = exact_blind(law, end, start)
    drift = blind_drift_errors(blind, law, coefficients.levels, params["samples"], source.child("price"))
    price = distance_price(drift, integrator, coefficients) / law.core_dim**0.5
    mismatch = 0.5 * coefficients.normal_variance().log() - coefficients.levels.log()
    run = {"consistent": coefficients.normal_consistent, "log_mismatch_end": float(mismatch[-1])}
    run |= {"price": price, "path_price_nats": path_price(drift, coefficients)}
    return [row | run | _over_price(row, price) for row in rows]


def _over_price(row: dict, price: float) -> dict:
    """|error gap| / price, its interval that of the signed gap folded at 0."""
    low, high = sorted((abs(row["error_gap_low"]), abs(row["error_gap_high"])))
    if row["error_gap_low"] < 0 < row["error_gap_high"]:
        low = 0.0
    return {"over_price": abs(row["error_gap"]) / price, "over_price_low": low / price, "over_price_high": high / price}


def cell_phase(params: dict, seed: int) -> list[dict]:
    """Conditional against blind at injection a and step length h (as near as a whole number of steps allows).

    `outcome` of blindness: "wins" if the interval of conditional/blind error lies above 1, "loses" if below, else "ties".
    """
    law, integrator = law_of(params["law"], params["ambient"]), integrator_of(params["integrator"])
    horizon = math.log(SIGMA_START / SIGMA_END) / (1 - params["a"])
    steps = max(round(horizon / params["step_length"]), 1)
    schedule = schedule_of("geometric", params["a"], steps)
    source = manifolds.stream(seed, "mismatch phase", params["law"], params["ambient"])
    blind, conditional = compare(
        law, schedule, integrator, ("blind", "conditional"), params["samples"], params["replicates"], source
    )
    coefficients = integrator.coefficients(schedule)
    mismatch = 0.5 * coefficients.normal_variance()[-1].log() - coefficients.levels[-1].log()
    low, high = conditional["ratio_low"], conditional["ratio_high"]
    return [
        {"steps": steps, "h": horizon / steps, "blind_error": blind["error"], "conditional_error": conditional["error"]}
        | {"floor": blind["floor"], "ratio": conditional["ratio"], "ratio_low": low, "ratio_high": high}
        | {"log_mismatch_end": float(mismatch), "outcome": "wins" if low > 1 else "loses" if high < 1 else "ties"}
    ]
