"""What the pages show: claims as cards, experiments as sections, from the files of a results folder and the registry.

No times and no machine decide anything here, so the same numbers give the same bytes; the machine stands in the
manifest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis import registry
from analysis.runs import claims_file, manifest, tally
from analysis.runs.claims import Claim, Revision
from analysis.runs.experiment import Experiment, Question
from analysis.runs.screen import interval
from analysis.runs.tables import read_csv

__all__ = ["Card", "Folder", "Section", "Table", "read"]

SHOWN_ROWS = 12
# words of a verdict, by (kind, verdict): a refuted statement of the paper must look refuted, expected or not
TONE = {"holds": "good", "violated": "bad", "inconclusive": "open"}


@dataclass(frozen=True)
class Control:
    """A control of a claim, as it was measured: what it did, and whether it came out as it has to."""

    kind: str
    what: str
    interval: str
    outcome: str
    as_required: bool


@dataclass(frozen=True)
class Card:
    """A decided claim with everything that leads to its evidence."""

    id: str
    kind: str
    source: str
    statement: str
    quantity: str
    measured: str
    predicted: str
    rule: str
    verdict: str
    expected: str
    looser_by: str
    detectable: str
    seeds: str
    note: str
    experiment: str
    command: str
    controls: tuple[Control, ...] = ()
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    file: str = ""
    revised: Revision | None = None
    laws: tuple[str, ...] = ()

    @property
    def tone(self) -> str:
        """How it looks: by what the numbers say of the statement, whatever was registered."""
        return TONE.get(self.verdict, "open")

    @property
    def as_registered(self) -> bool:
        return self.verdict == self.expected

    @property
    def of_paper(self) -> bool:
        return self.kind == "paper"


@dataclass(frozen=True)
class Table:
    """The head of a table: its file in the folder, columns, first rows with short numbers, number of all rows."""

    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int

    @property
    def count(self) -> str:
        return (
            f"{self.total} rows" if len(self.rows) == self.total else f"the first {len(self.rows)} of {self.total} rows"
        )


@dataclass(frozen=True)
class Section:
    """One experiment: its sentence, the command, its figures (stems) and tables."""

    name: str
    summary: str
    command: str
    figures: tuple[str, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Folder:
    """A results folder as the pages show it."""

    cards: tuple[Card, ...]
    sections: tuple[Section, ...]
    captions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    undecided: tuple[Claim, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    decided: tuple[tally.Decided, ...] = ()

    def card(self, identifier: str) -> Card | None:
        return next((c for c in self.cards if c.id == identifier), None)

    @property
    def summary(self) -> str:
        """The tally, as one statement."""
        return tally.sentence(self.decided)


def read(out: Path) -> Folder:
    """Everything that the files of `out` and the registered experiments say."""
    entries = manifest.read(out / manifest.NAME)
    names = sorted(entries, key=registry.order)
    known = {name: found for name in names if (found := _experiment(name, entries[name])) is not None}
    controls = claims_file.read(out / claims_file.CONTROLS, claims_file.CONTROL_COLUMNS)
    rows = claims_file.read(out / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS)
    cards = tuple(
        _card(row, entries.get(row["experiment"], {}), known.get(row["experiment"]), controls) for row in rows
    )
    known_ids = {c.id for c in cards}
    missing = tuple(c for e in known.values() for c in e.claims if c.id not in known_ids)
    captions = {f: c for e in known.values() for f in e.figures if (c := _caption(e, f)) is not None}
    sections = tuple(_section(out, name, entries[name]) for name in names)
    versions = next((dict(entries[n].get("versions", {})) for n in names if entries[n].get("versions")), {})
    decided = tuple(tally.of_rows(rows, {c.id: c.expected for c in cards}))
    return Folder(cards, sections, captions, missing, versions, decided)


def _experiment(name: str, entry: Mapping[str, Any]) -> Experiment | None:
    """The registered experiment of an entry; None for one that lives elsewhere, or no more."""
    return registry.load(name) if name in registry.NAMES else None


def _card(row: dict[str, str], entry: Mapping[str, Any], experiment: Experiment | None, controls) -> Card:
    claim, question = _registered(row["claim"], experiment)
    details = entry.get("claims", {}).get(row["claim"], {})
    files = entry.get("files", {})
    figures = question.figures if question else ()
    tables = tuple(question.parts) if question else ()
    text = " ".join(row[c] for c in ("statement", "quantity", "note"))
    return Card(
        id=row["claim"],
        kind=row["kind"],
        source=row["source"],
        statement=row["statement"],
        quantity=row["quantity"],
        measured=_measured(row),
        predicted=row["predicted"],
        rule=row["rule"],
        verdict=row["verdict"],
        expected=claim.expected if claim else details.get("expected", "?"),
        looser_by=_number(row["looser_by"]),
        detectable=_number(row["detectable"]),
        seeds=row["seeds"],
        note=row["note"],
        experiment=row["experiment"],
        command=entry.get("command", f"python -m analysis.{row['experiment']}"),
        controls=tuple(_control(c) for c in controls if c["claim"] == row["claim"]),
        figures=tuple(f for f in figures if f"figures/{f}.png" in files),
        tables=tuple(f"tables/{t}.csv" for t in tables if f"tables/{t}.csv" in files),
        file=f"{question.module.replace('.', '/')}.py" if question else "",
        revised=claim.revised if claim else None,
        laws=_laws(text),
    )


def _registered(identifier: str, experiment: Experiment | None) -> tuple[Claim | None, Question | None]:
    try:
        if experiment is not None:
            return experiment.claim(identifier), experiment.question(identifier)
    except ValueError:
        pass
    return None, None


def _measured(row: Mapping[str, str]) -> str:
    value, low, high = (float(row[c]) for c in ("measured", "low", "high"))
    if low == high == value:
        return f"{value:.4g}"
    return interval(value, low, high) + (" (range)" if "a range over cells" in row["note"] else "")


def _control(row: Mapping[str, str]) -> Control:
    spread = f"[{float(row['low']):.4g}, {float(row['high']):.4g}]"
    return Control(row["control"], row["what"], spread, row["outcome"], row["as_required"] == "yes")


def _number(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return ""
    return "" if math.isnan(value) else f"{value:.3g}"


def _laws(text: str) -> tuple[str, ...]:
    """Registered laws that a claim's words name."""
    import manifolds

    words = set(re.findall(r"[a-z_]+", text.lower()))
    plural = {w[:-1] for w in words if w.endswith("s")}
    return tuple(name for name in manifolds.names() if name in words or name in plural)


def _caption(experiment: Experiment, figure: str) -> tuple[str, str] | None:
    """(CAPTION, ALT) of the module that draws it."""
    import importlib

    module = importlib.import_module(f"{experiment.drawn_in}.{figure}")
    caption, alt = getattr(module, "CAPTION", ""), getattr(module, "ALT", "")
    return (caption, alt) if caption or alt else None


def _section(out: Path, name: str, entry: Mapping[str, Any]) -> Section:
    files: Sequence[str] = sorted(entry.get("files", {}))
    figures = tuple(Path(f).stem for f in files if f.startswith("figures/") and f.endswith(".png"))
    kept = [f for f in files if f.startswith("tables/") and f.count("/") == 1 and f != claims_file.CONTROLS]
    command = entry.get("command", f"python -m analysis.{name}")
    return Section(name, entry.get("summary", "").strip(), command, figures, tuple(_table(out, f) for f in kept))


def _table(out: Path, relative: str) -> Table:
    rows = read_csv((out / relative).read_bytes()) if (out / relative).is_file() else []
    head = tuple(tuple(_short(v) for v in row.values()) for row in rows[:SHOWN_ROWS])
    return Table(relative, tuple(rows[0]) if rows else (), head, len(rows))


def _short(text: str) -> str:
    try:
        return text if text.lstrip("-").isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text
