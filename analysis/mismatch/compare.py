"""Runs of several arms with the same start, the same injected noise and the same coefficients, and their errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from analysis.metrics.intervals import Estimate, mean, ratio
from analysis.metrics.sliced import sliced_wasserstein
from analysis.mismatch.arms import Arm, build_arm
from analysis.samplers import Integrator, Schedule, sample
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["compare", "core_part", "squared_errors", "summarise"]

DIRECTIONS = 64


def core_part(law: Law, x: torch.Tensor) -> torch.Tensor:
    """Core coordinates (n, m): outside of them an exact output is zero."""
    return law.space.split(x)[0]


def squared_errors(law: Law, outputs: Sequence[torch.Tensor], source: Stream) -> list[float]:
    """Squared sliced W2 to the data law of a sample that is the floor, then of each output; all of one size.

    One reference sample and one set of directions for all.
    """
    truth, other = (law.sample(len(outputs[0]), source.child(label)) for label in ("truth", "other"))

    def square(x: torch.Tensor) -> float:
        return (
            sliced_wasserstein(
                core_part(law, x), core_part(law, truth), source.child("directions"), count=DIRECTIONS
            ).value
            ** 2
        )

    return [square(x) for x in (other, *outputs)]


def summarise(arm: np.ndarray, floor: np.ndarray, blind: np.ndarray) -> dict:
    """One row from squared errors of `replicates` runs: error, floor, excess and the paired comparison with the blind arm.

    error and floor are roots of mean squares; excess_square = error^2 - floor^2; gap_square = error^2 less that of the
    blind arm; ratio = error over that of the blind arm; error_gap = mean difference of the two errors. Each with a 95 %
    t-interval (Fieller's for the ratio).
    """
    error, excess, gap = mean(arm), mean(arm - floor), mean(arm - blind)
    root = _root(ratio(arm, blind, paired=True))
    row = {"error": error.value**0.5, "floor": float(floor.mean()) ** 0.5}
    difference = mean(np.sqrt(arm) - np.sqrt(blind))
    quantities = {
        "error": _root(error),
        "excess_square": excess,
        "gap_square": gap,
        "ratio": root,
        "error_gap": difference,
    }
    for name, estimate in quantities.items():
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


def compare(
    law: Law,
    schedule: Schedule,
    integrator: Integrator,
    arms: Sequence[str],
    n: int,
    replicates: int,
    source: Stream,
    share: dict[str, int] | None = None,
) -> list[dict]:
    """One row an arm: its error against the data law, beside that of the blind arm under the same draws.

    Args:
        arms: names; "blind" must be one of them.
        n, replicates: samples a run, independent repetitions (which give the intervals).
        share: arm -> how many times fewer samples a dear arm gets (the first rows of the same draws).
    """
    coefficients = integrator.coefficients(schedule)
    built = [build_arm(name, law, schedule, coefficients) for name in arms]
    share = {arm.name: 1 for arm in built} | (share or {})
    squares = {arm.name: np.empty((replicates, 4)) for arm in built}
    for r in range(replicates):
        stream = source.child("replicate", r)
        outputs: dict[str, torch.Tensor] = {}
        for arm in built:
            # consistent coefficients: the level that is there is the level of the schedule, and the two arms are one run
            same = arm.name == "informed" and coefficients.normal_consistent and "conditional" in outputs
            outputs[arm.name] = (
                outputs["conditional"]
                if same
                else _output(arm, law, schedule, integrator, n // share[arm.name], stream)
            )
        for arm in built:
            x, blind = outputs[arm.name], outputs["blind"][: n // share[arm.name]]
            moved = float(law.space.sqnorm(x - blind).mean()) / law.core_dim
            squares[arm.name][r] = *squared_errors(law, (x, blind), stream), moved
    rows = []
    for arm in built:
        floor, error, blind, moved = squares[arm.name].T
        row = {"arm": arm.name} | summarise(error, floor, blind) | {"distance_to_blind": float(moved.mean()) ** 0.5}
        rows.append(row | _shares(squares, arm.name))
    return rows


def _output(arm: Arm, law: Law, schedule: Schedule, integrator: Integrator, n: int, stream: Stream) -> torch.Tensor:
    run = sample(arm.f, law, schedule, n, stream.child("run"), integrator, adaptive=False, assumed_sigma=arm.told)
    return run.x


def _shares(squares: dict[str, np.ndarray], name: str) -> dict:
    """For an arm told a level: the share of the gap between conditional and blind that remains with it (for the informed arm
    the share that blindness has), and the ratio of the conditional error to its own (what the level it is told is worth)."""
    share = worth = Estimate(np.nan, np.nan, np.nan)
    if name in ("informed", "conditional") and "conditional" in squares:
        blind, own, conditional = (squares[arm][:, 1] for arm in ("blind", name, "conditional"))
        share = ratio(own - blind, conditional - blind, paired=True)
        worth = _root(ratio(conditional, own, paired=True))
    named = {"remaining_share": share, "conditional_over_own": worth}
    return {
        name + end: value
        for name, e in named.items()
        for end, value in (("", e.value), ("_low", e.low), ("_high", e.high))
    }


def _root(estimate: Estimate) -> Estimate:
    return estimate.map(lambda v: max(v, 0.0) ** 0.5)
