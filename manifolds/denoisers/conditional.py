"""The optimal denoiser that is told the noise level, and the contract that every denoiser keeps."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol

import torch

from manifolds.checks import instance
from manifolds.law import Law
from manifolds.space import Space

__all__ = ["ConditionalDenoiser", "Denoiser", "as_denoiser"]


class Denoiser(Protocol):
    """A map from noisy points (n, width) to clean estimates of the same shape.

    Attributes:
        blind: True if it is called f(y), False if it is called f(y, sigma).
        space: where its points live.
    """

    blind: bool
    space: Space

    def __call__(self, y: torch.Tensor, *sigma: float | torch.Tensor) -> torch.Tensor: ...


class ConditionalDenoiser:
    """f_sigma(y) = E[X | Y = y, sigma], exactly; points (n, width) to points of the same shape.

    Attributes:
        blind: False.

    >>> import manifolds
    >>> f = ConditionalDenoiser(manifolds.make("gaussian", dim=1, ambient=2))
    >>> f(torch.ones(1, 2, dtype=torch.float64), 0.5)
    tensor([[0.8000, 0.0000]], dtype=torch.float64)
    """

    blind = False

    def __init__(self, law: Law):
        instance(law, Law, "law")
        self.law, self.space = law, law.space

    def __repr__(self) -> str:
        return f"ConditionalDenoiser({self.law!r})"

    def __call__(self, y: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
        """f_sigma(y); sigma is a standard deviation, a number or one per row."""
        return self.law.denoise(y, sigma)


class _Wrapped:
    def __init__(self, function: Callable, space: Space, blind: bool):
        self.function, self.space, self.blind = function, space, blind

    def __call__(self, y: torch.Tensor, *sigma: float | torch.Tensor) -> torch.Tensor:
        out = self.function(y, *sigma)
        if not isinstance(out, torch.Tensor) or out.shape != y.shape:
            got = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
            raise ValueError(f"denoiser must return a tensor of the shape {tuple(y.shape)} of its input, got {got}")
        return out.to(y.dtype)


def as_denoiser(function: Callable, space: Space, blind: bool | None = None) -> Denoiser:
    """Any callable f(y) or f(y, sigma) as a denoiser on `space`; denoisers pass through.

    Args:
        blind: True to call it as f(y), False as f(y, sigma); None is decided by its required arguments, and must not be
            where a second argument has a default, which may be a noise level.

    Raises:
        ValueError: it is not callable, it takes neither one nor two positional arguments, or `blind` must be given.

    >>> import manifolds, torch
    >>> f = as_denoiser(lambda y: 0.5 * y, manifolds.make("gaussian", dim=1, ambient=2).space)
    >>> f.blind, f(torch.ones(1, 2, dtype=torch.float64))
    (True, tensor([[0.5000, 0.5000]], dtype=torch.float64))
    """
    if hasattr(function, "blind") and hasattr(function, "space"):
        return function
    if not callable(function):
        raise ValueError(f"denoiser must be callable as f(y) or f(y, sigma), got {type(function).__name__}")
    if blind is not None:
        return _Wrapped(function, space, blind)
    target = function.forward if isinstance(function, torch.nn.Module) else function
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [p for p in inspect.signature(target).parameters.values() if p.kind in kinds]
    needed = [p for p in taken if p.default is p.empty]
    if len(needed) not in (1, 2):
        raise ValueError(f"denoiser must be callable as f(y) or f(y, sigma), got {len(needed)} required arguments")
    if len(needed) == 1 and len(taken) > 1:
        raise ValueError(
            f"denoiser's second argument {taken[1].name!r} has a default: say blind=False to call it f(y, sigma), "
            "blind=True to call it f(y)"
        )
    return _Wrapped(function, space, blind=len(needed) == 1)
