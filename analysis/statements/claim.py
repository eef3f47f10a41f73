"""One claim on one page: its file, what it says, the rule, what was measured, and how to run it again."""

from __future__ import annotations

import ast
import difflib
import importlib
from pathlib import Path

from analysis import registry
from analysis.runs.experiment import Experiment
from analysis.runs.places import project_root, shown
from analysis.runs.screen import interval

from . import of_claim
from .show import Rows, paragraph


def owner(claim: str) -> Experiment:
    """The registered experiment that holds a claim.

    Raises:
        ValueError: none does; the message names what is nearest.
    """
    holders = {c.id: e for e in map(registry.load, registry.NAMES) for c in e.claims}
    if claim not in holders:
        near = difflib.get_close_matches(claim, [*holders, *registry.NAMES], n=4, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ValueError(f"no experiment or claim {claim!r} is registered{hint}")
    return holders[claim]


def source_file(module: str) -> str:
    """The file of a module, as a reader of a checkout would open it."""
    return shown(Path(str(importlib.import_module(module).__file__)))


def tests_of(claim: str) -> list[str]:
    """Test files that name the claim as a string, then those of its statements; only the latter outside a checkout."""
    root = project_root()
    files = sorted((root / "tests").glob("test_*.py")) if root else []
    naming = [path.name for path in files if not path.name.startswith("test_house") and _names(path, claim)]
    stated = [test.partition("::")[0] for statement in of_claim(claim) for test in statement.tests]
    return [f"tests/{name}" for name in dict.fromkeys(naming + stated)]


def _names(path: Path, claim: str) -> bool:
    return any(isinstance(n, ast.Constant) and n.value == claim for n in ast.walk(ast.parse(path.read_text("utf-8"))))


def page(claim: str, rows: Rows) -> str:
    """A claim in full; `rows` are those of a results folder."""
    experiment = owner(claim)
    question, registered = experiment.question(claim), experiment.claim(claim)
    found = rows.get(claim)
    measured = (
        f"{interval(*(float(found[c]) for c in ('measured', 'low', 'high')))}: {found['verdict']}"
        if found
        else "not decided in this results folder"
    )
    profile = f" --profile {registered.profile}" if registered.profile else ""
    lines = [
        ("file", source_file(question.module)),
        ("statement", registered.statement),
        ("source", registered.source),
        ("kind", registered.kind),
        ("quantity", registered.quantity),
        ("predicted", registered.predicted),
        ("rule", registered.rule),
        ("expected", registered.expected),
        ("measured", measured),
        ("on", ", ".join(statement.id for statement in of_claim(claim)) or "no numbered statement: our own"),
        ("parts", ", ".join(question.parts)),
        ("figures", ", ".join(question.figures) or "-"),
        ("tests", ", ".join(tests_of(claim)) or "-"),
        ("command", f"python -m {experiment.module}{profile}"),
    ]
    return "\n".join([claim, *(paragraph(f"  {label}", text) for label, text in lines)])
