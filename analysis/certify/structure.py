"""What can be wrong with a denoiser before any number is compared: it raises, writes into its input, ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from analysis.certify.record import Finding
from analysis.certify.wrapping import DtypeError, ShapeError, Wrapped
from manifolds.shapes import Points

__all__ = ["structural"]


def structural(f: Callable[..., Any], draws: list[tuple[float, Points]], blind: bool) -> list[Finding]:
    """Findings of structure, at most one a kind; numbers may be compared only where there are none but
    `not_deterministic` and `writes_into_input`.

    Args:
        f: called f(y) or f(y, sigma).
        draws: (sigma, y) of each level.
        blind: which of the two.
    """
    found: dict[str, Finding] = {}
    for sigma, y in draws:
        for finding in _at(f, sigma, y, () if blind else (sigma,)):
            known = found.get(finding.kind)
            if known is None or (finding.size or 0.0) > (known.size or 0.0):
                found[finding.kind] = finding
        if {"raises", "wrong_shape", "wrong_dtype"} & set(found):
            break  # the same at every level
    return list(found.values())


def _at(f: Callable[..., Any], sigma: float, y: Points, told: tuple[float, ...]) -> list[Finding]:
    given = y.clone()
    try:
        first = f(given, *told)
        written = not torch.equal(given, y) or (isinstance(f, Wrapped) and _writes(f, y, told))
        first = first.clone() if isinstance(first, torch.Tensor) else first
        second = f(y.clone(), *told)
    except ShapeError as error:
        return [Finding("wrong_shape", str(error), sigma)]
    except DtypeError as error:
        return [Finding("wrong_dtype", str(error), sigma)]
    except Exception as error:  # whatever a stranger's code raises is a finding
        return [Finding("raises", f"raises {type(error).__name__}: {' '.join(str(error).split())[:200]}", sigma)]
    if not isinstance(first, torch.Tensor) or first.shape != y.shape:
        got = tuple(first.shape) if isinstance(first, torch.Tensor) else type(first).__name__
        return [Finding("wrong_shape", f"must return a tensor of shape {tuple(y.shape)}, got {got}", sigma)]
    if first.dtype != y.dtype:
        return [Finding("wrong_dtype", f"must return the dtype {y.dtype} of its argument, got {first.dtype}", sigma)]
    found = []
    if written:
        found.append(Finding("writes_into_input", "changes the points that it is given", sigma))
    bad = int((~torch.isfinite(first).all(dim=1)).sum())
    if bad:
        return [*found, Finding("not_finite", f"returns NaN or infinity at {bad} of {len(y)} points", sigma)]
    return found + _unequal(first, second, sigma)


def _writes(f: Wrapped, y: Points, told: tuple[float, ...]) -> bool:
    """Whether the function inside changes its argument, which a change of dtype may hide from the caller."""
    probe = f.probe(y, *told)
    if isinstance(probe.before, np.ndarray):
        return not np.array_equal(probe.before, probe.after)
    return not torch.equal(probe.before, probe.after)


def _unequal(first: Points, second: Points, sigma: float) -> list[Finding]:
    """The noise in the answers: two calls differ by sqrt(2) times it. Rounding in another order is no noise."""
    square = ((first - second) ** 2).sum(dim=1) / 2
    scale = float((first**2).sum(dim=1).mean())
    size = float(square.mean().sqrt())
    if not size > 1e-5 * scale**0.5:  # float32 sums in another order: 1e-7 to 1e-6
        return []
    error = 1.96 * float(square.std()) / len(square) ** 0.5 if len(square) > 1 else 0.0
    low, high = max(size**2 - error, 0.0) ** 0.5 / sigma, (size**2 + error) ** 0.5 / sigma
    sentence = f"answers differently when it is called again, most at sigma = {sigma:.3g}"
    return [Finding("not_deterministic", sentence, sigma, size / sigma, low, high, "sigma, root mean square noise")]
