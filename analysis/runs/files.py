"""Writing results: every file is complete or absent, and a set of files is replaced together or not at all."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path


class StorageError(Exception):
    """The results folder cannot be used (full disk, read-only, damaged while in use); the message is one line."""


@contextmanager
def writing(path: Path):
    """Turns an operating-system error below into a StorageError that names the path."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def make_folder(path: Path) -> None:
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


class ClusterLostError(Exception):
    """Nobody is left who could compute; the message is one line."""


class Publication:
    """A set of files written side by side as temporary files and then renamed into place, so that an error while
    writing (a full disk) leaves the old set untouched."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._staged: dict[Path, Path] = {}
        self.checksums: dict[str, str] = {}

    def __enter__(self) -> Publication:
        return self

    def __exit__(self, *_: object) -> None:
        for temporary in self._staged.values():
            with suppress(OSError):  # what kept it from being written may keep it from being removed
                temporary.unlink(missing_ok=True)
        self._staged.clear()

    def add(self, relative: str, data: bytes) -> None:
        """Stage `data` as the new content of root/relative."""
        target = self.root / relative
        make_folder(target.parent)
        _sweep_leftovers(target)
        temporary = target.parent / f".{target.name}.{os.getpid()}.tmp"
        self._staged[target] = temporary
        with writing(target), open(temporary, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        self.checksums[relative] = sha256(data).hexdigest()

    def commit(self) -> None:
        for target, temporary in self._staged.items():
            with writing(target):
                os.replace(temporary, target)
        self._staged.clear()


# what this suite publishes below a results folder; a manifest is a file that anyone may have written
_PUBLISHED = re.compile(r"(tables|figures)/[A-Za-z0-9_][\w.+-]*")


def remove(root: Path, relative: str) -> None:
    """Remove a file that an earlier run published; nothing else, and nothing outside the folder."""
    path = root / relative
    if _PUBLISHED.fullmatch(relative) and not path.parent.is_symlink() and (path.is_file() or path.is_symlink()):
        with writing(path):
            path.unlink(missing_ok=True)


def _sweep_leftovers(target: Path) -> None:
    """Remove temporary files of processes that were killed while they wrote this target."""
    import psutil

    for leftover in target.parent.glob(f".{target.name}.*.tmp"):
        owner = leftover.name.rsplit(".", 2)[-2]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)
