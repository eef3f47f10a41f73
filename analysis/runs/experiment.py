"""What an experiment is: cells as data, the functions that compute them, the claims they decide."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.runs.arguments import Argument
from analysis.runs.claims import Claim


@dataclass(frozen=True)
class Cell:
    """One unit of work: the part it belongs to, its parameters (flat, JSON), and its expected cost in seconds on one core."""

    part: str
    params: Mapping[str, Any]
    cost: float = 1.0


@dataclass(frozen=True)
class Experiment:
    """An experiment as data; `analysis/<name>.py` holds it as `EXPERIMENT`.

    parts      part name -> function(params, seed) -> list of flat rows; the part names its table
    plan       function(options) -> list of cells; raises ValueError naming a bad argument
    derive     function(tables, options) -> further tables by name (fits over cells); None if there are none
    decide     function(tables, options) -> measurements; tables hold one exact DataFrame a part (successful rows only) and
               the derived ones
    show       function(tables, options) -> text for the screen, or None
    figures    names of modules `analysis.<experiment>.figures.<name>` with draw(tables) -> Figure, or None if the selection is too narrow
    reference  where workers find this object; only for experiments that live outside `analysis`
    """

    name: str
    summary: str
    parts: Mapping[str, Callable[[dict, int], list[dict]]]
    plan: Callable[[Any], Sequence[Cell]]
    derive: Callable[[Mapping[str, Any], Any], Mapping[str, Any]] | None = None
    decide: Callable[[Mapping[str, Any], Any], Sequence[Any]] | None = None
    claims: tuple[Claim, ...] = ()
    arguments: tuple[Argument, ...] = ()
    figures: tuple[str, ...] = ()
    show: Callable[[Mapping[str, Any], Any], str | None] | None = None
    reference: str = ""
    figure_package: str = ""

    @property
    def address(self) -> str:
        return self.reference or f"analysis.{self.name}:EXPERIMENT"

    @property
    def drawn_in(self) -> str:
        """The package of its figures."""
        return self.figure_package or f"{self.module}.figures"

    @property
    def module(self) -> str:
        return self.address.partition(":")[0]

    def claim(self, identifier: str) -> Claim:
        for claim in self.claims:
            if claim.id == identifier:
                return claim
        raise ValueError(f"claim {identifier!r} is not registered with experiment {self.name!r}")


def resolve(reference: str) -> Experiment:
    """The experiment that a reference `module:attribute` names.

    Workers look functions up by name, so a module that runs as `__main__` is the same experiment in every process.
    """
    module, _, attribute = reference.partition(":")
    found = getattr(importlib.import_module(module), attribute or "EXPERIMENT")
    if not isinstance(found, Experiment):
        raise TypeError(f"{reference} is not an Experiment")
    return found
