"""What a results folder holds, as data frames: `analysis.results()`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas

from analysis.columns import meaning
from analysis.runs.places import results_root

__all__ = ["Results", "dictionary", "results"]


class Results(Mapping[str, pandas.DataFrame]):
    """Tables by name, read when they are asked for.

    Attributes:
        folder: where they lie.
        columns: every column of every table, and of the claims: `table`, `column`, `unit`, `meaning`. The last two are
            empty for columns that `analysis/columns.csv` does not know, as in tables of a reader's own.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._names = sorted(path.stem for path in (folder / "tables").glob("*.csv"))

    def __repr__(self) -> str:
        return f"Results({len(self)} tables)"

    def __getitem__(self, name: str) -> pandas.DataFrame:
        if name not in self._names:
            raise KeyError(name)
        return _read(self.folder / "tables" / f"{name}.csv")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def claims(self) -> pandas.DataFrame:
        """claims.csv: a row a claim.

        Raises:
            ValueError: the folder has none.
        """
        return _read(self.folder / "claims.csv")

    @property
    def columns(self) -> pandas.DataFrame:
        """The dictionary of columns."""
        files = {name: self.folder / "tables" / f"{name}.csv" for name in self._names}
        if (claims := self.folder / "claims.csv").is_file():
            files = {"claims": claims} | files
        rows = [
            (table, column, *meaning(column, table))
            for table, path in files.items()
            for column in _read(path, rows=0).columns
        ]
        return pandas.DataFrame(rows, columns=["table", "column", "unit", "meaning"])


def results(folder: str | Path | None = None) -> Results:
    """The tables and claims of a results folder.

    Args:
        folder: one that an experiment wrote (`--out`); None is results/ of the checkout.

    Raises:
        ValueError: it is no folder, or it holds no tables.

    >>> found = results()
    >>> found["controls"].columns[:2].tolist(), "verdict" in found.claims
    (['claim', 'control'], True)
    """
    path = results_root() if folder is None else Path(folder)
    if not path.is_dir():
        raise ValueError(f"folder must be a results folder, got {str(path)!r}, which is none")
    found = Results(path)
    if not found and not (path / "claims.csv").is_file():
        raise ValueError(f"folder must be a results folder, got {str(path)!r}, which holds no tables/*.csv")
    return found


def dictionary(folder: Path) -> str:
    """COLUMNS.md of a results folder: each meaning of a column, with its unit and the tables that have it.

    >>> dictionary(results_root()).splitlines()[0]
    '# Columns of the tables'
    """
    columns = Results(folder).columns
    lines = ["# Columns of the tables", "", "| column | unit | meaning | tables |", "|---|---|---|---|"]
    for key, rows in columns.groupby(["column", "unit", "meaning"], sort=True):
        name, unit, text = map(str, key)
        tables = list(rows["table"])
        where = ", ".join(tables) if len(tables) <= 3 else f"{len(tables)} tables"
        cells = (value.replace("|", "\\|") for value in (f"`{name}`", unit, text or "unknown", where))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _read(path: Path, rows: int | None = None) -> pandas.DataFrame:
    try:
        # "null" is a kind of control, and no missing number
        return pandas.read_csv(path, nrows=rows, keep_default_na=False, na_values=["", "nan"])
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path}: {' '.join(str(error).split())}") from error
