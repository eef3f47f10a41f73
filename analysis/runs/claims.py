"""Claims, measurements, controls, and the one rule that turns them into verdicts.

The rule compares an interval with the allowed range that was registered beforehand: inside -> holds, disjoint ->
violated, otherwise inconclusive. The same rule is applied to the controls: a null control (the truth) must hold and a
power control (a sabotage) must be violated, or else the measurement proves nothing and the verdict is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HOLDS, VIOLATED, INCONCLUSIVE = "holds", "violated", "inconclusive"
OUTCOMES = (HOLDS, VIOLATED, INCONCLUSIVE)
REQUIRED = {"null": HOLDS, "power": VIOLATED}


@dataclass(frozen=True)
class Claim:
    """A statement with the quantity that decides it, what is predicted, the allowed range, and the expected verdict.

    `profile` names the only profile that decides it, where the default one takes too few or too small cells for that.
    """

    id: str
    kind: str
    source: str
    statement: str
    quantity: str
    predicted: str
    allowed: tuple[float, float]
    expected: str = HOLDS
    profile: str = ""

    def __post_init__(self) -> None:
        low, high = self.allowed
        if not low <= high:
            raise ValueError(
                f"claim {self.id}: allowed must be a range (low, high) with low <= high, got {self.allowed}"
            )
        if self.expected not in OUTCOMES:
            raise ValueError(f"claim {self.id}: expected must be one of {', '.join(OUTCOMES)}, got {self.expected!r}")

    def due(self, profile: str) -> bool:
        """Whether a run of this profile with default arguments has to decide it."""
        return self.profile in ("", profile)

    @property
    def rule(self) -> str:
        low, high = self.allowed
        if math.isinf(low) and math.isinf(high):
            return "holds for every interval"
        if math.isinf(low):
            return f"holds if interval <= {high:.6g}, violated if > {high:.6g}"
        if math.isinf(high):
            return f"holds if interval >= {low:.6g}, violated if < {low:.6g}"
        return f"holds if interval inside [{low:.6g}, {high:.6g}], violated if disjoint"


@dataclass(frozen=True)
class Control:
    """The claim's own quantity, measured where the answer is known: kind "null" (truth) or "power" (sabotage)."""

    kind: str
    what: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.kind not in REQUIRED:
            raise ValueError(f"control kind must be null or power, got {self.kind!r}")


@dataclass(frozen=True)
class Measurement:
    """The measured value of a claim's quantity with its 95 % interval [low, high], and the controls measured beside
    it.
    """

    claim: str
    measured: float
    low: float
    high: float
    controls: Sequence[Control] = ()
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """A claim, its measurement, the outcome under the rule, and the reason where the outcome is inconclusive."""

    claim: Claim
    measurement: Measurement
    outcome: str
    reason: str = ""

    @property
    def as_registered(self) -> bool:
        return self.outcome == self.claim.expected


def compare(low: float, high: float, allowed: tuple[float, float]) -> str:
    """The rule itself; an interval that is not ordered or not a number decides nothing."""
    if not low <= high:
        return INCONCLUSIVE
    if allowed[0] <= low and high <= allowed[1]:
        return HOLDS
    if high < allowed[0] or low > allowed[1]:
        return VIOLATED
    return INCONCLUSIVE


def judge(claim: Claim, measurement: Measurement, unfinished: str = "") -> Verdict:
    """The verdict on a claim; `unfinished` says why the measurement rests on incomplete data, if it does."""
    reasons = [unfinished] if unfinished else []
    low, measured, high = measurement.low, measurement.measured, measurement.high
    if any(math.isnan(v) for v in (low, measured, high)):
        reasons.append("the measurement is not a number")
    elif not low <= measured <= high:
        reasons.append(f"the measured value {measured:.4g} lies outside its own interval [{low:.4g}, {high:.4g}]")
    for kind, wanted in REQUIRED.items():
        controls = [c for c in measurement.controls if c.kind == kind]
        if not controls:
            reasons.append(f"no {kind} control")
        for control in controls:
            got = compare(control.low, control.high, claim.allowed)
            if got != wanted:
                reasons.append(f"{kind} control ({control.what}) is {got}, should be {wanted}")
    outcome = compare(low, high, claim.allowed)
    if reasons:
        return Verdict(claim, measurement, INCONCLUSIVE, "; ".join(reasons))
    if outcome == INCONCLUSIVE:
        return Verdict(claim, measurement, outcome, "the interval crosses a limit of the allowed range")
    return Verdict(claim, measurement, outcome)


def judge_all(claims: Sequence[Claim], measurements: Sequence[Measurement], unfinished: str = "") -> list[Verdict]:
    """Verdicts in the order of the claims; a measurement of an unknown claim, or a second one, is a programming
    error.
    """
    by_claim: dict[str, Measurement] = {}
    known = {c.id for c in claims}
    for measurement in measurements:
        if measurement.claim not in known:
            raise ValueError(f"measurement of claim {measurement.claim!r}, which this experiment does not register")
        if measurement.claim in by_claim:
            raise ValueError(f"two measurements of claim {measurement.claim!r}")
        by_claim[measurement.claim] = measurement
    return [judge(c, by_claim[c.id], unfinished) for c in claims if c.id in by_claim]


def undecided(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[Claim]:
    """The claims for which there is no measurement."""
    decided: Mapping[str, Verdict] = {v.claim.id: v for v in verdicts}
    return [c for c in claims if c.id not in decided]
