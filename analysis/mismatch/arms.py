"""The arms of a comparison: denoisers that differ in the noise level they assume, and in nothing else.

    blind        f*(y), the noise level averaged over its posterior
    plug_in      f at the maximum-likelihood level of each point
    conditional  f_{sigma_i}(y), told the level of the schedule
    informed     f_{sqrt v_i}(y), told the level that is there: v_{i+1} = c_i^2 v_i + eta_i^2 in closed form

Conditional against informed is what the coefficients do; informed against blind is what blindness does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from analysis.samplers import Coefficients, Schedule
from manifolds.denoisers import BlindDenoiser, ConditionalDenoiser, NoisePrior, PlugInDenoiser
from manifolds.law import Law

__all__ = ["ARMS", "Arm", "build_arm", "exact_blind"]

ARMS = ("blind", "plug_in", "conditional", "informed")

# the blind arms must know of levels that mismatched coefficients reach, below the last and above the first
MARGIN_BELOW, MARGIN_ABOVE = 50.0, 3.0
# least ratio of the lowest level of a run to the finest one that a law by quadrature answers at: what one point says of its
# level has sd 1/sqrt(2n) in the logarithm, at most .023 for the laws of the comparison at d >= 1000: the end of the prior is six of them away
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
    """The arm of that name for a run with these coefficients; ValueError for an unknown name, or for a run that goes to levels
    which the law's quadrature nodes do not resolve."""
    if name not in ARMS:
        raise ValueError(f"arm must be one of {', '.join(ARMS)}, got {name!r}")
    low, high = schedule.sigma_end, schedule.sigma_start
    finest, reached = getattr(law.core, "finest_sigma", 0.0), float(coefficients.normal_variance().min().sqrt())
    if reached < ROOM * finest:
        raise ValueError(
            f"finest must be at most {reached / ROOM:.3g} for {law.name}: the run reaches sigma = {reached:.3g}, got {finest:g}"
        )
    if name == "blind":
        return Arm(name, exact_blind(law, low, high))
    if name == "plug_in":
        return Arm(name, PlugInDenoiser(law, _lowest(law, low), high * MARGIN_ABOVE))
    if name == "conditional":
        return Arm(name, ConditionalDenoiser(law))
    return Arm(name, ConditionalDenoiser(law), coefficients.normal_variance().sqrt())
