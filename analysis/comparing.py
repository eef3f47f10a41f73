"""Two results folders side by side: what differs by more than another machine explains.

The same commit, profile and seed give the same bytes on one machine. On another one the last digits differ, training
amplifies them, and Monte Carlo numbers move within their intervals. So verdicts must be the same, a claim's two
intervals must meet, and a number without an interval must agree to `RELATIVE`; of the tables it is only counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas

from analysis.reading import Results, results

__all__ = ["Comparison", "compare"]

RELATIVE = 1e-6  # tables keep ten digits; rounding on another processor moves the ninth, sums of it a few more


@dataclass(frozen=True)
class Comparison:
    """What two folders say of the same things.

    Attributes:
        claims: a row for each claim that is in either: `claim`, `verdict`, `verdict_other`, `measured`,
            `measured_other`, `shift` (difference over the sum of the half widths; nan where neither has an interval),
            `differs` (why, or empty).
        tables: a row for each table in either: `table`, `rows`, `rows_other`, `values` (numbers compared), `beyond`
            (how many differ by more than `RELATIVE`), `largest` (relative difference), `differs` (why no number of it
            could be compared, or empty).
    """

    claims: pandas.DataFrame
    tables: pandas.DataFrame

    @property
    def same(self) -> bool:
        """Whether no claim differs; tables that moved within the claims' intervals do not count."""
        return not (self.claims["differs"] != "").any()

    def __str__(self) -> str:
        from analysis.runs.screen import columns

        lines = []
        other = self.claims[self.claims["differs"] != ""]
        if len(other):
            rows: list[tuple] = [
                (r.claim, f"{r.measured:.4g}", f"{r.measured_other:.4g}", r.verdict, r.verdict_other, r.differs)
                for r in other.itertuples()
            ]
            lines.append(columns(("claim", "measured", "other", "verdict", "other", "why it differs"), rows, width=100))
        moved = self.tables[(self.tables["beyond"] > 0) | (self.tables["differs"] != "")]
        if len(moved):
            rows = [
                (r.table, r.rows, r.rows_other, f"{r.beyond} of {r.values}", f"{r.largest:.2g}", r.differs)
                for r in moved.itertuples()
            ]
            head = ("table", "rows", "other", f"numbers off by > {RELATIVE:g}", "largest", "not compared because")
            lines.append(columns(head, rows, width=100))
        lines.append(
            f"{len(self.claims) - len(other)} of {len(self.claims)} claims are the same within their intervals; "
            f"{len(self.tables) - len(moved)} of {len(self.tables)} tables are the same to {RELATIVE:g}"
        )
        return "\n\n".join(lines)


def compare(folder: str | Path, other: str | Path) -> Comparison:
    """The claims and tables of two results folders, for instance the committed one and one's own.

    Args:
        folder, other: folders that an experiment wrote (`--out`).

    Raises:
        ValueError: one is no folder, or holds no tables or no claims.

    >>> from analysis.runs.places import results_root
    >>> compare(results_root(), results_root()).same
    True
    """
    one, two = results(folder), results(other)
    return Comparison(_claims(one.claims, two.claims), _tables(one, two))


def _claims(one: pandas.DataFrame, two: pandas.DataFrame) -> pandas.DataFrame:
    first, second = ({str(r.claim): r for r in frame.itertuples()} for frame in (one, two))
    rows = []
    for name in dict.fromkeys([*first, *second]):
        a, b = first.get(name), second.get(name)
        shift = float("nan")
        if a is None or b is None:
            why = f"only in the {'other' if a is None else 'first'} folder"
        else:
            shift, why = _shift(a, b)
        rows.append(
            {
                "claim": name,
                "verdict": getattr(a, "verdict", "-"),
                "verdict_other": getattr(b, "verdict", "-"),
                "measured": getattr(a, "measured", float("nan")),
                "measured_other": getattr(b, "measured", float("nan")),
                "shift": shift,
                "differs": why,
            }
        )
    names = ["claim", "verdict", "verdict_other", "measured", "measured_other", "shift", "differs"]
    return pandas.DataFrame(rows, columns=names)


def _shift(a, b) -> tuple[float, str]:
    """(difference over the sum of the half widths, why the two are not the same)."""
    widths = (a.high - a.low) / 2 + (b.high - b.low) / 2
    apart = abs(a.measured - b.measured)
    shift = apart / widths if widths > 0 else float("nan")
    if a.verdict != b.verdict:
        return shift, "another verdict"
    if a.rule != b.rule:
        return shift, "another rule"
    # a number is an interval of no width: rounding alone may part two of them
    off = _relative(np.array([a.measured]), np.array([b.measured]))[0]
    if (a.low > b.high or b.low > a.high) and off > RELATIVE:
        return shift, "intervals do not meet" if widths > 0 else "another number"
    return shift, ""


def _tables(one: Results, two: Results) -> pandas.DataFrame:
    rows = [_table(name, one, two) for name in sorted(set(one) | set(two)) if name != "controls"]
    return pandas.DataFrame(rows, columns=["table", "rows", "rows_other", "values", "beyond", "largest", "differs"])


def _table(name: str, one: Results, two: Results) -> dict:
    a, b = one.get(name), two.get(name)
    found = {
        "table": name,
        "rows": 0 if a is None else len(a),
        "rows_other": 0 if b is None else len(b),
        "values": 0,
        "beyond": 0,
        "largest": 0.0,
        "differs": "",
    }
    if a is None or b is None:
        return found | {"differs": f"only in the {'other' if a is None else 'first'} folder"}
    if list(a.columns) != list(b.columns) or len(a) != len(b):
        return found | {"differs": "other columns" if list(a.columns) != list(b.columns) else "another number of rows"}
    differences = [_column(a[c], b[c]) for c in a.columns]
    every = np.concatenate(differences) if differences else np.zeros(0)
    largest = float(every.max(initial=0.0))
    return found | {"values": every.size, "beyond": int((every > RELATIVE).sum()), "largest": largest}


def _column(a: pandas.Series, b: pandas.Series) -> np.ndarray:
    """Relative differences; words differ by 1 or not at all."""
    if pandas.api.types.is_numeric_dtype(a) and pandas.api.types.is_numeric_dtype(b):
        return _relative(a.to_numpy(float), b.to_numpy(float))
    first, second = (v.astype(object).where(v.notna(), "").to_numpy() for v in (a, b))
    return (first != second).astype(float)


def _relative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| over the larger of the two; 0 where both are the same, nan included; inf where one alone is finite."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    return np.where(same, 0.0, np.where(np.isfinite(off), off, np.inf))


def command(names: Sequence[str]) -> tuple[str, int]:
    """(what `python -m analysis compare` prints, its exit status): 1 if a claim differs.

    Raises:
        ValueError: not two folders, or one of them is none.
    """
    if len(names) != 2:
        raise ValueError(f"must be two results folders, got {len(names)}: {' '.join(names) or 'none'}")
    found = compare(*names)
    return str(found), 0 if found.same else 1
