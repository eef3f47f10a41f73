"""The error ledger: the path KL of a blind sampler, term by term."""

from __future__ import annotations

from analysis.ledgers.calculation import ledger
from analysis.ledgers.direct import direct_total
from analysis.ledgers.record import Ledger
from analysis.ledgers.terms import Term

__all__ = ["Ledger", "Term", "direct_total", "ledger"]
