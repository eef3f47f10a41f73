"""The optimal denoiser that is told the noise level, and the contract that every denoiser keeps."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Protocol

import torch

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
    """f_sigma(y) = E[X | Y = y, sigma], exactly."""

    blind = False

    def __init__(self, law: Law):
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


def as_denoiser(function: Callable, space: Space) -> Denoiser:
    """Any callable f(y) or f(y, sigma) as a denoiser on `space`; denoisers pass through.

    Raises:
        ValueError: it is not callable, or it takes neither one nor two positional arguments.
    """
    if hasattr(function, "blind") and hasattr(function, "space"):
        return function
    if not callable(function):
        raise ValueError(f"denoiser must be callable as f(y) or f(y, sigma), got {type(function).__name__}")
    target = function.forward if isinstance(function, torch.nn.Module) else function
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in inspect.signature(target).parameters.values() if p.kind in kinds and p.default is p.empty]
    if len(needed) not in (1, 2):
        raise ValueError(f"denoiser must be callable as f(y) or f(y, sigma), got {len(needed)} required arguments")
    return _Wrapped(function, space, blind=len(needed) == 1)
