"""claims.csv and controls.csv: rows of this experiment are replaced, rows of others stay."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from analysis import registry
from analysis.runs.claims import NEAR, REQUIRED, Claim, Verdict, compare, reach
from analysis.runs.files import StorageError
from analysis.runs.tables import csv_bytes, read_csv

CLAIMS = "claims.csv"
CONTROLS = "tables/controls.csv"
CLAIM_COLUMNS = (
    "claim", "source", "statement", "quantity", "measured", "low", "high", "predicted", "rule", "verdict", "experiment",
    "kind", "looser_by", "detectable", "seeds", "note",
)  # fmt: skip
FAR = f"no power control within a factor {NEAR:g} of the limit"  # said of a claim that needs none yet
CONTROL_COLUMNS = ("claim", "control", "what", "low", "high", "outcome", "required", "as_required", "experiment")


def claim_rows(verdicts: Sequence[Verdict], experiment: str) -> list[dict]:
    return [
        {
            "claim": v.claim.id,
            "source": v.claim.source,
            "statement": v.claim.statement,
            "quantity": v.claim.quantity,
            "measured": float(v.measurement.measured),
            "low": float(v.measurement.low),
            "high": float(v.measurement.high),
            "predicted": v.claim.predicted,
            "rule": v.claim.rule,
            "verdict": v.outcome,
            "experiment": experiment,
            "kind": v.claim.kind,
            "looser_by": v.measurement.looser_by,
            "detectable": v.detectable,
            "seeds": max(len(v.measurement.seeds), 1),
            "note": _note(v),
        }
        for v in verdicts
    ]


def elsewhere(
    out: Path, claims: Iterable[Claim], experiment: str
) -> tuple[list[dict[str, str]], list[dict[str, str]], list[Claim]]:
    """What the longer profiles, in folders of `out` that bear their names, say of claims that they alone decide.

    Rows of claims.csv and of controls.csv, and the claims. A verdict under another wording or rule is not taken over.
    """
    rows: list[dict[str, str]] = []
    controls: list[dict[str, str]] = []
    found: list[Claim] = []
    for claim in claims:
        folder = out / claim.profile
        for row in read(folder / CLAIMS, CLAIM_COLUMNS) if claim.profile else ():
            stated = (row["claim"], row["experiment"], row["statement"], row["rule"])
            if stated == (claim.id, experiment, claim.statement, claim.rule):
                rows.append(row)
                controls += [r for r in read(folder / CONTROLS, CONTROL_COLUMNS) if r["claim"] == claim.id]
                found.append(claim)
    return rows, controls, found


def _note(verdict: Verdict) -> str:
    """Beside the number: the deciding cell, what the interval is, why it is inconclusive or wide, and more."""
    claim, m = verdict.claim, verdict.measurement
    words = [
        verdict.reason,
        f"decided by {m.cell}" if m.cell else "",
        {"range": "a range over cells, not an interval", "number": "a number without sampling error"}.get(m.span, ""),
        f"detectable effect: {claim.wide}" if claim.wide else "",
        "" if claim.strict or reach(claim, m) <= NEAR else FAR,
        f"decided by --profile {claim.profile}" if claim.profile else "",
        m.note,
    ]
    return "; ".join(w for w in words if w)


def control_rows(verdicts: Sequence[Verdict], experiment: str) -> list[dict]:
    rows = []
    for v in verdicts:
        for c in v.measurement.controls:
            outcome = compare(c.low, c.high, v.claim.allowed)
            rows.append(
                {
                    "claim": v.claim.id,
                    "control": c.kind,
                    "what": c.what,
                    "low": float(c.low),
                    "high": float(c.high),
                    "outcome": outcome,
                    "required": REQUIRED[c.kind],
                    "as_required": "yes" if outcome == REQUIRED[c.kind] else "no",
                    "experiment": experiment,
                }
            )
    return rows


def read(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of an existing file; a file with other columns is not one of ours and counts as empty.

    Raises:
        StorageError: the file is not what this suite wrote (one line says where).
    """
    if not path.is_file():
        return []
    try:
        rows = read_csv(path.read_bytes())
    except (OSError, ValueError, csv.Error) as error:
        raise StorageError(f"cannot read {path}: {error}") from error
    if not rows or tuple(rows[0])[: len(columns)] != tuple(columns):
        return []
    for number, row in enumerate(rows, start=2):
        if tuple(row) != tuple(columns) or None in row.values():
            raise StorageError(f"cannot read {path}: row {number} does not have {len(columns)} columns")
        for name in {"measured", "low", "high"} & set(columns):
            if not _is_number(row[name]):
                raise StorageError(f"cannot read {path}: row {number}, {name} is no number: {row[name][:40]!r}")
    return rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def merge(path: Path, columns: Sequence[str], rows: list[dict], experiment: str) -> bytes:
    """The file's new content: other experiments' rows as they are, in the order of the registry."""
    kept: list[dict] = [r for r in read(path, columns) if r["experiment"] != experiment]
    merged = sorted(kept + rows, key=lambda r: registry.order(r["experiment"]))
    return csv_bytes(columns, ([r[c] for c in columns] for r in merged))
