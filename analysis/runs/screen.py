"""What a person reads at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.runs.claims import Claim, Verdict


def columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Left-aligned text columns under a header."""
    table = [list(map(str, header)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def interval(measured: float, low: float, high: float) -> str:
    return f"{measured:.4g} [{low:.4g}, {high:.4g}]"


def claims(verdicts: Sequence[Verdict], missing: Sequence[Claim]) -> str:
    """The claims table, the reasons of what is not as registered, and the claims that this selection leaves open."""
    lines = []
    if verdicts:
        header = ("claim", "measured [95 % interval]", "predicted", "verdict", "expected", "")
        rows = []
        for v in verdicts:
            m = v.measurement
            mark = "" if v.as_registered else "<-- not as registered"
            rows.append(
                (v.claim.id, interval(m.measured, m.low, m.high), v.claim.predicted, v.outcome, v.claim.expected, mark)
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
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Seconds for people: 42 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
