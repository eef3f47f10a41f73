"""Tidy tables: one CSV a part, the same bytes whatever the order in which the cells were finished.

Floats are written with ten significant digits: more than any interval here resolves, and few enough that the last-bit
noise of another processor or library build does not show as a change. Decisions are made on the exact values, not on
the CSV.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.runs.encoding import rows_from_text
from analysis.runs.pooling import SEED, pool
from analysis.runs.store import Record
from analysis.runs.sweep import Planned


@dataclass(frozen=True)
class Table:
    """Rows of one part, sorted by parameters: parameter columns, then measured columns; `status` stands beside.

    `params` names the parameter columns; where cells are computed by several seeds the column `seed` follows them.
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    status: tuple[str, ...]
    params: tuple[str, ...] = ()

    @property
    def seeds(self) -> int:
        """Seeds that computed each cell; 1 where the table has no column of seeds."""
        return 1 + max((row[SEED] for row in self.rows), default=0) if SEED in self.columns else 1

    def pooled(self, values: Mapping[str, str]) -> Table:
        """One row where the seeds have one each; a cell that failed for one seed is failed."""
        if SEED not in self.columns:
            return self

        def cell(row: Mapping[str, Any]) -> str:
            return json.dumps([row.get(p) for p in self.params])

        failed = {cell(row): s for row, s in zip(self.rows, self.status, strict=True) if s != "ok"}
        whole = [row for row in self.rows if cell(row) not in failed]
        frame = pool(Table(self.columns, tuple(whole), ("ok",) * len(whole)).frame(), self.params, values)
        rows = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
        lost = {cell(row): {p: row.get(p) for p in self.params} for row in self.rows if cell(row) in failed}
        columns = tuple(c for c in self.columns if c != SEED)
        return Table(
            columns, (*rows, *lost.values()), ("ok",) * len(rows) + tuple(failed[c] for c in lost), self.params
        )

    def csv(self) -> bytes:
        return csv_bytes(
            [*self.columns, "status"],
            ([row.get(c) for c in self.columns] + [s] for row, s in zip(self.rows, self.status, strict=True)),
        )

    def frame(self):
        """The exact values of the successful rows as a DataFrame."""
        import pandas

        good = [row for row, s in zip(self.rows, self.status, strict=True) if s == "ok"]
        return pandas.DataFrame({c: [row.get(c) for row in good] for c in self.columns})


def build(planned: Sequence[Planned], records: Sequence[Record]) -> dict[str, Table]:
    """One table a part. A failed cell is one row: its parameters and `failed: <error>`."""
    parts: dict[str, list[tuple[Planned, Record]]] = {}
    for cell, record in zip(planned, records, strict=True):
        parts.setdefault(cell.cell.part, []).append((cell, record))
    return {part: _table(cells) for part, cells in parts.items()}


def _table(cells: list[tuple[Planned, Record]]) -> Table:
    names = list(dict.fromkeys(n for p, _ in cells for n in p.params))
    seeded = any(p.cell.seeds > 1 for p, _ in cells)
    cells = sorted(cells, key=lambda c: (c[0].replicate, [_order(c[0].params.get(n)) for n in names]))
    rows, status, measured = [], [], {}
    for planned, record in cells:
        own = {**planned.params, SEED: planned.replicate} if seeded else dict(planned.params)
        if record.done:
            for row in rows_from_text(record.rows):
                rows.append({**own, **row})
                status.append("ok")
                measured.update(dict.fromkeys(row))
        else:
            rows.append(own)
            status.append(f"failed: {record.error.splitlines()[0]}")
    columns = [*names, *([SEED] if seeded else []), *(m for m in measured if m not in names)]
    return Table(tuple(columns), tuple(rows), tuple(status), tuple(names))


def _order(value: Any) -> tuple:
    """Sort key over mixed types: absent, then truth values, numbers, text, lists."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int | float):
        return (2, value) if value == value else (3,)
    if isinstance(value, str):
        return (4, value)
    return (5, [_order(v) for v in value])


def spell(value: Any) -> str:
    """One spelling for one value: integers in full, floats with ten significant digits, None empty, lists as JSON."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value + 0.0:.10g}"  # + 0.0: minus zero has no meaning of its own in a table
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"))
    return str(value)


def csv_bytes(columns: Sequence[str], rows) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([spell(v) for v in row] for row in rows)
    return text.getvalue().encode()


def csv_of_frame(frame) -> bytes:
    """A derived table, in the order its author gave it; its rows are all `ok`."""
    columns = list(frame.columns)
    return csv_bytes(
        [*columns, "status"], ([*row, "ok"] for row in frame.astype(object).itertuples(index=False, name=None))
    )


def read_csv(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def frame_from_csv(data: bytes):
    """A table as a reader of the CSV sees it, successful rows only; figures are drawn from this."""
    import pandas

    frame = pandas.read_csv(io.BytesIO(data), keep_default_na=False, na_values=["", "nan"])
    return frame[frame["status"] == "ok"].drop(columns="status").reset_index(drop=True)


def frames(tables: Mapping[str, Table]) -> dict[str, Any]:
    return {part: table.frame() for part, table in tables.items()}
