"""What a certificate on data without a law says, and what it says that it cannot say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from analysis.certify.record import Finding, Found, Measure, short, table

if TYPE_CHECKING:
    import pandas

__all__ = ["ASSUMED", "DATA_COLUMNS", "UNKNOWN", "UNTOLD", "AssumedRow", "DataCertificate", "DataRow"]

UNKNOWN = (
    "the gap to the optimal denoiser: the error shown is an upper bound of the mmse, and so is k_eff",
    "the start, the discretisation and the learning term of a run's ledger, which need the mmse",
    "whether an error is the law's or the sample's: data that the denoiser was trained on look better than they are",
    "the manifold dimension k, and the paper's k_cov, which is larger; k_eff is a dimension at one noise level",
)
UNTOLD = "the price of blindness: it needs a denoiser that can be told another level (against=)"


class DataRow(NamedTuple):
    """One noise level: see `DATA_COLUMNS`."""

    sigma: float
    mse: float
    k_eff: float
    k_low: float
    k_high: float
    k2_over_d: float
    level_read: float
    level_corrected: float
    probes_agree: bool
    blind_told: float
    blind_told_low: float
    blind_told_high: float


DATA_COLUMNS = {
    "sigma": "noise level, a standard deviation",
    "mse": "E |f - x|^2, summed over coordinates",
    "k_eff": "mse / sigma^2: an upper bound of mmse/sigma^2, the dimension that data have at this level",
    "k_low": "lower end of its 95 % interval",
    "k_high": "upper end of its 95 % interval",
    "k2_over_d": "k_eff^2 / d, which premise (A2) of the paper asks to be small",
    "level_read": "sqrt(E |f - y|^2 / d) / sigma: the level that the residual shows, over the true one",
    "level_corrected": "the same with d - div f for d, which is unbiased for an optimal denoiser",
    "probes_agree": "whether two random probes of div f agree; the corrected level is missing if not",
    "blind_told": "(error of the blind one - error of the told one) / error of the told one",
    "blind_told_low": "lower end of its 95 % interval",
    "blind_told_high": "upper end of its 95 % interval",
}


class AssumedRow(NamedTuple):
    """Error at assumed levels over that at the true one (figure 6 of arXiv 2602.09639); the names are the factors."""

    sigma: float
    x0_5: float
    x0_7: float
    x0_85: float
    x1: float
    x1_2: float
    x1_4: float
    x2: float


ASSUMED = {
    name: "noise level"
    if name == "sigma"
    else f"error at {name[1:].replace('_', '.')} times the true level, over its own"
    for name in AssumedRow._fields
}


@dataclass(frozen=True)
class DataCertificate(Found):
    """What `certify_data` found out.

    Attributes:
        denoiser, data: what was looked at, in words.
        findings: what no optimal denoiser would do.
        levels: a row a noise level.
        assumed: a row a noise level, of a denoiser that is told it.
        measures: the price of blindness that an optimal blind denoiser of these data pays, predicted.
        unknown: what cannot be known without the law.
    """

    denoiser: str
    data: str
    findings: tuple[Finding, ...]
    levels: tuple[DataRow, ...]
    assumed: tuple[AssumedRow, ...]
    measures: tuple[Measure, ...]
    unknown: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=lambda: DATA_COLUMNS | ASSUMED)

    def to_frame(self, assumed: bool = False) -> pandas.DataFrame:
        """The rows of the levels, or those of the assumed levels, as a data frame; `columns` says what they mean."""
        import pandas

        rows, columns = (self.assumed, ASSUMED) if assumed else (self.levels, DATA_COLUMNS)
        return pandas.DataFrame(rows, columns=list(columns))

    def __str__(self) -> str:
        head = [f"denoiser   {self.denoiser}", f"data       {self.data}"]
        shown = [
            name for name in DATA_COLUMNS if name[:5] not in ("blind", "probe") and name[:2] != "k_" or name == "k_eff"
        ]
        shown += ["blind_told"] if any(row.blind_told == row.blind_told for row in self.levels) else []
        levels = table(shown, [[getattr(row, name) for name in shown] for row in self.levels], 16)
        curve = table(["sigma", *(f[1:].replace("_", ".") for f in AssumedRow._fields[1:])], self.assumed, 10)
        measured = [f"{m.name:<9}{short(m.value)} [{short(m.low)}, {short(m.high)}] {m.unit}" for m in self.measures]
        unknown = ["cannot be known without the law:", *(f"  {line}" for line in self.unknown)]
        if curve:
            curve = ["error when told another level, over that at the true one; columns: told / true", *curve]
        return "\n\n".join("\n".join(p) for p in [head, levels, curve, measured, unknown, self.lines()] if p)
