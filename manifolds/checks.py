"""One-line refusals of bad arguments, shared by the laws and denoisers."""

from __future__ import annotations

import math
import numbers

import torch

__all__ = ["RANGE", "noise_level", "positive_int", "positive_number", "probabilities", "within_range"]

_LEAST, _MOST = 1e-60, 1e60
RANGE = f"between {_LEAST:g} and {_MOST:g}"


def positive_int(value: object, name: str) -> int:
    """`value` as an int >= 1, or ValueError."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1, got {value!r}")
    return int(value)


def positive_number(value: object, name: str) -> float:
    """`value` as a finite float > 0, or ValueError."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    return float(value)


def noise_level(sigma: object, rows: int) -> torch.Tensor:
    """A noise standard deviation, a number or one per row, as a (rows, 1) or (1, 1) float64 tensor, or ValueError."""
    level = torch.as_tensor(sigma, dtype=torch.float64)
    if level.ndim > 1 or (level.ndim == 1 and level.shape[0] not in (1, rows)):
        raise ValueError(f"sigma must be a number or have shape ({rows},), got shape {tuple(level.shape)}")
    if not bool(within_range(level).all()):
        raise ValueError(f"sigma must be {RANGE}")
    return level.reshape(-1, 1)


def within_range(levels: torch.Tensor) -> torch.Tensor:
    """Which noise levels are in the range in which squares of R |u|/sigma^2 are finite numbers."""
    return (levels >= _LEAST) & (levels <= _MOST)


def probabilities(weights: object, name: str, count: int | None = None) -> torch.Tensor:
    """Positive weights that sum to one (to 1e-9) as a float64 tensor, or ValueError."""
    values = torch.as_tensor(weights, dtype=torch.float64)
    if values.ndim != 1 or (count is not None and values.shape[0] != count):
        raise ValueError(f"{name} must be a list of {count if count is not None else 'at least one'} probabilities")
    if not bool((values > 0).all()) or abs(float(values.sum()) - 1.0) > 1e-9:
        raise ValueError(f"{name} must be positive and sum to one, got a sum of {float(values.sum()):.12g}")
    return values / values.sum()
