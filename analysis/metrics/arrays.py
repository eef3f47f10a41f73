"""Inputs of the metrics: torch or numpy in, float64 numpy inside."""

import numpy as np


def to_numpy(x):
    """float64 numpy array of a torch tensor (any device), numpy array or sequence."""
    return np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x, dtype=np.float64)


def values(name, x, least=1):
    """1-D finite float64 array with at least `least` entries; ValueError otherwise."""
    array = to_numpy(x).ravel()
    if array.size < least or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must hold at least {least} finite numbers, got {array.size} of which {int((~np.isfinite(array)).sum())} are not finite"
        )
    return array


def points(name, x, least=1):
    """(n, d) finite float64 array, n >= least (a 1-D input is n points on the line); ValueError otherwise."""
    array = to_numpy(x)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[0] < least or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite points of shape (n >= {least}, d), got shape {tuple(to_numpy(x).shape)}"
        )
    return array


def pair(x, y, least=1):
    """Two point sets of one dimension."""
    x, y = points("x", x, least), points("y", y, least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x and y must have the same dimension, got {x.shape[1]} and {y.shape[1]}")
    return x, y


def generator(stream):
    """The numpy Generator of a stream (its attribute .numpy), or the Generator itself."""
    rng = getattr(stream, "numpy", stream)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"stream must be a Stream or a numpy Generator, got {type(stream).__name__}")
    return rng
