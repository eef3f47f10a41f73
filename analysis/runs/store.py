"""The store of finished cells: one SQLite file, one row a cell, committed as soon as the cell is finished.

A cell is known by its experiment, part, parameters, seed and the fingerprint of the code it depends on; what it looked
up by name stands in its row, each with its mark, and the row counts only while all of them are as they were. A finished
row is never overwritten except on `fresh`; a failed one is replaced by the next attempt. Several sweeps may share a
store: SQLite's write-ahead log serialises their commits. The store is a cache: deleting it costs time, never results.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from analysis.runs import database
from analysis.runs.encoding import digest
from analysis.runs.files import StorageError, make_folder
from analysis.runs.fingerprint import Code

NAME = ".cells.sqlite"
T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    experiment: str
    part: str
    params: str
    seed: int
    fingerprint: str

    @property
    def fields(self) -> tuple[str, str, str, int, str]:
        return (self.experiment, self.part, self.params, self.seed, self.fingerprint)


@dataclass(frozen=True)
class Record:
    """What is known of a cell: rows as text if done, the error if failed; wall and CPU seconds, peak memory in bytes.

    `used` is what it looked up by name, JSON: words of the record -> mark of the code they led to.
    """

    status: str
    rows: str
    error: str
    cost: float
    wall: float
    cpu: float
    peak: int
    used: str = "{}"

    @property
    def done(self) -> bool:
        return self.status == "done"


_FIELDS = "status, rows, error, cost, wall, cpu, peak, used"
_WHERE = "WHERE experiment = ? AND part = ? AND params = ? AND seed = ? AND fingerprint = ?"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


class Store:
    """Finished cells of one results folder. Safe to use from several threads and several processes.

    Args:
        folder: the results folder, made if there is none.
        holds: whether what a cell looked up (words -> mark) is still as it was; by default, in the code as it is now.
        say: told in one line when a damaged store is set aside.
    """

    def __init__(
        self,
        folder: Path,
        holds: Callable[[Mapping[str, str]], bool] | None = None,
        say: Callable[[str], None] = _say,
        look: bool = False,
    ) -> None:
        self.path = folder / NAME
        self._holds, self._known = holds or Code().holds, {"{}": True}
        self._lock, self._say, self._look = threading.RLock(), say, look
        if look:
            self._db = database.look(self.path)
        else:
            make_folder(folder)
            self._db = database.open_or_replace(self.path, say)

    def get(self, key: Key) -> Record | None:
        """The record of a cell, or None; a row whose checksum is wrong, or that used what has changed, counts as
        absent.
        """
        nothing: list[Record] = []
        found = [r for r in self._try(lambda: self._records(key), nothing) if not r.done or self._is_fresh(r.used)]
        return next((r for r in found if r.done), found[0] if found else None)

    def _records(self, key: Key) -> list[Record]:
        found = []
        for seal, *fields in self._db.execute(f"SELECT digest, {_FIELDS} FROM cells {_WHERE}", key.fields):
            record = Record(*fields)
            if seal == _seal(key, record):
                found.append(record)
        return found

    def _is_fresh(self, used: str) -> bool:
        if used not in self._known:
            self._known[used] = self._holds(json.loads(used))
        return self._known[used]

    def done(self, key: Key) -> bool:
        record = self.get(key)
        return record is not None and record.done

    def put(self, key: Key, record: Record, overwrite: bool = False) -> None:
        """Commit a cell. A finished row that still counts stays as it is unless `overwrite`: the first of two sweeps
        wins.
        """

        def write() -> None:
            with self.exclusive():
                if not overwrite and any(r.done and self._is_fresh(r.used) for r in self._records(key)):
                    return
                # failed attempts, and the same cell damaged
                self._db.execute(
                    f"DELETE FROM cells {_WHERE} AND (? OR status != 'done' OR used = ?)",
                    (*key.fields, overwrite, record.used),
                )
                texts = (*key.fields, record.used, record.status, record.rows, record.error, _seal(key, record))
                values = (*texts, record.cost, record.wall, record.cpu, record.peak, time.time())
                self._db.execute(f"INSERT INTO cells VALUES ({', '.join('?' * len(values))})", values)

        self._try(write, None)

    def stale(self, key: Key) -> bool:
        """Whether a cell that does not count now was finished by an earlier version of the code."""
        where = "WHERE experiment = ? AND part = ? AND params = ? AND seed = ? AND status = 'done'"
        statement = f"SELECT 1 FROM cells {where} LIMIT 1"
        found = self._try(lambda: self._db.execute(statement, key.fields[:4]).fetchone(), None)
        return found is not None and not self.done(key)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store's write lock, so that two sweeps merge into shared files one after the other."""
        with self._lock:
            self._plainly("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.rollback()
                raise
            self._plainly("COMMIT")

    def _plainly(self, statement: str) -> None:
        try:
            self._db.execute(statement)
        except sqlite3.Error as error:
            if database.is_damage(error):
                raise
            raise StorageError(f"cannot use the store {self.path}: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, action: Callable[[], T], nothing: T) -> T:
        """`action`; on damage the store is replaced by an empty one first (if only looked at, it holds `nothing`)."""
        with self._lock:
            for _ in range(2):
                try:
                    return action()
                except sqlite3.Error as error:
                    if not database.is_damage(error):
                        raise StorageError(f"cannot use the store {self.path}: {error}") from error
                    if self._look:
                        return nothing
                    inode = self.path.stat().st_ino if self.path.exists() else None
                    self._db.close()
                    database.set_aside(self.path, inode, str(error), self._say)
                    self._db = database.open_or_replace(self.path, self._say)
            raise StorageError(f"cannot use the store {self.path}: it stays damaged")


def _seal(key: Key, record: Record) -> str:
    """Checksum of a row: what it says, and of which cell."""
    numbers = (float(record.cost), float(record.wall), float(record.cpu), int(record.peak))
    return digest("\0".join(map(repr, (*key.fields, record.used, record.status, record.rows, record.error, *numbers))))


def peek(folder: Path, say: Callable[[str], None] = _say) -> Store | None:
    """The store of a folder for reading, if there is one that can be read; never changes anything."""
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        return Store(folder, look=True)
    except database.DamagedError as error:
        say(f"the store {path} is not read ({' '.join(str(error).split())})")
        return None
