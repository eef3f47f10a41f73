"""Files of weights and of interrupted trainings: plain data and tensors, checked before use, written atomically."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

__all__ = ["Interrupted", "digest_of", "read", "uninterrupted", "write"]

_FORMAT = 1


class Interrupted(KeyboardInterrupt):
    """A training that was stopped by a signal, between two steps, with its checkpoint written."""


def digest_of(record: dict[str, Any]) -> str:
    """A short hash of plain JSON data."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]


def write(path: str | os.PathLike, kind: str, config: dict[str, Any], body: dict[str, Any]) -> None:
    """Write `body` (tensors and plain data) under a header; the file is either the old one or the whole new one.

    Args:
        kind: "training" or "denoiser".
        config: plain JSON data that says what the body belongs to; its hash is checked on reading.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    header = {"format": _FORMAT, "kind": kind, "config": json.dumps(config, sort_keys=True), "hash": digest_of(config)}
    try:
        torch.save({"header": header, "body": body}, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(
    path: str | os.PathLike, kind: str, config: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(config, body) of a file written by `write`; nothing in it is executed (weights_only).

    Args:
        config: what the file must belong to; None accepts any.

    Raises:
        ValueError: one line: no such file, not a whole checkpoint, of another kind, or of another configuration (the
            first entries that differ are named).
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"checkpoint {path} does not exist")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about foreign pickle protocols: such a file is refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
        header, body = content["header"], content["body"]
        stored = json.loads(header["config"])
        whole = header["format"] == _FORMAT and header["hash"] == digest_of(stored)
    except (
        RuntimeError,
        EOFError,
        OSError,
        pickle.UnpicklingError,
        KeyError,
        TypeError,
        ValueError,
        IndexError,
        AttributeError,
    ):
        raise ValueError(
            f"checkpoint {path} is not a whole checkpoint of this package: truncated, or another file"
        ) from None
    if not whole:
        raise ValueError(f"checkpoint {path} has a header that does not match its contents")
    if header["kind"] != kind:
        raise ValueError(f"checkpoint {path} must hold a {kind}, it holds a {header['kind']}")
    if config is not None and stored != config:
        raise ValueError(f"checkpoint {path} belongs to another configuration: {_difference(stored, config)}")
    return stored, body


def _difference(stored: dict[str, Any], wanted: dict[str, Any]) -> str:
    keys = [key for key in sorted({*stored, *wanted}) if stored.get(key) != wanted.get(key)]
    shown = [f"{key} is {stored.get(key)!r} there, {wanted.get(key)!r} here" for key in keys[:2]]
    return "; ".join(shown) + (f" (and {len(keys) - 2} more)" if len(keys) > 2 else "")


@contextmanager
def uninterrupted() -> Iterator[list[int]]:
    """Within the block SIGINT and SIGTERM are only noted (in the list given): the caller stops at a whole step.

    Elsewhere than in the main thread signals are not ours to handle, and nothing changes.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    previous = {
        number: signal.signal(number, lambda n, _: caught.append(n)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
