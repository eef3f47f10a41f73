"""The error ledger: the path KL of a blind sampler, term by term.

`python -m analysis.ledger` prints it beside the paper's bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.ledger.calculation import ledger
from analysis.ledger.direct import direct_total
from analysis.ledger.record import Ledger, StepTerm, Term

if TYPE_CHECKING:
    from analysis.runs import Experiment

__all__ = ["Ledger", "StepTerm", "Term", "direct_total", "ledger"]


def __getattr__(name: str) -> Experiment:
    """`EXPERIMENT`, the command: looked up when it is asked for, so that the instrument is imported without it."""
    if name != "EXPERIMENT":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from analysis.ledger.command import EXPERIMENT

    return EXPERIMENT
