"""What an experiment is: questions, each with its cells as data, the functions that compute them, the claims they
decide.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.runs.arguments import Argument
from analysis.runs.claims import Claim, Measurement

Tables = Mapping[str, Any]  # table name -> DataFrame


@dataclass(frozen=True)
class Cell:
    """One unit of work: the part it belongs to, its parameters (flat, JSON), and its expected cost in seconds on one
    core.

    `seeds`: how many independent seeds compute it, each at this cost; their rows are pooled (runs/pooling.py), and a
    claim decided by them says what each seed alone says.
    """

    part: str
    params: Mapping[str, Any]
    cost: float = 1.0
    seeds: int = 1


@dataclass(frozen=True)
class Question:
    """One question, in a file of its own that is read from top to bottom.

    cells      function(options) -> list of cells; raises ValueError naming a bad argument. Stands in the question's
               file
    parts      part name -> function(params, seed) -> list of flat rows; the part names its table. Questions may share
               a part, with the same function; the table then holds the cells of all of them
    claims     what is claimed, with the rule that decides it
    arguments  the options that `cells` reads; questions of one experiment may share an Argument
    derive     function(tables, options) -> further tables by name (fits over cells)
    decide     function(tables, options) -> measurements; tables hold one exact DataFrame a part (successful rows only)
               and the derived ones. Not asked where a selection holds none of the question's parts
    show       function(tables, options) -> text for the screen, or None
    values     where the value between columns `x_low` and `x_high` is not called `x`: x -> its name (for pooling over
               seeds)
    figures    names of modules `analysis.<experiment>.figures.<name>` with draw(tables) -> Figure, or None if the
               selection is too narrow
    """

    cells: Callable[[Any], Sequence[Cell]]
    parts: Mapping[str, Callable[[dict, int], list[dict]]]
    claims: tuple[Claim, ...] = ()
    arguments: tuple[Argument, ...] = ()
    derive: Callable[[Tables, Any], Tables] | None = None
    decide: Callable[[Tables, Any], Sequence[Measurement]] | None = None
    show: Callable[[Tables, Any], str | None] | None = None
    figures: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module that holds the question."""
        return self.cells.__module__


@dataclass(frozen=True)
class Experiment:
    """A name, one line of summary and the questions asked; `analysis/<name>/__init__.py` holds it as `EXPERIMENT`.

    `reference` says where workers find this object, for experiments that live outside `analysis`.
    """

    name: str
    summary: str
    questions: tuple[Question, ...]
    reference: str = ""
    figure_package: str = ""

    def __post_init__(self) -> None:
        for kind, names in {
            # a table may answer several questions: its cells are then of one function
            "part": [part for part, _ in {item for q in self.questions for item in q.parts.items()}],
            "claim": [claim.id for claim in self.claims],
            "figure": list(self.figures),
            "option": [argument.flag for argument in self.arguments],
        }.items():
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"experiment {self.name}: {kind} {name!r} stands in two questions")

    @property
    def parts(self) -> dict[str, Callable[[dict, int], list[dict]]]:
        return {name: function for q in self.questions for name, function in q.parts.items()}

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(claim for q in self.questions for claim in q.claims)

    @property
    def figures(self) -> tuple[str, ...]:
        return tuple(figure for q in self.questions for figure in q.figures)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The options of all questions; one that several share stands once."""
        found: list[Argument] = []
        for question in self.questions:
            found += [argument for argument in question.arguments if argument not in found]
        return tuple(found)

    def values(self, part: str) -> Mapping[str, str]:
        """Names of the values between `x_low` and `x_high` in the table of a part."""
        return next((q.values for q in self.questions if part in q.parts), {})

    def plan(self, options: Any) -> list[Cell]:
        return [cell for q in self.questions for cell in q.cells(options)]

    def derive(self, tables: Tables, options: Any) -> dict[str, Any]:
        """The derived tables; a later question sees those of the earlier ones."""
        seen: dict[str, Any] = dict(tables)
        derived: dict[str, Any] = {}
        for question in self._asked(tables):
            found = question.derive(seen, options) if question.derive else {}
            for name in found:
                if name in seen:
                    raise ValueError(f"experiment {self.name}: table {name!r} is made twice")
            derived |= found
            seen |= found
        return derived

    def decide(self, tables: Tables, options: Any) -> list[Measurement]:
        return [m for q in self._asked(tables) if q.decide for m in q.decide(tables, options)]

    def show(self, tables: Tables, options: Any) -> str | None:
        texts = [q.show(tables, options) for q in self._asked(tables) if q.show]
        return "\n\n".join(text.strip("\n") for text in texts if text) or None

    def _asked(self, tables: Tables) -> list[Question]:
        return [q for q in self.questions if any(part in tables for part in q.parts)]

    @property
    def address(self) -> str:
        return self.reference or f"analysis.{self.name}:EXPERIMENT"

    @property
    def module(self) -> str:
        return self.address.partition(":")[0]

    @property
    def drawn_in(self) -> str:
        """The package of its figures."""
        return self.figure_package or f"{self.module}.figures"

    def question(self, claim: str) -> Question:
        """The question that a claim belongs to.

        Raises:
            ValueError: the claim is not registered with this experiment.
        """
        for question in self.questions:
            if any(c.id == claim for c in question.claims):
                return question
        raise ValueError(f"claim {claim!r} is not registered with experiment {self.name!r}")

    def claim(self, identifier: str) -> Claim:
        """A claim by its id; raises ValueError as `question` does."""
        return next(c for c in self.question(identifier).claims if c.id == identifier)


def resolve(reference: str) -> Experiment:
    """The experiment that a reference `module:attribute` names.

    Workers look functions up by name, so a module that runs as `__main__` is the same experiment in every process.
    """
    module, _, attribute = reference.partition(":")
    found = getattr(importlib.import_module(module), attribute or "EXPERIMENT")
    if not isinstance(found, Experiment):
        raise TypeError(f"{reference} is not an Experiment")
    return found
