"""REPORT.md and index.html of a results folder: what stands, each claim with its evidence, figures and tables.

Made only from the files of the folder (claims, controls, tables, manifest) and the registry; no times and no machine,
so the same numbers give the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from analysis import readme
from analysis.reading import dictionary
from analysis.report.data import read
from analysis.report.pages import markdown, page
from analysis.runs import manifest
from analysis.runs.files import Publication, StorageError
from analysis.runs.places import project_root, results_root, shown

__all__ = ["write"]

COLUMNS = "COLUMNS.md"


def write(out: Path) -> int:
    """Write both files, and the table of README.md if the folder is the checkout's own; returns the exit status."""
    if not (out / manifest.NAME).is_file():
        raise StorageError(f"no results in {shown(out)}: run an experiment first (python -m analysis run)")
    folder = read(out)
    with Publication(out) as publication:
        publication.add("REPORT.md", markdown(folder, out).encode())
        publication.add(COLUMNS, dictionary(out).encode())
        publication.add("index.html", page(folder, out).encode())
        publication.commit()
    root = project_root()
    if root is not None and out.resolve() == results_root():
        with Publication(root) as publication:
            publication.add("README.md", readme.update(root / "README.md", out))
            publication.commit()
    return 0
