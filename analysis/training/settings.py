"""What the questions of this experiment share on the command line: which of them are asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from analysis.runs import Argument, one_of

__all__ = ["PARTS", "PART", "parts_but"]

PARTS = ("nets", "figures", "priors", "memory")
# parts that this experiment had before images became one of their own
_MOVED = dict.fromkeys(("image", "images"), "known") | dict.fromkeys(("real", "real_images"), "real")


def parts_but(moved: dict[str, str], *names: str) -> Callable[[str], str]:
    """A type that accepts `names`, and answers each name that has moved with the command that asks for it now."""
    accepted = one_of(*names)

    def convert(text: str) -> str:
        if text in moved:
            raise argparse.ArgumentTypeError(f"{text!r} has moved: python -m analysis.images --part {moved[text]}")
        return accepted(text)

    return convert


PART = Argument("--part", type=parts_but(_MOVED, *PARTS), nargs="+", default=PARTS, help="what to train")
