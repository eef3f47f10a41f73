"""The page and the report from one set of data, by templates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from analysis.report.abstract import answers
from analysis.report.concordance import lines
from analysis.report.data import Card, Folder
from analysis.runs.tables import frame_from_csv

__all__ = ["markdown", "page"]

TITLE = "When does a diffusion sampler work without being told the noise level, and what does that cost?"
LEAD = (
    "Measured verdicts on arXiv 2602.09639, on data where the truth is known. Each claim has a rule in code, a control "
    "that must hold and a sabotage that must be caught. A claim says where its limit was set after a pilot; its note "
    "says where no sabotage stands near the limit yet."
)
CENTRAL = "price_against_d"
TEMPLATES = Path(__file__).with_name("templates")
LOOSE = 2.0  # a bound this many times what is measured counts as looser than printed


def page(folder: Folder, out: Path) -> str:
    """index.html: stands by itself, works from a file and without a network."""
    environment = _environment(escape=True)
    shown: set[str] = set()

    def figure(name: str, fallback: bool = False) -> Markup:
        """With its anchor where it stands first; a fallback, which scripts take out of the page, has none."""
        caption, alt = folder.captions.get(name, ("", name.replace("_", " ")))
        first = name not in shown and not fallback
        shown.update(() if fallback else (name,))
        linked = "pdf" if (out / "figures" / f"{name}.pdf").is_file() else "png"  # a smoke run draws no PDF
        words = {"name": name, "caption": caption, "alt": alt, "prefix": "figure-" if first else "again-"}
        words["linked"] = f"figures/{name}.{linked}"
        return Markup(environment.get_template("figure.html.j2").render(**words))

    lists = _lists(folder)
    parts = [
        ("answers", "answers"),
        ("central", "figure"),
        ("explorer", "price"),
        ("run", "a run"),
        ("claims", "claims"),
    ]
    parts += [(anchor, heading.lower()) for anchor, heading, _, _ in lists]
    parts += [("concordance", "the paper"), ("experiments", "experiments"), ("provenance", "provenance")]
    drawn = {f for s in folder.sections for f in s.figures}
    explorer, run = _explorer(out), _run(out)
    found = answers(folder)
    concordance = lines(folder)
    there = {
        "answers": found,
        "concordance": concordance,
        "central": CENTRAL in drawn,
        "explorer": explorer,
        "run": run,
    }
    return environment.get_template("page.html.j2").render(
        **_shared(folder, lists, found),
        parts=[p for p in parts if there.get(p[0], True)],
        central=CENTRAL if CENTRAL in drawn else "",
        explorer=explorer,
        run=run,
        drawn=drawn,
        concordance=concordance,
        figure=figure,
        filters=_filters(folder),
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
    )


def markdown(folder: Folder, out: Path) -> str:
    """REPORT.md: the same on paper."""
    environment = _environment(escape=False)
    lists = _lists(folder)
    text = environment.get_template("report.md.j2").render(
        **_shared(folder, lists, answers(folder)),
        concordance=lines(folder),
        caption=lambda f: folder.captions.get(f, ("", ""))[0],
        alt=lambda f: folder.captions.get(f, ("", ""))[1] or f,
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def _environment(escape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=escape, undefined=jinja2.StrictUndefined,
        keep_trailing_newline=not escape,
    )  # fmt: skip
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    return environment


def _shared(folder: Folder, lists: Any, found: Any) -> dict[str, Any]:
    return {
        "title": TITLE,
        "lead": LEAD,
        "folder": folder,
        "answers": found,
        "lists": lists,
        "tally": _contradicted(folder),
    }


def _contradicted(folder: Folder) -> str:
    violated = [c.id for c in folder.cards if c.verdict == "violated" and c.of_paper]
    return f"Statements of the paper that the numbers contradict: {', '.join(violated)}." if violated else ""


def _lists(folder: Folder) -> list[tuple[str, str, str, list[Card]]]:
    """The lists beside the claims: (anchor, heading, a sentence, cards); empty ones are left out."""
    wanted: tuple[tuple[str, str, str, Callable[[Card], bool]], ...] = (
        (
            "corrected",
            "Printed, measured, corrected",
            "Statements that the numbers contradict; the corrected form is a claim of its own.",
            lambda c: c.verdict == "violated",
        ),
        (
            "looser",
            "Looser than printed",
            "Statements that hold with room to spare: the bound over what was measured.",
            lambda c: bool(c.looser_by) and float(c.looser_by) >= LOOSE,
        ),
        (
            "revised",
            "Revised claims",
            "Claims that could not have failed, or said less than they seemed to; what stands there now.",
            lambda c: c.revised is not None,
        ),
        (
            "negative",
            "Negative controls",
            "Claims about where the theory must fail.",
            lambda c: c.kind == "control",
        ),
        ("neighbours", "Neighbours' theorems", "Other papers on the same bed.", lambda c: c.kind == "neighbour"),
    )
    found = [(a, h, w, [c for c in folder.cards if fits(c)]) for a, h, w, fits in wanted]
    return [row for row in found if row[3]]


def _filters(folder: Folder) -> list[tuple[str, list[str]]]:
    cards = folder.cards
    return [
        ("verdict", sorted({c.verdict for c in cards})),
        ("kind", sorted({c.kind for c in cards})),
        ("experiment", list(dict.fromkeys(c.experiment for c in cards))),
        ("law", sorted({law for c in cards for law in c.laws})),
    ]


def _explorer(out: Path) -> str:
    """Laws with their k, core dimension and J, from the measured prices at the largest d of each."""
    path = out / "tables" / "theorems_price.csv"
    if not path.is_file():
        return ""
    table = frame_from_csv(path.read_bytes())
    rows = table.sort_values("ambient").groupby("law").tail(1).sort_values("law")
    laws = [{"name": "gaussian", "k": 2, "m": 0, "J": 2.0}]
    laws += [
        {"name": r.law, "k": int(r.dim), "m": int(r.core_dim), "J": round(float(r.J), 4)}
        for r in rows.itertuples()
        if r.law != "gaussian"
    ]
    return json.dumps(laws, separators=(",", ":"))


def _run(out: Path) -> str:
    """Sixteen blind runs of figure 2 in d = 2 and 500: first two coordinates and the level that each reads."""
    path = out / "tables" / "figure2.csv"
    if not path.is_file():
        return ""
    table = frame_from_csv(path.read_bytes())
    table = table[(table["row"] == "path") & (table["denoiser"] == "plug-in")]
    found = {}
    for d, of_d in table.groupby("ambient"):
        paths = [
            [[round(float(v), 2) for v in p] for p in of_path.sort_values("step")[["y1", "y2", "sigma_hat"]].to_numpy()]
            for _, of_path in of_d.groupby("index")
        ]
        levels = of_d[of_d["index"] == of_d["index"].min()].sort_values("step")["sigma"]
        found[str(int(d))] = {"sigma": [round(float(s), 4) for s in levels], "paths": paths}
    return json.dumps(found, separators=(",", ":")) if {"2", "500"} <= set(found) else ""
