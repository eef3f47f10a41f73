"""The SQLite file under the store: opened in a known layout, or only looked at, or set aside when it is damaged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from analysis.runs.files import StorageError

VERSION = 2
BUSY_SECONDS = 120.0
COLUMNS = (
    "experiment", "part", "params", "seed", "fingerprint", "used",
    "status", "rows", "error", "digest", "cost", "wall", "cpu", "peak", "finished",
)  # fmt: skip
_SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    experiment TEXT NOT NULL, part TEXT NOT NULL, params TEXT NOT NULL, seed INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, used TEXT NOT NULL,
    status TEXT NOT NULL, rows TEXT NOT NULL, error TEXT NOT NULL, digest TEXT NOT NULL,
    cost REAL NOT NULL, wall REAL NOT NULL, cpu REAL NOT NULL, peak INTEGER NOT NULL, finished REAL NOT NULL,
    PRIMARY KEY (experiment, part, params, seed, fingerprint, used)) WITHOUT ROWID
"""
_DAMAGE = ("malformed", "not a database", "encrypted", "integrity", "no such", "unsupported file format", "encoding")


class DamagedError(Exception):
    """What a file that cannot be used as a store has wrong with it."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error means that the file is not what it was, as opposed to a full disk or a lock."""
    return any(word in str(error) for word in _DAMAGE)


def connect(path: Path) -> sqlite3.Connection:
    """The store's file, made if there is none.

    Raises:
        DamagedError: it is no store of this layout.
        sqlite3.Error: anything else (no right, a full disk).
    """
    _look_at_header(path)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_wal(db)
        # Without fsync at each commit a power cut may lose the last cells, never the store; a killed process nothing.
        db.execute("PRAGMA synchronous = NORMAL")
        if (version := db.execute("PRAGMA user_version").fetchone()[0]) == 1:
            db.execute("DROP TABLE IF EXISTS cells")  # fingerprints of that layout are never asked for again
        elif version not in (0, VERSION):
            raise DamagedError(f"layout {version}, this code reads layout {VERSION}")
        _check(db)
        db.execute(_SCHEMA)
        _check_columns(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
        return db
    except sqlite3.Error as error:
        db.close()
        if is_damage(error):
            raise DamagedError(str(error)) from error
        raise
    except BaseException:
        db.close()
        raise


def look(path: Path) -> sqlite3.Connection:
    """The store's file for reading, without changing anything or needing the right to.

    Raises:
        DamagedError: it is no store of this layout.
    """
    _look_at_header(path)
    log = path.with_name(path.name + "-wal")
    # without a log nobody is writing, and SQLite need not create one
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    db = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, isolation_level=None, check_same_thread=False)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise DamagedError(f"layout {version}, this code reads layout {VERSION}")
        _check(db)
        _check_columns(db)
        return db
    except sqlite3.Error as error:
        db.close()
        raise DamagedError(str(error)) from error
    except BaseException:
        db.close()
        raise


def _look_at_header(path: Path) -> None:
    """SQLite takes a file whose format number it does not know for one that may not be written."""
    try:
        with open(path, "rb") as handle:
            header = handle.read(100)
    except OSError:
        return  # absent, or said by SQLite
    if header and (header[:16] != b"SQLite format 3\0" or not {*header[18:20]} <= {1, 2}):
        raise DamagedError("file is not a database")


def _check(db: sqlite3.Connection) -> None:
    # a text that is no text any more is a wrong row, not an unreadable store
    db.text_factory = lambda data: data.decode("utf-8", "replace")
    report = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if report != "ok":
        raise DamagedError(f"integrity: {report}")


def _check_columns(db: sqlite3.Connection) -> None:
    found = tuple(row[1] for row in db.execute("PRAGMA table_info(cells)"))
    if found != COLUMNS:
        raise DamagedError(f"its table has the columns {', '.join(found) or '(none)'}")


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """SQLite does not wait for its lock while it switches modes, so two sweeps that start together must try again."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def open_or_replace(path: Path, say: Callable[[str], None]) -> sqlite3.Connection:
    """`connect`; a damaged file is set aside, with a line, and an empty one takes its place."""
    for _ in range(3):
        inode = path.stat().st_ino if path.exists() else None
        try:
            return connect(path)
        except DamagedError as error:
            set_aside(path, inode, str(error), say)
        except sqlite3.Error as error:
            raise StorageError(f"cannot use the store {path}: {error}") from error
    raise StorageError(f"cannot use the store {path}: it stays damaged")


def set_aside(path: Path, inode: int | None, why: str, say: Callable[[str], None]) -> None:
    """Rename a damaged store and its log. Another sweep may have done so already: then the file is a different one."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        if not path.exists() or path.stat().st_ino != inode:
            return
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            companion = path.with_name(path.name + suffix)
            if companion.exists():
                companion.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise StorageError(f"cannot set the damaged store {path} aside: {error.strerror}") from error
    say(f"the store {path} is damaged ({' '.join(why.split())}): set aside as {aside.name}, starting with an empty one")
