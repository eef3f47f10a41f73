"""Inputs of the metrics: torch or numpy in, float64 numpy inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd


class Tensor(Protocol):
    """What is asked of a torch tensor."""

    def detach(self) -> Tensor: ...
    def cpu(self) -> Tensor: ...
    def numpy(self) -> np.ndarray: ...


class Stream(Protocol):
    """What is asked of a labelled stream."""

    @property
    def numpy(self) -> np.random.Generator: ...


Number = TypeVar("Number", float, np.ndarray, "pd.Series")
Array: TypeAlias = ArrayLike | Tensor
Random: TypeAlias = Stream | np.random.Generator


def to_numpy(x: Array) -> np.ndarray:
    """float64 numpy array of a torch tensor (any device), numpy array or sequence.

    >>> to_numpy([1, 2])
    array([1., 2.])
    """
    return np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x, dtype=np.float64)


def values(name: str, x: Array, least: int = 1) -> np.ndarray:
    """1-D finite float64 array with at least `least` entries.

    Raises:
        ValueError: fewer entries, or one that is not finite.

    >>> values("x", [[1, 2], [3, 4]])
    array([1., 2., 3., 4.])
    """
    array = to_numpy(x).ravel()
    if array.size < least or not np.isfinite(array).all():
        strange = int((~np.isfinite(array)).sum())
        raise ValueError(
            f"{name} must hold at least {least} finite numbers, got {array.size} of which {strange} are not finite"
        )
    return array


def points(name: str, x: Array, least: int = 1) -> np.ndarray:
    """(n, d) finite float64 array, n >= least (a 1-D input is n points on the line).

    Raises:
        ValueError: another shape, fewer points, or a coordinate that is not finite.

    >>> points("x", [1, 2, 3]).shape
    (3, 1)
    """
    array = to_numpy(x)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[0] < least or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite points of shape (n >= {least}, d), got shape {tuple(to_numpy(x).shape)}"
        )
    return array


def pair(x: Array, y: Array, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Two point sets of one dimension, (n, d) and (m, d).

    Raises:
        ValueError: as `points`, or two dimensions.

    >>> x, y = pair([[0, 0]], [[1, 1], [2, 2]])
    >>> x.shape, y.shape
    ((1, 2), (2, 2))
    """
    x, y = points("x", x, least), points("y", y, least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x and y must have the same dimension, got {x.shape[1]} and {y.shape[1]}")
    return x, y


def generator(stream: Random) -> np.random.Generator:
    """The numpy Generator of a stream (its attribute .numpy), or the Generator itself.

    Raises:
        ValueError: neither of the two.

    >>> generator(np.random.default_rng(0)).integers(10)
    np.int64(8)
    """
    rng = getattr(stream, "numpy", stream)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"stream must be a Stream or a numpy Generator, got {type(stream).__name__}")
    return rng
