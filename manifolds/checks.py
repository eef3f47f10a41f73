"""One-line refusals of bad arguments, shared by the laws and denoisers."""

from __future__ import annotations

import math
import numbers
from types import UnionType
from typing import get_args

import torch

__all__ = [
    "RANGE",
    "instance",
    "level_rows",
    "noise_level",
    "positive_int",
    "positive_number",
    "probabilities",
    "usable_device",
    "within_range",
]

LEAST_LEVEL, _MOST = 1e-60, 1e60
RANGE = f"between {LEAST_LEVEL:g} and {_MOST:g}"


def positive_int(value: object, name: str) -> int:
    """`value` as an int >= 1, or ValueError.

    >>> positive_int(3, "dim")
    3
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    return int(value)


def positive_number(value: object, name: str) -> float:
    """`value` as a finite float > 0, or ValueError.

    >>> positive_number(-1.0, "radius")
    Traceback (most recent call last):
    ValueError: radius must be a finite number > 0, got -1.0
    """
    if not 0 < (number := _real(value)) < math.inf:
        raise ValueError(f"{name} must be a finite number > 0, got {value!r:.60}")
    return number


def _real(value: object) -> float:
    """As a float: nan for what is no real number, inf for what has no float."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def instance(value: object, kind: type | UnionType, name: str) -> None:
    """ValueError unless `value` is a `kind`.

    >>> instance(3, str, "text")
    Traceback (most recent call last):
    ValueError: text must be a str, got int
    """
    if not isinstance(value, kind):
        wanted = getattr(kind, "__name__", None) or " or ".join(k.__name__ for k in get_args(kind))
        raise ValueError(f"{name} must be a {wanted}, got {type(value).__name__}")


def usable_device(device: str | torch.device) -> None:
    """ValueError unless this torch can compute on a device.

    >>> usable_device("cpu")
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError) as problem:  # without CUDA torch asserts
        raise ValueError(f"device must be one that this torch can use, got {device!r}") from problem


def _on(sigma: object, device: torch.device | None) -> torch.Tensor:
    """As float64, on a device: None is where a tensor is."""
    if isinstance(sigma, torch.Tensor):
        return sigma.to(device=sigma.device if device is None else device, dtype=torch.float64)
    try:
        return torch.as_tensor(sigma, dtype=torch.float64, device=device)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise ValueError(f"sigma must be a number or one per row, got {sigma!r:.60}") from None


def level_rows(sigma: object, rows: int, device: torch.device | None = None) -> torch.Tensor:
    """A noise standard deviation, a number or one per row, as a (rows,) float64 tensor, or ValueError.

    >>> level_rows(0.5, rows=2)
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    level = _on(sigma, device)
    if level.ndim > 1 or (level.ndim == 1 and level.shape[0] not in (1, rows)):
        raise ValueError(f"sigma must be a number or have shape ({rows},), got shape {tuple(level.shape)}")
    return level.expand(rows)


def noise_level(sigma: object, rows: int, device: torch.device | None = None) -> torch.Tensor:
    """A noise standard deviation, a number or one per row, as a (rows, 1) or (1, 1) float64 tensor, or ValueError.

    >>> noise_level(0.5, rows=3)
    tensor([[0.5000]], dtype=torch.float64)
    """
    level = _on(sigma, device)
    if level.ndim > 1 or (level.ndim == 1 and level.shape[0] not in (1, rows)):
        raise ValueError(f"sigma must be a number or have shape ({rows},), got shape {tuple(level.shape)}")
    low, high = (float(end) for end in torch.aminmax(level)) if level.numel() else (1.0, 1.0)
    if not LEAST_LEVEL <= low <= high <= _MOST:
        raise ValueError(f"sigma must be {RANGE}")
    return level.reshape(-1, 1)


def within_range(levels: torch.Tensor) -> torch.Tensor:
    """Which noise levels are in the range in which squares of R |u|/sigma^2 are finite numbers.

    >>> within_range(torch.tensor([1.0, 0.0]))
    tensor([ True, False])
    """
    levels = levels.to(torch.float64)  # 1e-60 is 0 in float32
    return (levels >= LEAST_LEVEL) & (levels <= _MOST)


def probabilities(weights: object, name: str, count: int | None = None) -> torch.Tensor:
    """Positive weights that sum to one (to 1e-9) as a float64 tensor, or ValueError.

    >>> probabilities([0.25, 0.75], "weights")
    tensor([0.2500, 0.7500], dtype=torch.float64)
    """
    values = torch.as_tensor(weights, dtype=torch.float64)
    if values.ndim != 1 or (count is not None and values.shape[0] != count):
        raise ValueError(f"{name} must be a list of {count if count is not None else 'at least one'} probabilities")
    if not bool((values > 0).all()) or abs(float(values.sum()) - 1.0) > 1e-9:
        raise ValueError(f"{name} must be positive and sum to one, got a sum of {float(values.sum()):.12g}")
    return values / values.sum()
