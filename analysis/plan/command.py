"""`python -m analysis.plan --dim 8 --ambient 19200 --radius 10 --eps 0.1`: levels, injection and steps of a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from analysis.plan.calculation import plan
from analysis.runs import positive_float, positive_int
from analysis.runs.command import guarded
from analysis.runs.options import Parser, UsageError
from manifolds.registry import law_name

__all__ = ["main"]

PROG = "python -m analysis.plan"


def _law(text: str) -> str:
    try:
        return law_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> Parser:
    parser = Parser(prog=PROG, description=__doc__, allow_abbrev=False)
    parser.add_argument("--dim", type=positive_int, required=True, help="k, intrinsic dimension of the data")
    parser.add_argument("--ambient", type=positive_int, required=True, help="d, number of coordinates")
    parser.add_argument("--radius", type=positive_float, default=1.0, help="R, largest norm of the data (default: 1)")
    parser.add_argument("--eps", type=positive_float, default=0.1, help="distance D_X asked for (default: 0.1)")
    parser.add_argument("--law", type=_law, help="a law that is like the data, or module:object (default: none)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 (a bad argument, in one line)."""
    return guarded(lambda: _run(_parser().parse_args(sys.argv[1:] if argv is None else list(argv))))


def _run(options: argparse.Namespace) -> int:
    try:
        print(plan(options.dim, options.ambient, options.radius, options.eps, options.law))
    except ValueError as error:
        raise UsageError(f"{PROG}: {error}") from None
    return 0
