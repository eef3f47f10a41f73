"""The tally of a table of verdicts: one statement about all of them at once.

Of many 95 % intervals some miss. Widened so that all cover together with 95 % (Bonferroni: each at 1 - .05/M), they say
which verdicts stand as one statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from analysis.runs.claims import Claim, compare

__all__ = ["Decided", "together", "widening"]


class Decided(NamedTuple):
    """A decided claim as it stands in claims.csv: the claim, its numbers and its verdict."""

    claim: Claim
    measured: float
    low: float
    high: float
    verdict: str


def widening(intervals: int) -> float:
    """Factor on the half width of a normal 95 % interval that makes this many cover together with 95 %.

    >>> widening(1), round(widening(80), 3)
    (1.0, 1.745)
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - 0.025 / intervals) / normal.inv_cdf(0.975)


def together(decided: Sequence[Decided]) -> tuple[list[str], list[str]]:
    """Ids of claims whose registered verdict stands with simultaneous intervals, and of those that need their own.

    Only claims that came out as registered are counted at all; numbers without an interval stay what they are.
    """
    good = [d for d in decided if d.verdict == d.claim.expected]
    factor = widening(max(sum(d.low < d.high for d in good), 1))
    stand: list[str] = []
    alone: list[str] = []
    for d in good:
        low, high = d.measured - factor * (d.measured - d.low), d.measured + factor * (d.high - d.measured)
        (stand if compare(low, high, d.claim.allowed) == d.verdict else alone).append(d.claim.id)
    return stand, alone
