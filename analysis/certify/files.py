"""Data of a reader's own: an array in a file, a folder of images of one size, or module:object."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from manifolds.references import is_reference, load, path

__all__ = ["read_data"]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def read_data(where: str) -> np.ndarray:
    """Data (n, ...) as floating-point numbers; whole numbers of eight bits are divided by 255.

    Args:
        where: a .npy file; a .npz file with one array, or one called `images`, `data` or `x`; a folder of images; or
            `module:object`, an array or a function that returns one.

    Raises:
        ValueError: in one line, what was found instead.

    >>> read_data("numpy:eye")
    Traceback (most recent call last):
    ValueError: data 'numpy:eye' does not come (TypeError: eye() missing 1 required positional argument: 'N')
    """
    if is_reference(where) and not Path(where).exists():
        return _numbers(_object(where), where)
    found = path(where)
    if found.is_dir():
        return _folder(found)
    try:
        return _numbers(_array(found), where)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"cannot read data {where}: {' '.join(str(error).split())}") from None


def _object(reference: str) -> Any:
    found = load(reference, "data")
    if not callable(found):
        return found
    try:
        return found()
    except Exception as error:  # a stranger's code
        words = " ".join(str(error).split())
        raise ValueError(f"data {reference!r} does not come ({type(error).__name__}: {words})") from error


def _array(file: Path) -> Any:
    if file.suffix == ".npy":
        return np.load(file, allow_pickle=False)
    if file.suffix != ".npz":
        raise ValueError(f"data must be a folder of images, .npy, .npz or module:object, got {file}")
    with np.load(file, allow_pickle=False) as held:
        names = [name for name in ("images", "data", "x") if name in held] or held.files
        if len(names) != 1 and names == held.files:
            raise ValueError(f"data {file} must hold one array or one called images, data or x, got {names}")
        return held[names[0]]


def _numbers(found: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found)
    except (TypeError, ValueError):
        array = np.empty(0, dtype=object)
    if array.dtype == np.uint8:
        return array / 255.0
    if not (np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"data {where} must be an array of numbers, got {type(found).__name__} of {array.dtype}")
    return array.astype(np.float64)


def _folder(folder: Path) -> np.ndarray:
    from PIL import Image

    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(f"data {folder} must hold images ({', '.join(SUFFIXES)}), got none")
    images = []
    for file in files:
        try:
            with Image.open(file) as image:
                images.append(np.asarray(image.convert("RGB" if image.mode not in ("L", "1") else "L")))
        except OSError as error:
            raise ValueError(f"cannot read image {file}: {' '.join(str(error).split())}") from None
        if images[-1].shape != images[0].shape:
            sizes = f"{images[0].shape} and {images[-1].shape} ({file.name})"
            raise ValueError(f"data {folder} must hold images of one size and mode, got {sizes}")
    array = np.stack(images) / 255.0
    return array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)
