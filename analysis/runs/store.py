"""The store of finished cells: one SQLite file, one row a cell, committed as soon as the cell is finished.

A cell is known by its experiment, part, parameters, seed and the fingerprint of the code it depends on. A finished row is
never overwritten except on `fresh`; a failed one is replaced by the next attempt. Several sweeps may share a store: SQLite's
write-ahead log serialises their commits. The store is a cache: deleting it costs time, never results.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analysis.runs.encoding import digest
from analysis.runs.files import StorageError, make_folder

NAME = ".cells.sqlite"
VERSION = 1
BUSY_SECONDS = 120.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS cells (
    experiment TEXT NOT NULL, part TEXT NOT NULL, params TEXT NOT NULL, seed INTEGER NOT NULL, fingerprint TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed')), rows TEXT NOT NULL, error TEXT NOT NULL, digest TEXT NOT NULL,
    cost REAL NOT NULL, wall REAL NOT NULL, cpu REAL NOT NULL, peak INTEGER NOT NULL, finished REAL NOT NULL,
    PRIMARY KEY (experiment, part, params, seed, fingerprint)) WITHOUT ROWID
"""
_DAMAGE = ("malformed", "not a database", "file is encrypted", "integrity")


@dataclass(frozen=True)
class Key:
    experiment: str
    part: str
    params: str
    seed: int
    fingerprint: str

    @property
    def fields(self) -> tuple:
        return (self.experiment, self.part, self.params, self.seed, self.fingerprint)


@dataclass(frozen=True)
class Record:
    """What is known of a cell: rows as text if done, the error if failed; wall and CPU seconds, peak memory in bytes."""

    status: str
    rows: str
    error: str
    cost: float
    wall: float
    cpu: float
    peak: int

    @property
    def done(self) -> bool:
        return self.status == "done"


_FIELDS = "status, rows, error, cost, wall, cpu, peak"
_WHERE = "WHERE experiment = ? AND part = ? AND params = ? AND seed = ? AND fingerprint = ?"


class Store:
    """Finished cells of one results folder. Safe to use from several threads and several processes."""

    def __init__(self, folder: Path, say=lambda line: print(line, file=sys.stderr)) -> None:
        self.path = folder / NAME
        make_folder(folder)
        self._lock = threading.RLock()
        self._db = _open(self.path, say)

    def get(self, key: Key) -> Record | None:
        """The record of a cell, or None; a row whose checksum is wrong counts as absent."""
        with self._using():
            row = self._db.execute(f"SELECT digest, {_FIELDS} FROM cells {_WHERE}", key.fields).fetchone()
        if row is None or row[0] != digest(row[2]):
            return None
        return Record(*row[1:])

    def done(self, key: Key) -> bool:
        record = self.get(key)
        return record is not None and record.done

    def put(self, key: Key, record: Record, overwrite: bool = False) -> None:
        """Commit a cell. A finished row stays as it is unless `overwrite`; the first of two sweeps wins."""
        keep = "" if overwrite else "WHERE cells.status = 'failed' OR cells.digest != ?"
        values = (record.status, record.rows, record.error, digest(record.rows), record.cost, record.wall, record.cpu)
        values += (record.peak, time.time())
        columns = ("status", "rows", "error", "digest", "cost", "wall", "cpu", "peak", "finished")
        update = ", ".join(f"{c} = excluded.{c}" for c in columns)
        statement = (
            f"INSERT INTO cells (experiment, part, params, seed, fingerprint, {', '.join(columns)}) "
            f"VALUES ({', '.join('?' * 14)}) "
            f"ON CONFLICT (experiment, part, params, seed, fingerprint) DO UPDATE SET {update} {keep}"
        )
        extra = () if overwrite else (self._stored_digest(key),)
        with self._using():
            self._db.execute(statement, key.fields + values + extra)

    def _stored_digest(self, key: Key) -> str:
        """Checksum of the rows as they are stored now: differs from the stored digest only if the row is damaged."""
        with self._using():
            row = self._db.execute(f"SELECT rows FROM cells {_WHERE}", key.fields).fetchone()
        return digest(row[0]) if row else ""

    def stale(self, key: Key) -> bool:
        """Whether the cell was finished by an earlier version of the code."""
        with self._using():
            found = self._db.execute(
                "SELECT 1 FROM cells WHERE experiment = ? AND part = ? AND params = ? AND seed = ? "
                "AND fingerprint != ? AND status = 'done' LIMIT 1",
                key.fields,
            ).fetchone()
        return found is not None

    @contextmanager
    def exclusive(self):
        """Hold the store's write lock, so that two sweeps merge into shared files one after the other."""
        with self._using():
            self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            with self._using():
                self._db.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _using(self):
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise StorageError(f"cannot use the store {self.path}: {error}") from error


def peek(folder: Path) -> Store | None:
    """The store of a folder if there is one; never creates anything."""
    return Store(folder) if (folder / NAME).is_file() else None


def _open(path: Path, say) -> sqlite3.Connection:
    for _ in range(3):
        inode = path.stat().st_ino if path.exists() else None
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if not any(word in str(error) for word in _DAMAGE):
                raise StorageError(f"cannot use the store {path}: {error}") from error
            _set_aside(path, inode, str(error), say)
    raise StorageError(f"cannot use the store {path}: it stays damaged")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _switch_to_wal(db)
        # Without fsync at each commit a power cut may lose the last cells, never the store; a killed process loses nothing.
        db.execute("PRAGMA synchronous = NORMAL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"integrity: layout {version}, this code reads layout {VERSION}")
        report = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if report != "ok":
            raise sqlite3.DatabaseError(f"integrity: {report}")
        db.execute(_SCHEMA)
        db.execute(f"PRAGMA user_version = {VERSION}")
        return db
    except BaseException:
        db.close()
        raise


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


def _set_aside(path: Path, inode: int | None, why: str, say) -> None:
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
