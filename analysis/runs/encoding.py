"""Canonical text for parameters and rows: exact floats, one spelling for one value, plain types only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

RESERVED = ("status",)


def plain(value: Any, where: str) -> Any:
    """`value` as str, int, float, bool, None or a list of these; numpy scalars and one-element tensors are
    converted.
    """
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{where} holds a lone surrogate: {value!r}")
        return value
    if value is None or isinstance(value, bool):
        return value
    if type(value) in (int, float):
        return value
    if isinstance(value, list | tuple):
        return [plain(v, where) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return plain(value.item(), where)
    raise TypeError(f"{where} must be a number, text, bool, None or a list of these, got {type(value).__name__}")


def plain_mapping(values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """A flat mapping with text keys and plain values."""
    for key in values:
        if not isinstance(key, str):
            raise TypeError(f"{what}: names must be text, got {key!r}")
        if key in RESERVED:
            raise ValueError(f"{what}: the name {key!r} belongs to the engine; use run_{key}")
    return {key: plain(value, f"{what} {key!r}") for key, value in values.items()}


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces. Floats are written with repr and so read back exactly; inf and nan
    included.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def rows_to_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of one cell; key order is kept, because it is the column order of the table."""
    return json.dumps([plain_mapping(row, "row") for row in rows], separators=(",", ":"), ensure_ascii=False)


def rows_from_text(text: str) -> list[dict[str, Any]]:
    return json.loads(text)


def digest(text: str) -> str:
    """Short checksum of a text (64 bits): detects a damaged row, names a configuration."""
    return sha256(text.encode()).hexdigest()[:16]
