"""Where does blindness win, tie and lose under plain Euler, over injection a and step length h?"""

from __future__ import annotations

import math

import manifolds
from analysis.mismatch.compare import compare
from analysis.mismatch.settings import AMBIENT, SIGMA_END, SIGMA_START, cost, integrator_of, law_of, schedule_of
from analysis.runs import Cell, Question

__all__ = ["QUESTION", "cell_phase"]

_A, _H = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7), (0.15, 0.3, 0.5, 0.75, 1.0)
_SIZE = {"smoke": (150, 3), "paper": (300, 6), "full": (2000, 8)}  # samples, replicates


def cells(options) -> list[Cell]:
    """A grid over a and h on one law."""
    samples, replicates = _SIZE[options.profile]
    grid = [(0.0, h) for h in (0.3, 1.0)] if options.profile == "smoke" else [(a, h) for a in _A for h in _H]
    found = []
    for a, h in grid:
        params = {"law": "mixture", "ambient": options.ambient, "integrator": "euler", "a": a, "step_length": h}
        params |= {"samples": samples, "replicates": replicates}
        found.append(Cell("mismatch_phase", params, cost("mixture", samples, replicates, 6.9 / (1 - a) / h)))
    return found


def cell_phase(params: dict, seed: int) -> list[dict]:
    """Conditional against blind at injection a and step length h (as near as a whole number of steps allows).

    `outcome` of blindness: "wins" if the interval of conditional/blind error lies above 1, "loses" if below, or "ties".
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


QUESTION = Question(
    cells=cells, parts={"mismatch_phase": cell_phase}, arguments=(AMBIENT,), figures=("mismatch_phase",)
)
