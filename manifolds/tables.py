"""Tables of names: what stands under a name is an object or a reference that is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Generic, NamedTuple, TypeVar

from manifolds.references import address, note, resolve

__all__ = ["Standing", "Table"]

T = TypeVar("T")


class Standing(NamedTuple):
    """What a table says under a name: its words, and the `module:object` that it leads to ("" for none)."""

    text: str
    reference: str


class Table(MutableMapping[str, T], Generic[T]):
    """Names and what they stand for: objects, or references to them that are loaded when they are asked for.

    Who asks is recorded (`where[name]`, and `where[]` for whoever runs over the names), so that an entry that is added
    or changed concerns only those who used it.

    Args:
        where: the `module:NAME` under which this table is found.
        entries: name -> object, or reference `module:object`. Anyone may add further ones.

    >>> roots = Table("mine.module:ROOTS", {"square": "math:sqrt"})
    >>> roots["square"](9.0), sorted(roots)
    (3.0, ['square'])
    """

    def __init__(self, where: str, entries: Mapping[str, T | str]) -> None:
        self.where = where
        self._entries: dict[str, T | str] = dict(entries)

    def __getitem__(self, name: str) -> T:
        entry = self._entries[name]
        note(f"{self.where}[{name}]")
        return resolve(entry, "name") if isinstance(entry, str) else entry

    def build(self, name: str) -> Any:
        """What builds the thing of that name: its entry's `build`;
        the words that stand beside it do not count as used.
        """
        entry: Any = self._entries[name]
        note(f"{self.where}[{name}].build")
        return entry.build

    def standing(self, name: str, attribute: str = "") -> Standing | None:
        """What is written under a name, or only what its `build` leads to, without loading it; None if nothing is."""
        if not name:
            return Standing(" ".join(sorted(self._entries)), "")
        entry: Any = self._entries.get(name)
        if entry is None:
            return None
        if isinstance(entry, str):
            return Standing("", entry)
        if isinstance(reference := getattr(entry, "reference", None), str):
            return Standing("" if attribute == "build" else str(entry), reference)
        return Standing("", address(entry))

    def __setitem__(self, name: str, entry: T | str) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        note(f"{self.where}[]")
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
