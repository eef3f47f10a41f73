"""One measurement for a claim about every cell of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.runs.claims import VIOLATED, Claim, Control, Measurement, compare

__all__ = ["every_cell", "every_control"]


def every_cell(
    claims: Sequence[Claim],
    identifier: str,
    value: Iterable[float],
    low: Iterable[float],
    high: Iterable[float],
    controls: Sequence[Control],
    note: str = "",
    names: Iterable[str] | None = None,
    **more,
) -> Measurement:
    """Of the claim of that name: the interval of the cell that decides.

    A claim about every cell holds if every cell's interval is allowed, so the one that leaves least room to a limit
    decides; it is refuted by one cell that lies outside, and of these the farthest decides.
    `names` name the cells; the range of their values goes into the note.
    """
    claim = next(c for c in claims if c.id == identifier)
    cells = [(float(v), float(a), float(b)) for v, a, b in zip(value, low, high, strict=True)]
    named = list(names) if names is not None else [f"cell {i}" for i in range(len(cells))]
    if not cells or len(named) != len(cells):
        raise ValueError(f"claim {identifier}: {len(cells)} cells with {len(named)} names; at least one, and one each")
    refuting = [i for i, (_, a, b) in enumerate(cells) if compare(a, b, claim.allowed) == VIOLATED]
    if refuting:
        chosen = max(refuting, key=lambda i: max(cells[i][1] - claim.allowed[1], claim.allowed[0] - cells[i][2]))
    else:
        chosen = min(range(len(cells)), key=lambda i: _room(cells[i], claim.allowed))
    v, a, b = cells[chosen]
    spread = f"{len(cells)} cells, values {min(c[0] for c in cells):.4g} to {max(c[0] for c in cells):.4g}"
    said = "; ".join(w for w in (spread, note) if w)
    return Measurement(claim.id, v, a, b, controls, said, named[chosen], cells=dict(zip(named, cells)), **more)


def every_control(
    claims: Sequence[Claim],
    identifier: str,
    kind: str,
    what: str,
    value: Iterable[float],
    low: Iterable[float],
    high: Iterable[float],
) -> Control:
    """A control measured in the same cells and read by the same rule as the claim of that name."""
    found = every_cell(claims, identifier, value, low, high, ())
    return Control(kind, what, found.low, found.high)


def _room(cell: tuple[float, float, float], allowed: tuple[float, float]) -> float:
    """How far a cell's interval stays from the nearer limit; negative where it crosses one."""
    _, a, b = cell
    if not a <= b:
        return float("-inf")
    return min(a - allowed[0], allowed[1] - b)
