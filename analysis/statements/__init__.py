"""From a statement to its evidence in one look: every numbered statement of the paper, its figures, the neighbours'
theorems.

A statement is a record: what it says in our words, the functions that compute it, the claims that decide it, the
figure, the test, and the law that separates it from what is like it. Verdicts are not written here; they are read from
a results folder.
"""

from __future__ import annotations

import difflib
import re

from .neighbours import NEIGHBOURS
from .paper import PAPER
from .paper_experiments import EXPERIMENTS
from .record import OURS, Statement

__all__ = ["ALL", "OURS", "Statement", "find", "of_claim"]

ALL: tuple[Statement, ...] = PAPER + EXPERIMENTS + NEIGHBOURS

_WORDS = re.compile(
    r"arxiv|figures?|fig|equations?|eqs?|theorem|thm|proposition|prop|lemma|corollary|cor|definition|def|section"
)


def _key(identifier: str) -> str:
    """3.8, Prop 3.8 and Proposition 3.8 are one; so are fig 9 and figure 9, eq (16) and 16."""
    text = identifier.lower()
    prefix = next((word for word in ("fig", "section") if word in text), "")
    return prefix + re.sub(r"[\s():]", "", _WORDS.sub("", text)).strip(".")


def find(identifier: str) -> Statement:
    """The statement of this number, however it is written.

    Raises:
        ValueError: there is none; the message names what is nearest.

    >>> find("Proposition 3.8").id, find("figure 9").id, find("(16)").id
    ('3.8', 'fig 9', '(16)')
    """
    # a row may speak for several papers at once
    keys = {_key(paper): statement for statement in ALL for paper in re.findall(r"\d{4}\.\d{5}", statement.says)}
    keys |= {_key(statement.id): statement for statement in ALL}
    wanted = _key(identifier)
    found = keys.get(wanted) or keys.get(f"section{wanted}")
    if found is None:
        near = difflib.get_close_matches(wanted, keys, n=4, cutoff=0.5)
        hint = f"; did you mean {', '.join(keys[k].id for k in near)}?" if near else ""
        raise ValueError(f"no statement {identifier!r} is listed{hint}")
    return found


def of_claim(claim: str) -> tuple[Statement, ...]:
    """The statements that a claim is evidence on.

    >>> [statement.id for statement in of_claim("N3")]
    ['3.8']
    """
    return tuple(statement for statement in ALL if claim in statement.claims)
