"""One measurement for a claim about every cell of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.runs.claims import VIOLATED, Claim, Control, Measurement, compare

__all__ = ["every_cell"]


def every_cell(
    claims: Sequence[Claim],
    identifier: str,
    value: float,
    low: Iterable[float],
    high: Iterable[float],
    controls: Sequence[Control],
    note: str = "",
) -> Measurement:
    """Of the claim of that name: the widest interval over cells, which is allowed only if every cell's is; or that of
    the cell that refutes the claim.

    One cell whose interval lies outside the allowed range is enough to refute: of these the farthest speaks for all, by
    its middle. `value` is what is reported otherwise (a mean or the largest, as the claim's quantity says).
    """
    claim = next(c for c in claims if c.id == identifier)
    cells = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    refuting = [cell for cell in cells if compare(*cell, claim.allowed) == VIOLATED]
    if refuting:
        a, b = max(refuting, key=lambda cell: max(cell[0] - claim.allowed[1], claim.allowed[0] - cell[1]))
        return Measurement(claim.id, (a + b) / 2, a, b, controls, note)
    return Measurement(claim.id, float(value), min(a for a, _ in cells), max(b for _, b in cells), controls, note)
