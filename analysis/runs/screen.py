"""What a person reads at the end of a run."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Sequence

from analysis.runs import tally
from analysis.runs.claims import VIOLATED, Claim, Verdict


def columns(header: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None) -> str:
    """Left-aligned text columns under a header; with a `width`, long cells go on below so that no line is longer."""
    table = [list(map(str, header)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    while width is not None and sum(widths) + 2 * (len(widths) - 1) > width and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in table:
        cells = [[cell] if len(cell) <= w else textwrap.wrap(cell, w) for cell, w in zip(row, widths, strict=True)]
        for parts in itertools.zip_longest(*cells, fillvalue=""):
            lines.append("  ".join(part.ljust(w) for part, w in zip(parts, widths, strict=True)).rstrip())
        if row is table[0]:
            lines.append("  ".join("-" * w for w in widths))
    return "\n".join(lines)


def interval(measured: float, low: float, high: float) -> str:
    return f"{measured:.4g} [{low:.4g}, {high:.4g}]"


def mark(kind: str, verdict: str, expected: str) -> str:
    """What a reader must not miss at the end of a claim's row: a refuted statement of the paper, expected or not.

    >>> mark("paper", "violated", "violated")
    '<-- the paper says otherwise'
    """
    marks = ["not as registered"] if verdict != expected else []
    marks += ["the paper says otherwise"] if kind == "paper" and verdict == VIOLATED else []
    return f"<-- {'; '.join(marks)}" if marks else ""


def claims(verdicts: Sequence[Verdict], missing: Sequence[Claim]) -> str:
    """The claims table, the reasons of what is not as registered, and the claims that this selection leaves open."""
    lines = []
    if verdicts:
        header = ("claim", "measured [95 % interval]", "predicted", "verdict", "expected", "")
        rows = []
        for v in verdicts:
            m, said = v.measurement, mark(v.claim.kind, v.outcome, v.claim.expected)
            rows.append(
                (v.claim.id, interval(m.measured, m.low, m.high), v.claim.predicted, v.outcome, v.claim.expected, said)
            )
        lines.append(columns(header, rows))
    for v in verdicts:
        if v.reason:
            lines.append(f"{v.claim.id}: {v.reason}")
        if v.measurement.note:
            lines.append(f"{v.claim.id}: {v.measurement.note}")
    for claim in missing:
        lines.append(
            f"{claim.id}: not decided by this selection"
            + (f", but by --profile {claim.profile}" if claim.profile else "")
        )
    if verdicts:
        lines.append(tally.sentence(tally.of_verdicts(verdicts)))
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Seconds for people: 42 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def say(text: str) -> None:
    """One line on the screen, now."""
    print(text, flush=True)
