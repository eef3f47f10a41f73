"""What the questions of this experiment share on the command line: which of them are asked."""

from __future__ import annotations

from analysis.runs import Argument, one_of

__all__ = ["PARTS", "PART"]

PARTS = ("nets", "figures", "priors", "memory")

PART = Argument("--part", type=one_of(*PARTS), nargs="+", default=PARTS, help="what to train")
