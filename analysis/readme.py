"""The table of verdicts in README.md, written from results/claims.csv so that no number there is typed by hand."""

from __future__ import annotations

from pathlib import Path

from analysis.runs import claims_file
from analysis.runs.screen import interval

__all__ = ["block", "update"]

BEGIN, END = "<!-- verdicts: written by `python -m analysis report` -->", "<!-- end of verdicts -->"


def block(results: Path) -> str:
    """The table, one row a claim: statement, measured interval, prediction, verdict, command."""
    lines = ["| | statement | measured [95 %] | predicted | verdict | `python -m` |", "|---|---|---|---|---|---|"]
    for row in claims_file.read(results / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS):
        measured = interval(*(float(row[c]) for c in ("measured", "low", "high")))
        cells = (
            row["claim"],
            row["statement"],
            measured,
            row["predicted"],
            f"**{row['verdict']}**",
            f"`analysis.{row['experiment']}`",
        )
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines)


def update(readme: Path, results: Path) -> bytes:
    """README.md with its block replaced by the table of a results folder.

    Raises:
        ValueError: the README has lost its markers.
    """
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must hold the markers {BEGIN!r} and {END!r} once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{block(results)}\n{END}{rest.split(END)[1]}".encode()
