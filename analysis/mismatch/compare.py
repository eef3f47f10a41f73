"""Arms that differ in the noise level they assume and in nothing else, run on the same draws; their errors.

    blind        f*(y), the noise level averaged over its posterior
    plug_in      f at the maximum-likelihood level of each point
    conditional  f_{sigma_i}(y), told the level of the schedule
    informed     f_{sqrt v_i}(y), told the level that is there: v_{i+1} = c_i^2 v_i + eta_i^2 in closed form
    misinformed  the same, told MISINFORMED times that level: a sabotage
    misread      the same, told MISREAD times that level: another

Conditional against informed is what the coefficients do; informed against blind is what blindness does. Start, injected
noise and coefficients are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analysis.metrics.intervals import Estimate, mean, ratio
from analysis.metrics.sliced import sliced_wasserstein
from analysis.mismatch.settings import columns
from analysis.samplers import Coefficients, Integrator, Schedule, sample
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior, PlugInDenoiser
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = [
    "ARMS",
    "MISINFORMED",
    "MISREAD",
    "ROOM",
    "Arm",
    "build_arm",
    "compare",
    "core_part",
    "exact_blind",
    "squared_errors",
    "summarise",
]

DIRECTIONS = 64  # of the sliced distance
ARMS = ("blind", "plug_in", "conditional", "informed", "misinformed", "misread")
MISINFORMED, MISREAD = 1.04, 1.08

# the blind arms must know of levels that mismatched coefficients reach, below the last and above the first
MARGIN_BELOW, MARGIN_ABOVE = 50.0, 3.0
# least ratio of the lowest level of a run to the finest one that a law by quadrature answers at: what one point says of
# its level has sd 1/sqrt(2n) in the logarithm, at most .023 for the laws of the comparison at d >= 1000: the end of the
# prior is six of them away
ROOM = 1.15


@dataclass(frozen=True)
class Arm:
    """A denoiser and the levels it is told (N + 1,), None for those of the schedule or for a blind one."""

    name: str
    f: Callable
    told: torch.Tensor | None = None


def exact_blind(law: Law, low: float, high: float) -> BlindDenoiser:
    """f* for the log-uniform prior (the one of the paper's synthetic runs) on [low, high] with room on both sides."""
    return BlindDenoiser(law, NoisePrior.power(-1.0, _lowest(law, low), high * MARGIN_ABOVE))


def _lowest(law: Law, low: float) -> float:
    """The lowest level that an arm which is not told its level must know of; no finer than quadrature nodes resolve."""
    return max(low / MARGIN_BELOW, getattr(law.core, "finest_sigma", 0.0))


def build_arm(name: str, law: Law, schedule: Schedule, coefficients: Coefficients) -> Arm:
    """The arm of that name for a run with these coefficients.

    Raises:
        ValueError: an unknown name, or a run that goes to levels which the law's quadrature nodes do not resolve.
    """
    if name not in ARMS:
        raise ValueError(f"arm must be one of {', '.join(ARMS)}, got {name!r}")
    low, high = schedule.sigma_end, schedule.sigma_start
    finest, reached = getattr(law.core, "finest_sigma", 0.0), float(coefficients.normal_variance().min().sqrt())
    if reached < ROOM * finest:
        raise ValueError(
            f"finest must be at most {reached / ROOM:.3g} for {law.name}: "
            f"the run reaches sigma = {reached:.3g}, got {finest:g}"
        )
    if name == "blind":
        return Arm(name, exact_blind(law, low, high))
    if name == "plug_in":
        return Arm(name, PlugInDenoiser(law, _lowest(law, low), high * MARGIN_ABOVE))
    if name == "conditional":
        return Arm(name, ConditionalDenoiser(law))
    factor = {"misinformed": MISINFORMED, "misread": MISREAD}.get(name, 1.0)
    return Arm(name, ConditionalDenoiser(law), factor * coefficients.normal_variance().sqrt())


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
    """One row from squared errors of `replicates` runs: error, floor, excess, and the paired comparison with blind.

    error and floor are roots of mean squares; excess_square = error^2 - floor^2; gap_square = error^2 less that of the
    blind arm; ratio = error over that of the blind arm; error_gap = mean difference of the two errors. Each with a 95 %
    t-interval (Fieller's for the ratio).
    """
    error, excess, gap = mean(arm), mean(arm - floor), mean(arm - blind)
    root = _root(ratio(arm, blind, paired=True))
    row = {"error": error.value**0.5, "floor": float(floor.mean()) ** 0.5}
    row |= columns("error", _root(error)) | columns("excess_square", excess) | columns("gap_square", gap)
    return row | columns("ratio", root) | columns("error_gap", mean(np.sqrt(arm) - np.sqrt(blind)))


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
            # consistent coefficients: the level that is there is that of the schedule, and the two arms are one run
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
        floor, error, beside, distance = squares[arm.name].T
        row = {"arm": arm.name, **summarise(error, floor, beside), "distance_to_blind": float(distance.mean()) ** 0.5}
        rows.append(row | _shares(squares, arm.name))
    return rows


def _output(arm: Arm, law: Law, schedule: Schedule, integrator: Integrator, n: int, stream: Stream) -> torch.Tensor:
    run = sample(arm.f, law, schedule, n, stream.child("run"), integrator, adaptive=False, assumed_sigma=arm.told)
    return run.x


def _shares(squares: dict[str, np.ndarray], name: str) -> dict:
    """For an arm that is told a level, what that level is worth; NaN for the others.

    `remaining_share` of the gap between conditional and blind (for the informed arm, the share that blindness has) and
    `conditional_over_own`, the ratio of the errors.
    """
    share = worth = Estimate(np.nan, np.nan, np.nan)
    if name in ("informed", "misinformed", "conditional") and "conditional" in squares:
        blind, own, conditional = (squares[arm][:, 1] for arm in ("blind", name, "conditional"))
        share = ratio(own - blind, conditional - blind, paired=True)
        worth = _root(ratio(conditional, own, paired=True))
    return columns("remaining_share", share) | columns("conditional_over_own", worth)


def _root(estimate: Estimate) -> Estimate:
    return estimate.map(lambda v: max(v, 0.0) ** 0.5)
