"""Labelled random streams: the same labels give the same draws, however the work is split.

A stream is a counter-based generator (Philox) keyed by a hash of a seed and of labels. Draws are made on the CPU in
float64, so they do not depend on the device, the worker count or the order in which other streams are used. Within one
draw the rows come in order: the first rows of a larger draw are the rows of a smaller one.
"""

from __future__ import annotations

import hashlib
import numbers
from functools import cached_property

import numpy as np
import torch

__all__ = ["Stream", "stream"]

_SEPARATOR = "\x1f"  # of labels
_IN_TUPLES = ",[]" + _SEPARATOR


def _escaped(text: str, special: str) -> str:
    """A text as one label; only one that could be taken for several is changed, so that the streams of others stay."""
    if not text.startswith("\\") and not any(c in text for c in special):
        return text
    return "\\" + "".join(f"\\{ord(c):x};" if c == "\\" or c in special else c for c in text)


def _canonical(label: object, special: str = _SEPARATOR) -> str:
    """A label as text, such that equal labels of different types (8, numpy.int64(8)) are one label, and no others."""
    if type(label) is str:  # the common ones first: the tests below ask abstract classes
        return f"s:{_escaped(label, special)}"
    if type(label) is int:
        return f"i:{label}"
    if isinstance(label, (bool, np.bool_)):
        return f"b:{bool(label)}"
    if isinstance(label, numbers.Integral):
        return f"i:{int(label)}"
    if isinstance(label, numbers.Real):
        return f"f:{float(label)!r}"
    if isinstance(label, str):
        return f"s:{_escaped(label, special)}"
    if isinstance(label, (tuple, list)):
        return "t:[" + ",".join(_canonical(item, _IN_TUPLES) for item in label) + "]"
    raise ValueError(f"label must be a str, number or tuple of these, got {type(label).__name__}")


class Stream:
    """A random stream; drawing advances it, `child` derives an independent one without advancing it.

    >>> Stream(7).child("step", 2)
    Stream(seed=7, labels=('step', 2))
    """

    def __init__(self, seed: int, labels: tuple = ()):
        if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or seed < 0:
            raise ValueError(f"seed must be an integer >= 0, got {seed!r}")
        self._set(int(seed), tuple(labels), _SEPARATOR.join([str(int(seed)), *map(_canonical, labels)]))

    def _set(self, seed: int, labels: tuple, text: str) -> None:
        self.seed, self.labels, self._text, self._spawned = seed, labels, text, 0

    @cached_property
    def numpy(self) -> np.random.Generator:
        """The generator, made at the first draw: most streams are only ever asked for children."""
        key = np.frombuffer(hashlib.sha256(self._text.encode()).digest()[:16], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key))

    def __repr__(self) -> str:
        return f"Stream(seed={self.seed}, labels={self.labels})"

    def child(self, *labels: object) -> Stream:
        """The stream of the labels of this one followed by `labels`; independent of what was drawn here."""
        child = Stream.__new__(Stream)
        child._set(self.seed, (*self.labels, *labels), _SEPARATOR.join([self._text, *map(_canonical, labels)]))
        return child

    def spawn(self, *labels: object) -> Stream:
        """A new independent stream at each call (this one is advanced): for draws that have several pieces."""
        self._spawned += 1
        return self.child("spawn", self._spawned, *labels)

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal draws, float64, of the given shape."""
        return torch.from_numpy(np.asarray(self.numpy.standard_normal(shape)))

    def uniform(self, *shape: int) -> torch.Tensor:
        """Uniform draws on [0, 1), float64, of the given shape."""
        return torch.from_numpy(np.asarray(self.numpy.random(shape)))

    def chi2(self, df: float, n: int) -> torch.Tensor:
        """n chi-square draws with df >= 0 degrees of freedom (df = 0 is the constant 0), float64 (n,)."""
        if df == 0:
            return torch.zeros(n, dtype=torch.float64)
        return torch.from_numpy(self.numpy.chisquare(df, n))

    def gamma(self, shape: float, n: int) -> torch.Tensor:
        """n draws from Gamma(shape, rate 1), float64 (n,)."""
        return torch.from_numpy(self.numpy.standard_gamma(shape, n))

    def integers(self, high: int, n: int) -> torch.Tensor:
        """n draws from {0, .., high - 1}, int64 (n,)."""
        return torch.from_numpy(self.numpy.integers(high, size=n))

    def categorical(self, weights: torch.Tensor, n: int) -> torch.Tensor:
        """n indices with the given probabilities (summing to one), int64 (n,)."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        index = np.searchsorted(edges, self.numpy.random(n) * edges[-1], side="right")
        return torch.from_numpy(np.minimum(index, len(edges) - 1))


def stream(seed: int, *labels: object) -> Stream:
    """The stream of (seed, labels).

    Args:
        seed: integer >= 0.
        labels: strings, numbers or tuples of these.

    Raises:
        ValueError: seed is not an integer >= 0, or a label is of another type.

    >>> a, b = stream(0, "law", 3), stream(0, "law", 3)
    >>> torch.equal(a.normal(5), b.normal(5))
    True
    """
    return Stream(seed, labels)
