"""The tally of a table of verdicts: one statement about all of them at once, in place of a count.

Of many 95 % intervals some miss. Widened so that all cover together with 95 % (Bonferroni: each at 1 - .05/M), they say
which verdicts stand as one statement.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

from analysis.runs.claims import INCONCLUSIVE, Verdict, compare

__all__ = ["Decided", "of_rows", "of_verdicts", "range_of", "sentence", "together", "widening"]


class Decided(NamedTuple):
    """A decided claim: its numbers, its verdict, the one that was registered, and the range that its rule allows."""

    id: str
    measured: float
    low: float
    high: float
    verdict: str
    expected: str
    allowed: tuple[float, float]


def of_verdicts(verdicts: Iterable[Verdict]) -> list[Decided]:
    """The claims that a run has just decided."""
    return [
        Decided(
            v.claim.id,
            v.measurement.measured,
            v.measurement.low,
            v.measurement.high,
            v.outcome,
            v.claim.expected,
            v.claim.allowed,
        )
        for v in verdicts
    ]


def of_rows(rows: Iterable[Mapping[str, str]], expected: Mapping[str, str]) -> list[Decided]:
    """Rows of claims.csv, with the registered verdict of each claim by its id."""
    return [
        Decided(
            r["claim"],
            float(r["measured"]),
            float(r["low"]),
            float(r["high"]),
            r["verdict"],
            expected[r["claim"]],
            range_of(r["rule"]),
        )
        for r in rows
    ]


def range_of(rule: str) -> tuple[float, float]:
    """The allowed range that `Claim.rule` puts into words, to its six digits.

    >>> range_of("holds if interval <= 0.2, violated if > 0.2")
    (-inf, 0.2)

    Raises:
        ValueError: these are not the words of a rule.
    """
    if rule == "holds for every interval":
        return -math.inf, math.inf
    if found := re.match(r"holds if interval (<=|>=) (\S+), violated if [<>] \S+$", rule):
        limit = float(found[2])
        return (-math.inf, limit) if found[1] == "<=" else (limit, math.inf)
    if found := re.match(r"holds if interval inside \[(\S+), (\S+)\], violated if disjoint$", rule):
        return float(found[1]), float(found[2])
    raise ValueError(f"no rule of a claim: {rule!r}")


def widening(intervals: int) -> float:
    """Factor on the half width of a normal 95 % interval that makes this many cover together with 95 %.

    >>> widening(1), round(widening(80), 3)
    (1.0, 1.745)
    """
    normal = NormalDist()
    return normal.inv_cdf(1 - 0.025 / intervals) / normal.inv_cdf(0.975)


def together(decided: Sequence[Decided]) -> tuple[list[str], list[str]]:
    """Ids of claims whose verdict stands with simultaneous intervals, and of those that need their own.

    A verdict is a statement whether it was expected or not; what is inconclusive says nothing. Numbers without an
    interval stay what they are. A claim about every cell of a table has one interval: that every cell's own covers
    is not needed for *holds*.
    """
    found = [d for d in decided if d.verdict != INCONCLUSIVE]
    factor = widening(max(_intervals(found), 1))
    stand: list[str] = []
    alone: list[str] = []
    for d in found:
        low, high = d.measured - factor * (d.measured - d.low), d.measured + factor * (d.high - d.measured)
        (stand if compare(low, high, d.allowed) == d.verdict else alone).append(d.id)
    return stand, alone


def _intervals(decided: Sequence[Decided]) -> int:
    return sum(d.low < d.high for d in decided)


def sentence(decided: Sequence[Decided]) -> str:
    """The tally in words: what stands at once, what needs its own interval, what is open, what was not expected.

    >>> sentence([Decided("A", 1.0, 0.9, 1.1, "holds", "holds", (0.5, 1.5))])
    'As one statement (1 interval at once): 1 verdict stands; every verdict is the one registered before the run.'
    """
    if not decided:
        return "No claim is decided."
    stand, alone = together(decided)
    opened = [d.id for d in decided if d.verdict == INCONCLUSIVE]
    wrong = [f"{d.id} ({d.verdict}, registered as {d.expected})" for d in decided if d.verdict != d.expected]
    many = _intervals([d for d in decided if d.verdict != INCONCLUSIVE])
    wide = f", each {widening(many):.3g} times as wide as alone" if many > 1 else ""
    parts = [f"{_count(len(stand), 'verdict')} {'stands' if len(stand) == 1 else 'stand'}"]
    parts += [f"with the own 95 % interval alone, not at once: {', '.join(alone)}"] if alone else []
    parts += [f"open: {', '.join(opened)}"] if opened else []
    parts += [
        "not as registered: " + ", ".join(wrong) if wrong else "every verdict is the one registered before the run"
    ]
    return f"As one statement ({_count(many, 'interval')} at once{wide}): {'; '.join(parts)}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
