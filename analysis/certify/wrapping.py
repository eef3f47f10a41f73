"""Anybody's network as a denoiser: whatever it predicts, whatever it computes in.

Networks predict a clean image, a residual, the noise, a score or a velocity, of float32 images or numpy arrays. The
suite speaks of clean estimates of float64 points (n, d). `wrap` stands between the two.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from manifolds.checks import level_rows
from manifolds.shapes import Points
from manifolds.space import Space

__all__ = ["PREDICTIONS", "Probe", "Wrapped", "DtypeError", "ShapeError", "wrap"]

PREDICTIONS = ("clean", "residual", "noise", "score", "velocity")
_NEEDS_LEVEL = ("noise", "score", "velocity")  # to undo these predictions one must know sigma


class ShapeError(ValueError):
    """The function did not return what it was given the shape of."""


class DtypeError(ValueError):
    """The function did not return what it was given the dtype of."""


class Probe(NamedTuple):
    """One call of the function inside: what it was given, as it was before and after, and what it returned."""

    before: Any
    after: Any
    out: Any


class Wrapped:
    """A function that predicts something, as a denoiser: f(y) if blind, else f(y, sigma). Made by `wrap`.

    Attributes:
        blind: whether it is called without the noise level.
        space: None; it takes points of whatever space it is called on.
        predicts: what the function inside returns, one of `PREDICTIONS`.
        told: whether the function inside is itself given the level.
    """

    space: Space | None = None

    def __init__(
        self,
        function: Callable[..., Any],
        predicts: str,
        told: bool,
        shape: tuple[int, ...] | None,
        dtype: torch.dtype | np.dtype,
        device: str | None,
    ):
        self.function, self.predicts, self.told = function, predicts, told
        self.shape, self.dtype, self.device = shape, dtype, device
        self.blind = not told and predicts not in _NEEDS_LEVEL

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"Wrapped({name}, predicts={self.predicts!r}, blind={self.blind})"

    def declared(self, predicts: str) -> Wrapped:
        """The same function, read as a prediction of something else.

        >>> wrap(lambda y: 0 * y).declared("residual").predicts
        'residual'
        """
        return Wrapped(self.function, predicts, self.told, self.shape, self.dtype, self.device)

    def __call__(self, y: Points, *sigma: float | torch.Tensor) -> Points:
        """Clean estimates (n, d), float64, of points (n, d); sigma is a standard deviation, a number or one per row.

        Raises:
            ValueError: a level too many or too few; `ShapeError`, `DtypeError` where the function inside returns that.
        """
        if len(sigma) != (0 if self.blind else 1):
            called = "f(y)" if self.blind else "f(y, sigma)"
            raise ValueError(f"denoiser must be called as {called}, got {len(sigma)} noise levels")
        level = level_rows(sigma[0], len(y)).to(y)[:, None] if sigma else None
        out = self._checked(y, self._inner(self._input(y, level), level))
        if self.predicts == "clean":
            return out
        if self.predicts == "residual":
            return y - out
        assert level is not None
        if self.predicts == "noise":
            return y - level * out
        if self.predicts == "score":
            return y + level**2 * out
        return (y - level * out) / (1 + level)  # z - t v with z = y/(1 + sigma), t = sigma/(1 + sigma)

    def probe(self, y: Points, *sigma: float | torch.Tensor) -> Probe:
        """What the function inside does to its own argument, and what it returns, before anything is undone."""
        level = level_rows(sigma[0], len(y)).to(y)[:, None] if sigma else None
        given = self._native(self._input(y.clone(), level))
        before = given.copy() if isinstance(given, np.ndarray) else given.clone()
        return Probe(before, given, self._called(given, level))

    def _input(self, y: Points, level: torch.Tensor | None) -> Points:
        """What the function is given: y itself, or its place z = (1 - t) x + t eps on the path of a flow."""
        if self.predicts != "velocity":
            return y
        assert level is not None
        return y / (1 + level)

    def _native(self, y: Points) -> Any:
        shaped = y if self.shape is None else y.reshape(len(y), *self.shape)
        if isinstance(self.dtype, torch.dtype):
            return shaped.to(dtype=self.dtype, device=self.device)
        return shaped.detach().cpu().numpy().astype(self.dtype, copy=False)

    def _inner(self, y: Points, level: torch.Tensor | None) -> Any:
        return self._called(self._native(y), level)

    def _called(self, given: Any, level: torch.Tensor | None) -> Any:
        if not self.told:
            return self.function(given)
        assert level is not None
        time = level[:, 0] / (1 + level[:, 0]) if self.predicts == "velocity" else level[:, 0]
        if isinstance(self.dtype, torch.dtype):
            return self.function(given, time.to(dtype=self.dtype, device=self.device))
        return self.function(given, time.cpu().numpy().astype(self.dtype))

    def _checked(self, y: Points, out: Any) -> Points:
        kind = torch.Tensor if isinstance(self.dtype, torch.dtype) else np.ndarray
        if not isinstance(out, kind):
            raise ShapeError(f"must return a {kind.__name__}, got {type(out).__name__}")
        expected = tuple(y.shape) if self.shape is None else (len(y), *self.shape)
        if tuple(out.shape) != expected:
            raise ShapeError(f"must return the shape {expected} of its argument, got {tuple(out.shape)}")
        if out.dtype != self.dtype:
            raise DtypeError(f"must return the dtype {self.dtype} of its argument, got {out.dtype}")
        return torch.as_tensor(out).to(device=y.device, dtype=y.dtype).reshape(y.shape)


def wrap(
    f: Callable[..., Any],
    predicts: str = "clean",
    blind: bool | None = None,
    shape: Sequence[int] | None = None,
    dtype: torch.dtype | np.dtype | type | str | None = None,
    device: str | None = None,
) -> Wrapped:
    """A function of noisy points or images, as a denoiser of the suite.

    The function sees y = x + sigma z and returns, with the shape and dtype of its argument,

        clean      x                                      residual   y - x, so that the estimate is y - out
        noise      z, estimate y - sigma out              score      of y, estimate y + sigma^2 out
        velocity   eps - x at (1 - t) x + t eps, t = sigma/(1 + sigma): it is given that point, and t for a level

    where each stands for its conditional mean. Levels go in as one number a row, (n,).

    Args:
        f: f(y) or f(y, sigma): a function, a torch module, or any callable.
        predicts: clean, residual, noise, score or velocity.
        blind: whether f takes no noise level; None reads it off the number of its required arguments. A blind f whose
            prediction needs the level to be undone becomes a denoiser f(y, sigma): told by the conversion alone.
        shape: of one image, e.g. (1, 28, 28); None hands over points (n, d).
        dtype: a torch dtype for torch tensors, a numpy dtype (np.float32, "float32") for arrays; None is torch.float64.
        device: torch device on which f is called; None leaves points where they are.

    Raises:
        ValueError: one line that says which argument is wrong, and what is allowed.

    >>> import torch
    >>> wrap(lambda y: 0.5 * y, predicts="residual", dtype=torch.float32)(torch.ones(1, 2, dtype=torch.float64))
    tensor([[0.5000, 0.5000]], dtype=torch.float64)
    """
    if not callable(f):
        raise ValueError(f"f must be callable as f(y) or f(y, sigma), got {type(f).__name__}")
    if predicts not in PREDICTIONS:
        raise ValueError(f"predicts must be one of {', '.join(PREDICTIONS)}, got {predicts!r}")
    if blind is not None and not isinstance(blind, bool):
        raise ValueError(f"blind must be True, False or None, got {blind!r}")
    told = not (_takes_no_level(f) if blind is None else blind)
    backend = _backend(dtype)
    if device is not None:
        if not isinstance(backend, torch.dtype):
            raise ValueError(f"device must be None for numpy arrays, got {device!r}")
        _check_device(device)
    return Wrapped(f, predicts, told, _image(shape), backend, device)


def _takes_no_level(f: Callable[..., Any]) -> bool:
    """Whether f is blind, where it says so or its arguments leave no doubt."""
    if isinstance(stated := getattr(f, "blind", None), bool):
        return stated
    target = getattr(f, "forward", f) if isinstance(f, torch.nn.Module) else f
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        raise ValueError("blind must be given as True or False for a callable without a signature") from None
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [p for p in parameters if p.kind in places]
    needed = [p for p in taken if p.default is p.empty]
    starred = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    if len(needed) == 2:
        return False
    if len(needed) == 1 and len(taken) == 1 and not starred:
        return True
    if len(needed) == 1:
        raise ValueError("blind must be given as True or False: f may be called with or without a noise level")
    raise ValueError(f"f must be callable as f(y) or f(y, sigma), got {len(needed)} required arguments")


def _backend(dtype: torch.dtype | np.dtype | type | str | None) -> torch.dtype | np.dtype:
    if dtype is None:
        return torch.float64
    if isinstance(dtype, torch.dtype):
        if not dtype.is_floating_point:
            raise ValueError(f"dtype must be a floating-point dtype, got {dtype}")
        return dtype
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise ValueError(f"dtype must be a torch or numpy dtype, got {dtype!r}") from None
    if not np.issubdtype(found, np.floating):
        raise ValueError(f"dtype must be a floating-point dtype, got {found}")
    return found


def _image(shape: Sequence[int] | None) -> tuple[int, ...] | None:
    if shape is None:
        return None
    try:
        found = tuple(shape)
    except TypeError:
        raise ValueError(f"shape must be a tuple of integers >= 1, got {shape!r}") from None
    if not found or not all(isinstance(s, int) and not isinstance(s, bool) and s >= 1 for s in found):
        raise ValueError(f"shape must be a tuple of integers >= 1, got {shape!r}")
    return found


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # without CUDA torch asserts
        raise ValueError(f"device must be one that this torch can use, got {device!r}") from None
