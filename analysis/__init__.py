"""What is learned, sampled and measured: samplers, metrics, bounds and the experiments that put them together.

`analysis.wrap` makes a denoiser of anybody's network, and `analysis.results` reads tables and claims as data frames.
Both are loaded when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["results", "wrap"]

_WHERE = {"results": "analysis.reading", "wrap": "analysis.certify.wrapping"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
