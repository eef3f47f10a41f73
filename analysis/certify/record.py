"""What a certificate says: findings, a row a level, and both as text and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMNS", "NUMERIC", "STRUCTURAL", "Certificate", "Finding", "LevelRow"]

STRUCTURAL = ("raises", "wrong_shape", "wrong_dtype", "not_finite", "not_deterministic", "writes_into_input")
NUMERIC = (
    "not_optimal", "level_bias", "wrong_prediction_type", "precision", "not_equivariant", "wrong_dimension",
    "coarse_level_grid",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: one of `STRUCTURAL` or `NUMERIC`.
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
class Certificate:
    """What `certify` found out.

    Attributes:
        denoiser, law, reference: what was compared with what, in words.
        findings: what is wrong; none where nothing was found.
        levels: a row a noise level; none where the denoiser could not be called.
        points, seed: draws a level, and the seed of all of them.
    """

    denoiser: str
    law: str
    reference: str
    findings: tuple[Finding, ...]
    levels: tuple[LevelRow, ...]
    points: int
    seed: int
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def kinds(self) -> list[str]:
        """The kinds of the findings, in their order."""
        return [finding.kind for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """Everything as numbers, strings, lists and dictionaries; a number that is not finite is None."""
        plain = asdict(self) | {"ok": self.ok, "levels": [row._asdict() for row in self.levels]}
        return _finite(plain)

    def to_json(self, path: str | Path | None = None) -> str:
        """The text of certificate.json; written to `path` where one is given."""
        text = json.dumps(self.to_dict(), indent=1) + "\n"
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_frame(self) -> pandas.DataFrame:
        """The rows of the levels as a data frame; `columns` says what they mean."""
        import pandas

        return pandas.DataFrame(self.levels, columns=list(COLUMNS))

    def __str__(self) -> str:
        head = [f"denoiser   {self.denoiser}", f"law        {self.law}", f"reference  {self.reference}"]
        head.append(f"points     {self.points} a level, seed {self.seed}")
        lines = ["".join(f"{name:>11}" for name in COLUMNS)] if self.levels else []
        lines += ["".join(f"{_short(value):>11}" for value in row) for row in self.levels]
        verdict = ["no finding"] if self.ok else [f"{len(self.findings)} finding{'s' * (len(self.findings) > 1)}"]
        verdict += [f"  {f.kind}: {f.sentence}{_sized(f)}" for f in self.findings]
        return "\n".join([*head, "", *lines, *([""] if lines else []), *verdict])


def _sized(finding: Finding) -> str:
    if finding.size is None:
        return ""
    interval = ""
    if finding.low is not None and finding.high is not None:
        interval = f", 95 % interval {_short(finding.low)} to {_short(finding.high)}"
    return f" [{_short(finding.size)} {finding.unit}{interval}]"


def _short(value: float) -> str:
    return f"{value:.4g}"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
