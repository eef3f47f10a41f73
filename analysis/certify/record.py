"""What a certificate says: findings, a row a level, and both as text and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from analysis.certify.runs import RUN_COLUMNS, RunRow

if TYPE_CHECKING:
    import pandas

__all__ = [
    "COLUMNS",
    "NUMERIC",
    "Measure",
    "SAMPLER",
    "STRUCTURAL",
    "Certificate",
    "Finding",
    "Found",
    "LevelRow",
    "short",
    "table",
]

STRUCTURAL = ("raises", "wrong_shape", "wrong_dtype", "not_finite", "not_deterministic", "writes_into_input")
NUMERIC = (
    "not_optimal", "level_bias", "wrong_prediction_type", "precision", "not_equivariant", "wrong_dimension",
    "coarse_level_grid",
)  # fmt: skip
SAMPLER = ("wrong_order", "wrong_last_step", "level_not_kept")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: one of `STRUCTURAL`, `NUMERIC` or, of samplers, `SAMPLER`.
        sentence: what it is, in words.
        level: noise level at which it shows most, or None.
        size: how large, in `unit`; None where it has no size.
        low, high: 95 % interval of the size.
        unit: what the size is measured in.
    """

    kind: str
    sentence: str
    level: float | None = None
    size: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""


class Found:
    """What every certificate can do: say whether something was found, and be text or JSON."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def kinds(self) -> list[str]:
        """The kinds of the findings, in their order."""
        return [finding.kind for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers, strings, lists and dictionaries; a number that is not finite is None."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return _plain(plain | {"ok": self.ok, "verdict": self.verdict})

    def to_json(self, path: str | Path | None = None) -> str:
        """The text of certificate.json; written to `path` where one is given."""
        text = json.dumps(self.to_dict(), indent=1) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    @property
    def verdict(self) -> str:
        """One sentence: passes, or what it fails by."""
        return "passes: nothing was found" if self.ok else f"fails: {', '.join(self.kinds())}"

    def lines(self) -> list[str]:
        """How much was found, and what."""
        lines = ["no finding"] if self.ok else [f"{len(self.findings)} finding{'s' * (len(self.findings) > 1)}"]
        return lines + [f"  {f.kind}: {f.sentence}{_sized(f)}" for f in self.findings]


class Measure(NamedTuple):
    """A number that is measured whether or not it is worth a finding, with its 95 % interval."""

    name: str
    value: float
    low: float
    high: float
    unit: str


class LevelRow(NamedTuple):
    """One noise level: see `COLUMNS`."""

    sigma: float
    mmse: float
    gap: float
    gap_low: float
    gap_high: float
    blindness: float
    level_read: float


COLUMNS = {
    "sigma": "noise level, a standard deviation",
    "mmse": "E tr Cov[X | Y]: the risk of the optimal denoiser that is told the level",
    "gap": "E |f - f*|^2 / (mmse + sigma^2/100): excess over the optimal denoiser",
    "gap_low": "lower end of its 95 % interval",
    "gap_high": "upper end of its 95 % interval",
    "blindness": "E |f* - f_sigma|^2 / (mmse + sigma^2/100): what not being told the level costs f*",
    "level_read": "sqrt(E |y - f|^2 / d) / sigma: the level that the residual shows, over the true one",
}


@dataclass(frozen=True)
class Certificate(Found):
    """What `certify` found out.

    Attributes:
        denoiser, law, reference: what was compared with what, in words.
        findings: what is wrong; none where nothing was found.
        levels: a row a noise level; none where the denoiser could not be called.
        points, seed: draws a level, and the seed of all of them.
        measures: how it reads the level, whether it turns with its argument, how many digits it keeps.
        runs: a row a step count: the ledger of a run, and its samples.
        note: why there are no runs, where there are none.
    """

    denoiser: str
    law: str
    reference: str
    findings: tuple[Finding, ...]
    levels: tuple[LevelRow, ...]
    points: int
    seed: int
    measures: tuple[Measure, ...] = ()
    runs: tuple[RunRow, ...] = ()
    note: str = ""
    columns: dict[str, str] = field(default_factory=lambda: COLUMNS | RUN_COLUMNS)

    def to_frame(self, runs: bool = False) -> pandas.DataFrame:
        """The rows of the levels, or of the runs, as a data frame; `columns` says what they mean."""
        import pandas

        rows, columns = (self.runs, RUN_COLUMNS) if runs else (self.levels, COLUMNS)
        return pandas.DataFrame(rows, columns=list(columns))

    def __str__(self) -> str:
        head = [f"denoiser   {self.denoiser}", f"law        {self.law}", f"reference  {self.reference}"]
        head.append(f"points     {self.points} a level, seed {self.seed}")
        measured = [f"{m.name:<13}{short(m.value)} [{short(m.low)}, {short(m.high)}] {m.unit}" for m in self.measures]
        parts = [head, table(COLUMNS, self.levels, 11), measured, _across(self.runs), [self.note] if self.note else []]
        return "\n\n".join("\n".join(lines) for lines in [*parts, self.lines()] if lines)


def table(columns: Iterable[str], rows: Sequence[Sequence[float]], width: int) -> list[str]:
    """Lines of a table of numbers; none without rows.

    >>> table(["x", "y"], [(1.0, 2.0)], 4)
    ['   x   y', '   1   2']
    """
    if not rows:
        return []
    return ["".join(f"{c:>{width}}" for c in columns), *("".join(f"{short(v):>{width}}" for v in r) for r in rows)]


def _across(runs: Sequence[RunRow]) -> list[str]:
    """A line a quantity, a column a step count."""
    if not runs:
        return []
    return [f"{name:<16}" + "".join(f"{short(getattr(row, name)):>11}" for row in runs) for name in RUN_COLUMNS]


def _sized(finding: Finding) -> str:
    if finding.size is None:
        return ""
    interval = ""
    if finding.low is not None and finding.high is not None:
        interval = f", 95 % interval {short(finding.low)} to {short(finding.high)}"
    return f" [{short(finding.size)} {finding.unit}{interval}]"


def short(value: float) -> str:
    """Four digits.

    >>> short(0.123456)
    '0.1235'
    """
    return f"{value:.4g}"


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):  # a row
        return _plain(value._asdict())
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
