"""With how many threads and in which precision a network computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from manifolds.checks import positive_int

__all__ = ["PRECISIONS", "checked_precision", "computing_with", "tf32"]

PRECISIONS = ("float32", "tf32", "bfloat16", "fastest")


def checked_precision(precision: str, device: str) -> str:
    """The precision that is meant; ValueError for one that the device has not got."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    kind = torch.device(device).type
    has_bfloat16 = kind == "cpu" or (kind == "cuda" and torch.cuda.is_bf16_supported())
    if precision == "fastest":
        return "bfloat16" if kind == "cuda" and has_bfloat16 else "float32"
    if (precision == "bfloat16" and not has_bfloat16) or (precision == "tf32" and kind != "cuda"):
        raise ValueError(f"precision {precision} is not available on {device}; float32 always is")
    return precision


@contextmanager
def computing_with(count: int) -> Iterator[None]:
    """Within the block torch computes with `count` threads: sums are then taken in one order on any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(positive_int(count, "threads"))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def tf32(wanted: bool) -> Iterator[None]:
    """Within the block CUDA multiplies matrices with 10 bits of mantissa, if wanted."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = wanted
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
