"""The sweep that is tormented: short cells whose numbers go through BLAS, so that they would show a change of
threads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.runs import Argument, Cell, Claim, Control, Experiment, Measurement, Question, main, positive_int

__all__ = ["EXPERIMENT", "LOG", "SLEEP"]

LOG, SLEEP = "FAULTS_LOG", "FAULTS_SLEEP"  # a file that gets a line for every execution; seconds that a cell lasts


def trace(params: dict, seed: int) -> list[dict]:
    """The trace of a random matrix times its transpose."""
    time.sleep(float(os.environ.get(SLEEP, "0")))
    draws = np.random.default_rng([seed, params["x"]]).standard_normal((48, 48))
    if log := os.environ.get(LOG):
        with open(Path(log), "a", encoding="utf-8") as handle:
            handle.write(f"{params['x']}\n")
    return [{"trace": float(np.trace(draws @ draws.T)), "limit": float("inf")}]


def cells(options: Any) -> Sequence[Cell]:
    return [Cell("trace", {"x": x}, cost=1.0 + x % 5) for x in range(options.cells)]


def decide(tables: Any, options: Any) -> Sequence[Measurement]:
    """The mean is the number of entries."""
    ratio = float(tables["trace"].trace.mean()) / 48**2
    controls = [Control("null", "identity", 1.0, 1.0), Control("power", "times 1.15", 1.15, 1.15)]
    return [Measurement("Q", ratio, ratio - 0.01, ratio + 0.01, controls)]


EXPERIMENT = Experiment(
    name="faults",
    summary="a sweep to be tormented",
    questions=(
        Question(
            cells=cells,
            parts={"trace": trace},
            claims=(Claim("Q", "toy", "derived here", "the trace is d^2", "trace / d^2", "1", (0.9, 1.1)),),
            arguments=(Argument("--cells", type=positive_int, default=40, help="number of cells"),),
            decide=decide,
        ),
    ),
    reference="analysis.faults.toy:EXPERIMENT",
)

if __name__ == "__main__":
    raise SystemExit(main(EXPERIMENT))
