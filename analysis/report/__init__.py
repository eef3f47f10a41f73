"""REPORT.md and index.html of a results folder: the verdicts with their commands, then each experiment's figures and tables.

Made only from the files of the folder (claims, controls, tables, manifest); no times and no machine, so the same numbers
give the same bytes.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis import readme, registry
from analysis.runs import claims_file, manifest
from analysis.runs.files import Publication, StorageError
from analysis.runs.places import project_root, results_root, shown
from analysis.runs.screen import interval
from analysis.runs.tables import read_csv

TITLE = "Blind diffusion samplers: measured claims"
SHOWN_ROWS = 12
VERDICTS = (
    "claim",
    "statement",
    "quantity",
    "measured [95 % interval]",
    "predicted",
    "rule",
    "verdict",
    "expected",
    "command",
)


@dataclass(frozen=True)
class Section:
    """One experiment: its sentence, the command, and its files relative to the folder."""

    name: str
    summary: str
    command: str
    figures: tuple[str, ...]
    tables: tuple[str, ...]


def write(out: Path) -> int:
    """Write both files, and the table of README.md if the folder is the checkout's own; returns the exit status."""
    if not (out / manifest.NAME).is_file():
        raise StorageError(f"no results in {shown(out)}: run an experiment first (python -m analysis run)")
    entries = manifest.read(out / manifest.NAME)
    sections = [_section(name, entries[name]) for name in sorted(entries, key=registry.order)]
    claims = _verdicts(out, entries)
    controls = claims_file.read(out / claims_file.CONTROLS, claims_file.CONTROL_COLUMNS)
    with Publication(out) as publication:
        publication.add("REPORT.md", _markdown(out, sections, claims, controls).encode())
        publication.add("index.html", _html(out, sections, claims, controls).encode())
        publication.commit()
    root = project_root()
    if root is not None and out.resolve() == results_root():
        with Publication(root) as publication:
            publication.add("README.md", readme.update(root / "README.md", out))
            publication.commit()
    return 0


def _section(name: str, entry: dict) -> Section:
    files = sorted(entry.get("files", {}))
    figures = tuple(f for f in files if f.startswith("figures/") and f.endswith(".png"))
    tables = tuple(f for f in files if f.startswith("tables/") and f != claims_file.CONTROLS)
    return Section(name, entry.get("summary", ""), entry.get("command", f"python -m analysis.{name}"), figures, tables)


def _verdicts(out: Path, entries: dict) -> list[tuple[str, ...]]:
    """One row a claim, in the order of VERDICTS."""
    rows = []
    for row in claims_file.read(out / claims_file.CLAIMS, claims_file.CLAIM_COLUMNS):
        entry = entries.get(row["experiment"], {})
        details = entry.get("claims", {}).get(row["claim"], {})
        expected = details.get("expected", "?")
        verdict = row["verdict"] + (f" ({details['reason']})" if details.get("reason") else "")
        measured = interval(*(float(row[c]) for c in ("measured", "low", "high")))
        statement = f"{row['statement']} ({row['source']})"
        command = entry.get("command", f"python -m analysis.{row['experiment']}")
        rows.append(
            (
                row["claim"],
                statement,
                row["quantity"],
                measured,
                row["predicted"],
                row["rule"],
                verdict,
                expected,
                command,
            )
        )
    return rows


def _summary(claims: Sequence[tuple[str, ...]]) -> str:
    good = sum(row[6] == row[7] or row[6].startswith(row[7] + " (") for row in claims)
    return f"{good} of {len(claims)} claims have the verdict that was registered for them before the run."


CONTROL_NOTE = (
    "Each claim was also measured where the answer is known: with the truth (null, must hold) and with a sabotage "
    "(power, must be violated), under the same rule."
)


def _controls_table(controls: Sequence[dict]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    header = ("claim", "control", "what", "interval", "outcome", "as required")
    rows = [
        (
            c["claim"],
            c["control"],
            c["what"],
            f"[{float(c['low']):.4g}, {float(c['high']):.4g}]",
            c["outcome"],
            c["as_required"],
        )
        for c in controls
    ]
    return header, rows


def _table(out: Path, relative: str) -> tuple[list[str], list[list[str]], int]:
    """Header, the first rows with short numbers, and the number of all rows."""
    rows = read_csv((out / relative).read_bytes()) if (out / relative).is_file() else []
    header = list(rows[0]) if rows else []
    return header, [[_short(v) for v in row.values()] for row in rows[:SHOWN_ROWS]], len(rows)


def _short(text: str) -> str:
    try:
        return text if text.lstrip("-").isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text


# Markdown


def _markdown(out: Path, sections: Sequence[Section], claims, controls) -> str:
    lines = [f"# {TITLE}", "", _summary(claims), ""]
    lines += _md_table(VERDICTS, [(*row[:-1], f"`{row[-1]}`") for row in claims])
    lines += ["", "## Controls", "", CONTROL_NOTE, "", *_md_table(*_controls_table(controls))]
    for s in sections:
        lines += ["", f"## {s.name}", "", s.summary.strip(), "", f"`{s.command}`"]
        for figure in s.figures:
            lines += ["", f"![{Path(figure).stem}]({figure})"]
        for table in s.tables:
            header, rows, total = _table(out, table)
            lines += ["", f"[{table}]({table}), {_rows(len(rows), total)}", "", *_md_table(header, rows)]
    return "\n".join(lines) + "\n"


def _rows(shown_rows: int, total: int) -> str:
    return f"{total} rows" if shown_rows == total else f"the first {shown_rows} of {total} rows"


def _md_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return [line(header), line("---" for _ in header), *(line(row) for row in rows)] if header else []


# HTML

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; margin: 1em 0; }
th, td { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top; }
th { background: #f3f3f3; } code { background: #f3f3f3; padding: .1em .3em; } img { max-width: 100%; }
.good { background: #e3f4e3; } .bad { background: #fbe0de; }
"""


def _html(out: Path, sections: Sequence[Section], claims, controls) -> str:
    body = [f"<h1>{html.escape(TITLE)}</h1>", f"<p>{html.escape(_summary(claims))}</p>"]
    marks = ["good" if row[6].partition(" (")[0] == row[7] else "bad" for row in claims]
    body.append(_html_table(VERDICTS, claims, marks))
    body += ["<h2>Controls</h2>", f"<p>{html.escape(CONTROL_NOTE)}</p>"]
    header, rows = _controls_table(controls)
    body.append(_html_table(header, rows, ["good" if r[-1] == "yes" else "bad" for r in rows]))
    for s in sections:
        body += [
            f"<h2 id='{html.escape(s.name)}'>{html.escape(s.name)}</h2>",
            f"<p>{html.escape(s.summary.strip())}</p>",
        ]
        body.append(f"<p><code>{html.escape(s.command)}</code></p>")
        for figure in s.figures:
            pdf = figure.removesuffix(".png") + ".pdf"
            alt = html.escape(Path(figure).stem)
            body.append(f"<p><a href='{html.escape(pdf)}'><img src='{html.escape(figure)}' alt='{alt}'></a></p>")
        for table in s.tables:
            columns, first, total = _table(out, table)
            name = html.escape(table)
            body.append(f"<p><a href='{name}'>{name}</a>, {_rows(len(first), total)}</p>")
            body.append(_html_table(columns, first, [""] * len(first)))
    head = f"<meta charset='utf-8'><title>{html.escape(TITLE)}</title><style>{STYLE}</style>"
    return f"<!doctype html>\n<html lang='en'><head>{head}</head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]], marks: Sequence[str]) -> str:
    def cells(tag: str, row: Iterable[str]) -> str:
        return "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in row)

    lines = [f"<tr class='{m}'>{cells('td', row)}</tr>" for row, m in zip(rows, marks, strict=True)]
    return "<table><tr>" + cells("th", header) + "</tr>\n" + "\n".join(lines) + "</table>" if header else ""
