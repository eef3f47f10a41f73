"""What the questions about the noise level share: options, levels, numbers of draws; how the worst case is judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from analysis.laws.settings import catalogue, of_catalogue, shape
from analysis.metrics.intervals import Estimate, from_standard_error
from analysis.runs import Argument, Claim, Control, Measurement, judge, whole

__all__ = [
    "AMBIENT", "CONFIDENCE", "DIM", "FULL_RANK", "LAW", "LEVELS", "PAPER", "as_control", "exact", "fewer_draws",
    "labels", "least", "low_dimensional", "measured", "of_profile", "pooled", "refuse_unused", "resolved", "seeds_of",
    "worst",
]  # fmt: skip

PAPER = "arXiv 2602.09639"

LAW = Argument("--law", type=of_catalogue, nargs="+", default=catalogue, metavar="LAW",
               help="laws under test", by_profile={"smoke": ("gaussian", "sphere", "two_scale")})  # fmt: skip
DIM = Argument("--dim", type=whole(1, 10**4), nargs="+", default=(2, 16), help="k of the grid of Prop 3.8",
               by_profile={"smoke": (2,)})  # fmt: skip
AMBIENT = Argument("--ambient", type=whole(1, 10**18), nargs="+", default=(64, 256, 1024, 4096, 65536),
                   help="d of the grid of Prop 3.8", by_profile={"smoke": (64, 1024)})  # fmt: skip

CONFIDENCE = 0.95
LEVELS = (0.1, 1.0)  # noise levels in units of the data's rms size
FULL_RANK = ("full_gaussian", "scale_mixture", "two_scale")  # their residuals and scores have the heaviest tails


def resolved(name: str, levels: tuple[float, ...], reach: float) -> list[float]:
    """The levels of which the law's quadrature, if it has one, resolves the fraction `reach`."""
    return [level for level in levels if level * reach >= shape(name, 2).finest]


def fewer_draws(name: str, draws: int) -> int:
    """Fewer draws for laws whose posterior is a sum over many atoms."""
    return max(draws // max(shape(name, 2).atoms // 250, 1), 50)


def low_dimensional(options) -> list[str]:
    """Laws with normal directions; images have their own question."""
    return [name for name in options.law if shape(name, 2).low_dimensional and not shape(name, 2).image]


def refuse_unused(options, used: set[tuple[int, int]]) -> None:
    """ValueError for a d that leaves no law enough normal directions at any k asked for, or a k that no d asked for
    does; `used` are the (k, d) that some law has.
    """
    names = [name for name in low_dimensional(options) if shape(name, 2).finest <= 0.2]
    for d in options.ambient if names else ():
        if d not in {ambient for _, ambient in used}:
            dims = " ".join(map(str, options.dim))
            raise ValueError(f"argument --ambient: must be at least 4 m for some law at --dim {dims}, got {d}")
    for k in options.dim:
        if any(shape(name, k).dim == k for name in names) and k not in {dim for dim, _ in used}:
            given = " ".join(map(str, options.ambient))
            raise ValueError(f"argument --dim: must be at most d/4 for some law and d of --ambient {given}, got {k}")


def worst(
    value: Iterable[float], error: Iterable[float], target: float, names: Iterable[str] | None = None
) -> tuple[Estimate, str]:
    """The case that reaches furthest from the target, with a Bonferroni interval over all cases, and its name."""
    values, errors = np.asarray(value, dtype=float), np.asarray(error, dtype=float)
    half = stats.norm.ppf(1.0 - (1.0 - CONFIDENCE) / (2.0 * len(values))) * errors
    i = int(np.argmax(np.abs(values - target) + half))
    name = "" if names is None else str(list(names)[i])
    return Estimate(values[i], values[i] - half[i], values[i] + half[i]), name


def least(
    value: Iterable[float], error: Iterable[float], target: float, names: Iterable[str] | None = None
) -> tuple[Estimate, str]:
    """The case nearest to the target, with the interval of that case alone, and its name: a sabotage seen least."""
    values, errors = np.asarray(value, dtype=float), np.asarray(error, dtype=float)
    i = int(np.argmin(np.abs(values - target)))
    return worst(values[i : i + 1], errors[i : i + 1], target, None if names is None else [list(names)[i]])


def seeds_of(profile: str) -> int:
    """Seeds that share the draws of a cell."""
    return 1 if profile == "smoke" else 3


def pooled(value: pd.Series, error: pd.Series) -> Estimate:
    """The mean of independent estimates of one number."""
    return from_standard_error(value.mean(), np.sqrt((error**2).sum()) / len(value), confidence=CONFIDENCE)


def exact(value: float) -> Estimate:
    """A number without an error."""
    return Estimate(float(value), float(value), float(value))


def labels(rows: pd.DataFrame, *columns: str) -> pd.Series:
    """Each row's case in words."""
    return rows[list(columns)].astype(str).agg(" ".join, axis=1)


def as_control(kind: str, what: str, estimate: Estimate) -> Control:
    """A control with the interval of an estimate."""
    return Control(kind, what, estimate.low, estimate.high)


def measured(claim: str, estimate: Estimate, controls: Sequence[Control], note: str = "") -> Measurement:
    """A measurement with the interval of an estimate."""
    return Measurement(claim, estimate.value, estimate.low, estimate.high, controls, note)


def of_profile(found: Sequence[Measurement], claims: Sequence[Claim], options) -> list[Measurement]:
    """All of them; at the smoke profile, those that its few draws can decide."""
    known = {claim.id: claim for claim in claims}
    return [
        m
        for m in found
        if options.profile != "smoke" or judge(known[m.claim], m, seeded=False).outcome != "inconclusive"
    ]
