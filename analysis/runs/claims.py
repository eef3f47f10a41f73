"""Claims, measurements, controls, and the one rule that turns them into verdicts.

The rule compares an interval with the allowed range that was registered beforehand: inside -> holds, disjoint ->
violated, otherwise inconclusive. The same rule is applied to the controls: a null control (the truth) must hold and a
power control (a sabotage) must be violated; one sabotage must lie near the limit, and the seeds must agree with what
they are pooled to. Otherwise the measurement proves nothing and the verdict is inconclusive, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HOLDS, VIOLATED, INCONCLUSIVE = "holds", "violated", "inconclusive"
OUTCOMES = (HOLDS, VIOLATED, INCONCLUSIVE)
REQUIRED = {"null": HOLDS, "power": VIOLATED}
SPANS = ("interval", "range", "number")

STRICT = True  # the default of `Claim.strict`: a sabotage near the limit is asked of every claim
NEAR = 2.0  # a sabotage this many times as far from the truth as the limit still says where the limit is
_NORMAL = 1.959964  # of a 95 % interval
# an interval's lower end lies beyond a limit with probability .95 once its centre is this many half widths beyond it
_BEYOND = 1.0 + 1.644854 / _NORMAL
_SPREAD = (
    10.83,
    13.82,
    16.27,
    18.47,
)  # chi-square quantiles at .999 for 1, 2, ... degrees of freedom: one false alarm in 1000


@dataclass(frozen=True)
class Revision:
    """What a claim said before, why it could not have failed, and since when it says what it says now."""

    was: str
    why: str


@dataclass(frozen=True)
class Claim:
    """A statement with the quantity that decides it, what is predicted, the allowed range, and the expected verdict.

    profile   the only profile that decides it, where the default one takes too few or too small cells for that
    seeds     independent seeds (or trainings) that have to decide it; fewer leave it inconclusive
    wide      why its detectable effect is more than 5 half widths of its interval, where it is
    revised   what stood in its place before
    strict    whether it must have a sabotage near its limit; claims that were registered before this rule and have not
              been mended yet lack it, and the report names them
    each      about each of its seeds (trainings, say), that may differ by more than the errors of one: all of them must
              be allowed, and their spread is not held against them
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
    seeds: int = 1
    wide: str = ""
    revised: Revision | None = None
    strict: bool = STRICT
    each: bool = False

    def __post_init__(self) -> None:
        low, high = self.allowed
        if not low <= high:
            raise ValueError(
                f"claim {self.id}: allowed must be a range (low, high) with low <= high, got {self.allowed}"
            )
        if self.expected not in OUTCOMES:
            raise ValueError(f"claim {self.id}: expected must be one of {', '.join(OUTCOMES)}, got {self.expected!r}")
        if self.seeds < 1:
            raise ValueError(f"claim {self.id}: seeds must be at least 1, got {self.seeds}")

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

    @property
    def middle(self) -> float:
        """Centre of the interval; its finite end where the other is infinite."""
        if math.isinf(self.low) or math.isinf(self.high):
            return self.high if math.isinf(self.low) else self.low
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Measurement:
    """The measured value of a claim's quantity with its 95 % interval [low, high], and the controls measured beside it.

    cell       the deciding cell, by name, where the claim is about many
    span       what [low, high] is: a 95 % "interval", a "range" over cells, or a "number" that has none
    looser_by  the bound over what was measured, where the statement is a bound
    seeds      (value, low, high) of each seed alone, where the measurement is pooled over seeds
    cells      (value, low, high) of every cell, by name, where the claim is about many
    beside     of each seed alone in the cell that decides; `seeds` where the claim is about one quantity
    """

    claim: str
    measured: float
    low: float
    high: float
    controls: Sequence[Control] = ()
    note: str = ""
    cell: str = ""
    span: str = "interval"
    looser_by: float | None = None
    seeds: Sequence[tuple[float, float, float]] = field(default=())
    cells: Mapping[str, tuple[float, float, float]] = field(default_factory=dict, repr=False)
    beside: Sequence[tuple[float, float, float]] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.span not in SPANS:
            raise ValueError(f"measurement of {self.claim}: span must be one of {', '.join(SPANS)}, got {self.span!r}")


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

    @property
    def detectable(self) -> float:
        """How far from the truth the quantity would have to be for the verdict *violated* with probability .95.

        The truth is where the null control lies. From there to the nearer limit, and past it by 1.84 half widths of
        the measured interval: the half width that has to clear the limit, and 1.645 standard errors more. NaN without
        a null control or a finite limit.
        """
        truth, m = _truth(self.measurement), self.measurement
        low, high = self.claim.allowed
        below = truth - low + _BEYOND * (m.high - m.measured) if math.isfinite(low) else math.inf
        above = high - truth + _BEYOND * (m.measured - m.low) if math.isfinite(high) else math.inf
        least = min(below, above)
        return least if math.isfinite(least) else math.nan

    @property
    def half_widths(self) -> float:
        """The detectable effect in half widths of the measured interval."""
        width = (self.measurement.high - self.measurement.low) / 2
        return self.detectable / width if width > 0 and math.isfinite(width) else math.nan


def compare(low: float, high: float, allowed: tuple[float, float]) -> str:
    """The rule itself; an interval that is not ordered or not a number decides nothing."""
    if not low <= high:
        return INCONCLUSIVE
    if allowed[0] <= low and high <= allowed[1]:
        return HOLDS
    if high < allowed[0] or low > allowed[1]:
        return VIOLATED
    return INCONCLUSIVE


def judge(claim: Claim, measurement: Measurement, unfinished: str = "", seeded: bool = True) -> Verdict:
    """The verdict on a claim; `unfinished` says why the measurement rests on incomplete data, if it does.

    Without `seeded` a claim may be decided by fewer seeds than it registers: a smoke run takes one.
    """
    reasons = [unfinished] if unfinished else []
    low, measured, high = measurement.low, measurement.measured, measurement.high
    if any(math.isnan(v) for v in (low, measured, high)):
        reasons.append("the measurement is not a number")
    elif not low <= measured <= high:
        reasons.append(f"the measured value {measured:.4g} lies outside its own interval [{low:.4g}, {high:.4g}]")
    outcome = compare(low, high, claim.allowed)
    reasons += _control_faults(claim, measurement) + _seed_faults(claim, measurement, outcome, seeded)
    if reasons:
        return Verdict(claim, measurement, INCONCLUSIVE, "; ".join(reasons))
    if outcome == INCONCLUSIVE:
        return Verdict(claim, measurement, outcome, "the interval crosses a limit of the allowed range")
    return Verdict(claim, measurement, outcome)


def _truth(measurement: Measurement) -> float:
    """Where the null controls lie: the value that the claim predicts."""
    nulls = [c.middle for c in measurement.controls if c.kind == "null"]
    return sum(nulls) / len(nulls) if nulls else math.nan


def _control_faults(claim: Claim, measurement: Measurement) -> list[str]:
    """What keeps the controls from showing that the measurement could have come out otherwise."""
    faults = []
    for kind, wanted in REQUIRED.items():
        controls = [c for c in measurement.controls if c.kind == kind]
        if not controls:
            faults.append(f"no {kind} control")
        for control in controls:
            got = compare(control.low, control.high, claim.allowed)
            if got != wanted:
                faults.append(f"{kind} control ({control.what}) is {got}, should be {wanted}")
    if claim.strict and not faults and reach(claim, measurement) > NEAR:
        faults.append(f"no power control within a factor {NEAR:g} of the limit")
    return faults


def reach(claim: Claim, measurement: Measurement) -> float:
    """Distance of the nearest sabotage from the truth, in units of the limit that it breaks; inf without one."""
    powers = [c.middle for c in measurement.controls if c.kind == "power"]
    return min((_reach(p, _truth(measurement), claim.allowed) for p in powers), default=math.inf)


def _reach(power: float, truth: float, allowed: tuple[float, float]) -> float:
    """Distance of a sabotage from the truth in units of the limit that it breaks."""
    limit = allowed[1] if power > truth else allowed[0]
    if not math.isfinite(limit) or limit == truth:
        return math.inf
    return abs(power - truth) / abs(limit - truth)


def _seed_faults(claim: Claim, measurement: Measurement, outcome: str, seeded: bool) -> list[str]:
    seeds = measurement.seeds
    if seeded and max(len(seeds), 1) < claim.seeds:
        return [f"decided by {max(len(seeds), 1)} of {claim.seeds} seeds"]
    faults = []
    for i, (value, low, high) in enumerate(seeds):
        alone = compare(low, high, claim.allowed)
        if outcome != INCONCLUSIVE and alone not in (outcome, INCONCLUSIVE):
            faults.append(f"seed {i} alone ({value:.4g} [{low:.4g}, {high:.4g}]) is {alone}, all together {outcome}")
    same = measurement.beside or seeds  # each seed's own worst cell may be another one
    if not claim.each and len(same) > 1 and _spread(same) > _SPREAD[min(len(same) - 1, len(_SPREAD)) - 1]:
        faults.append(f"the seeds differ by more than their errors explain (chi-square {_spread(same):.3g})")
    return faults


def _spread(seeds: Sequence[tuple[float, float, float]]) -> float:
    """Chi-square of the seeds' values about their weighted mean; 0 where one has no interval."""
    errors = [(high - low) / (2 * _NORMAL) for _, low, high in seeds]
    if not all(0 < e < math.inf for e in errors):
        return 0.0
    weights = [1 / e**2 for e in errors]
    centre = sum(w * v for w, (v, _, _) in zip(weights, seeds, strict=True)) / sum(weights)
    return sum(w * (v - centre) ** 2 for w, (v, _, _) in zip(weights, seeds, strict=True))


def judge_all(
    claims: Sequence[Claim], measurements: Sequence[Measurement], unfinished: str = "", seeded: bool = True
) -> list[Verdict]:
    """Verdicts in the order of the claims; a measurement of an unknown claim, or a second one, is an error of ours."""
    by_claim: dict[str, Measurement] = {}
    known = {c.id for c in claims}
    for measurement in measurements:
        if measurement.claim not in known:
            raise ValueError(f"measurement of claim {measurement.claim!r}, which this experiment does not register")
        if measurement.claim in by_claim:
            raise ValueError(f"two measurements of claim {measurement.claim!r}")
        by_claim[measurement.claim] = measurement
    return [judge(c, by_claim[c.id], unfinished, seeded) for c in claims if c.id in by_claim]


def undecided(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[Claim]:
    """The claims for which there is no measurement."""
    decided: Mapping[str, Verdict] = {v.claim.id: v for v in verdicts}
    return [c for c in claims if c.id not in decided]
