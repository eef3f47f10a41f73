"""Statements and claims as text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from analysis.runs import claims_file
from analysis.runs.screen import interval

from .record import Statement

COLUMNS = 100
_MARGIN = 14

Rows = Mapping[str, Mapping[str, str]]  # claim id -> its row of claims.csv


def results(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of a results folder's claims.csv by claim; empty where there is none."""
    rows = claims_file.read(folder / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS)
    return {row["claim"]: row for row in rows}


def paragraph(label: str, text: str) -> str:
    """`label` in the margin, the text beside it, wrapped.

    >>> print(paragraph("rule", "holds if interval <= 1"))
    rule          holds if interval <= 1
    """
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=label.ljust(_MARGIN),
        subsequent_indent=" " * _MARGIN,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(claim: str, rows: Rows) -> str:
    return f"{claim} {rows[claim]['verdict'] if claim in rows else 'not decided'}"


def _short(reference: str) -> str:
    """analysis.theory.noise:log_sd_limit -> theory.noise.log_sd_limit"""
    return reference.removeprefix("analysis.").replace(":", ".")


def row(statement: Statement, rows: Rows) -> str:
    """One statement of the table: what it says, then the evidence in one paragraph."""
    evidence = [
        ", ".join(_verdict(claim, rows) for claim in statement.claims),
        "figure " + ", ".join(statement.figures) if statement.figures else "",
        "code " + ", ".join(map(_short, statement.functions)) if statement.functions else "",
        "test " + ", ".join(dict.fromkeys(test.partition("::")[0] for test in statement.tests))
        if statement.tests
        else "",
        f"law {', '.join(statement.laws)}: {statement.separates}" if statement.laws else "",
        statement.lacks,
    ]
    label = statement.id if statement.kind in ("section", "figure", "neighbour") else f"{statement.id} {statement.kind}"
    return "\n".join([paragraph(label, statement.says), *(paragraph("", part) for part in evidence if part)])


def table(statements: Iterable[Statement], rows: Rows) -> str:
    """Every statement, with the verdicts of a results folder, and how many of the claims named are decided."""
    statements = list(statements)
    named = sorted({claim for statement in statements for claim in statement.claims})
    decided = [claim for claim in named if claim in rows]
    text = "\n\n".join(row(statement, rows) for statement in statements)
    return f"{text}\n\n{len(statements)} statements, {len(named)} claims on them, {len(decided)} decided"


def page(statement: Statement, rows: Rows) -> str:
    """One statement in full."""
    lines = [paragraph(f"{statement.id} {statement.kind}", statement.says)]
    for label, items in (
        ("functions", statement.functions),
        ("figures", statement.figures),
        ("tests", tuple(f"tests/{test}" for test in statement.tests)),
        ("laws", statement.laws),
    ):
        lines += [paragraph(label if i == 0 else "", item) for i, item in enumerate(items)]
    if statement.separates:
        lines.append(paragraph("separates", statement.separates))
    if statement.lacks:
        lines.append(paragraph("missing", statement.lacks))
    for claim in statement.claims:
        found = rows.get(claim)
        if found is None:
            lines += ["", paragraph(claim, "not decided in this results folder")]
            continue
        measured = interval(*(float(found[c]) for c in ("measured", "low", "high")))
        lines += ["", paragraph(claim, f"{found['verdict']}: {found['statement']}")]
        lines.append(paragraph("", f"{found['quantity']}: {measured}, predicted {found['predicted']}"))
    return "\n".join(lines)
