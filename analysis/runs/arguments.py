"""Arguments of an experiment's command line and the types that check them: every error says what is allowed."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Argument:
    """One option of an experiment, e.g. `Argument("--dim", type=positive_int, nargs="+", default=(8, 16), help="...")`.

    `by_profile` replaces the default for a profile, e.g. `by_profile={"smoke": (8,)}`. A default that has to be looked
    up is a function without arguments, called when a command is read.
    Values of an option with `nargs` reach the experiment as tuples.
    """

    flag: str
    type: Callable[[str], Any] = str
    default: Any = None
    help: str = ""
    nargs: str | int | None = None
    metavar: str | None = None
    by_profile: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attribute(self) -> str:
        return self.flag.lstrip("-").replace("-", "_")

    def default_for(self, profile: str) -> Any:
        value = self.by_profile.get(profile, self.default)
        value = value() if callable(value) else value
        return tuple(value) if isinstance(value, list) else value

    def add_to(self, parser: argparse._ActionsContainer) -> None:
        default = self.default() if callable(self.default) else self.default
        shown = default if default is not None else "set by the profile"
        parser.add_argument(
            self.flag,
            type=_saying_why(self.type),
            nargs=self.nargs,
            metavar=self.metavar,
            default=argparse.SUPPRESS,
            help=f"{self.help} (default: {_plain(shown)})".replace("%", "%%").strip(),
        )


def _saying_why(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """The conversion, whose ValueError is said as it stands (argparse would say `invalid ... value`)."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as error:
            if isinstance(convert, type):
                raise
            raise argparse.ArgumentTypeError(str(error)) from error

    converted.__name__ = getattr(convert, "__name__", "")
    return converted


def _plain(value: Any) -> str:
    return " ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


def _checked(parse: Callable[[str], Any], allowed: Callable[[Any], bool], description: str) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            value = parse(text)
            good = allowed(value)
        except (ValueError, OverflowError):
            good = False
        if not good:
            raise argparse.ArgumentTypeError(f"must be {description}, got {text!r}")
        return value

    return convert


def _integer(text: str) -> int:
    """Whole numbers, also as 1e9 or 10**9: ambient dimensions are usually written that way."""
    base, power, exponent = text.partition("**")
    if power:
        exponent_value = int(exponent)
        if not 0 <= exponent_value <= 1000:
            raise ValueError(text)
        return int(base) ** exponent_value
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if value != int(value):
            raise
        return int(value)


_LARGEST = int(1e300)  # beyond that a number has no float with room for arithmetic


def whole(least: int, most: int = _LARGEST, written: str = "") -> Callable[[str], int]:
    """A type that accepts whole numbers from `least` to `most`, which is `written` like that in messages.

    An argument whose cells fail, or ask for more memory than there is, outside some range says so by this.
    """
    end = written or (str(most) if most < 10**7 else f"{float(most):.0e}".replace("+", ""))
    small = _checked(_integer, lambda v: v >= least, f"a whole number >= {least}")
    large = _checked(_integer, lambda v: v <= most, f"a whole number from {least} to {end}")

    def convert(text: str) -> int:
        small(text)
        return large(text)

    return convert


def between(low: float, high: float) -> Callable[[str], float]:
    """A type that accepts numbers from `low` to `high`, both included."""
    return _checked(float, lambda v: low <= v <= high, f"a number from {low:g} to {high:g}")


positive_int = whole(1)
nonnegative_int = whole(0)
seed = whole(0, 2**63 - 1, "2**63 - 1")  # what the store can hold
number = _checked(float, math.isfinite, "a finite number")
positive_float = _checked(float, lambda v: v > 0 and math.isfinite(v), "a finite number > 0")
nonnegative_float = _checked(float, lambda v: v >= 0 and math.isfinite(v), "a finite number >= 0")
open_fraction = _checked(float, lambda v: 0 < v < 1, "a number strictly between 0 and 1")


def one_of(*names: str) -> Callable[[str], str]:
    """A type that accepts exactly the given names."""
    return _checked(str, lambda v: v in names, f"one of {', '.join(names)}")
