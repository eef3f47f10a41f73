"""The store of finished cells: what is kept, what is replaced, and what two users of one store see."""

import json
import sqlite3
import threading

import pytest

from analysis.runs.files import Publication, StorageError
from analysis.runs.store import Key, Record, Store, peek

KEY = Key("waves", "waves", '{"x":1}', 0, "mark")


def _record(value, status="done"):
    rows = json.dumps([{"y": value}]) if status == "done" else "[]"
    return Record(status, rows, "" if status == "done" else f"ValueError: {value}", 1.0, 0.1, 0.1, 10)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path) as opened:
        yield opened


def test_a_finished_cell_is_found_by_every_part_of_its_key_only(store):
    store.put(KEY, _record(1))
    assert store.get(KEY) == _record(1)
    for other in (
        Key("wave", "waves", '{"x":1}', 0, "mark"),
        Key("waves", "wave", '{"x":1}', 0, "mark"),
        Key("waves", "waves", '{"x":2}', 0, "mark"),
        Key("waves", "waves", '{"x":1}', 1, "mark"),
        Key("waves", "waves", '{"x":1}', 0, "other"),
    ):
        assert store.get(other) is None
    assert store.stale(Key("waves", "waves", '{"x":1}', 0, "other"))
    assert not store.stale(KEY)


def test_finished_cells_are_not_overwritten_and_failed_ones_are(store):
    store.put(KEY, _record("first", "failed"))
    assert not store.done(KEY)
    store.put(KEY, _record("second", "failed"))
    assert store.get(KEY).error == "ValueError: second"
    store.put(KEY, _record(1))
    for later in (_record(2), _record("third", "failed")):
        store.put(KEY, later)
        assert store.get(KEY) == _record(1)
    store.put(KEY, _record(3), overwrite=True)
    assert store.get(KEY) == _record(3)


def test_what_one_store_commits_another_sees_at_once(tmp_path, store):
    with Store(tmp_path) as second:
        store.put(KEY, _record(1))
        assert second.get(KEY) == _record(1)


def test_the_store_outlives_its_process_without_being_closed(tmp_path):
    first = Store(tmp_path)
    first.put(KEY, _record(1))
    with Store(tmp_path) as second:
        assert second.get(KEY) == _record(1)
    first.close()


def test_many_threads_with_two_stores_lose_nothing(tmp_path):
    with Store(tmp_path) as a, Store(tmp_path) as b:

        def fill(store, start):
            for i in range(start, 200, 2):
                store.put(Key("waves", "waves", str(i // 2), 0, "mark"), _record(i // 2))

        threads = [threading.Thread(target=fill, args=(s, i)) for i, s in enumerate((a, b))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [a.get(Key("waves", "waves", str(i), 0, "mark")) for i in range(100)]
    assert found == [_record(i) for i in range(100)]


def test_a_row_with_a_wrong_checksum_is_absent_and_can_be_replaced(tmp_path, store):
    store.put(KEY, _record(1))
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        db.execute("UPDATE cells SET rows = '[{\"y\": 7}]'")
    assert store.get(KEY) is None
    store.put(KEY, _record(1))
    assert store.get(KEY) == _record(1)


def test_a_store_of_another_layout_is_set_aside(tmp_path):
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    said = []
    with Store(tmp_path, say=said.append) as store:
        assert store.get(KEY) is None
    assert len(said) == 1
    assert "layout 99, this code reads layout 2" in said[0]
    assert (tmp_path / ".cells.sqlite.damaged-1").is_file()


def test_looking_never_creates_a_store(tmp_path):
    assert peek(tmp_path / "none") is None
    assert list(tmp_path.iterdir()) == []


def test_the_lock_keeps_a_second_writer_waiting(tmp_path, store):
    order = []

    def second():
        with Store(tmp_path) as other, other.exclusive():
            order.append("second")

    thread = threading.Thread(target=second)
    with store.exclusive():
        thread.start()
        thread.join(timeout=0.3)
        assert thread.is_alive()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_set_of_files_is_replaced_together_or_not_at_all(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("old")
    with pytest.raises(StorageError, match="cannot write .*/a.csv: "), Publication(tmp_path) as publication:
        publication.add("a.csv", b"new")
        publication.add("a.csv/c.csv", b"new")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.csv": "old", "b.csv": "old"}
    with Publication(tmp_path) as publication:
        publication.add("a.csv", b"new")
        publication.add("tables/c.csv", b"new")
        publication.commit()
    assert {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*.csv")} == {
        "a.csv": "new",
        "b.csv": "old",
        "tables/c.csv": "new",
    }


def test_temporary_files_of_killed_writers_are_removed_and_of_living_ones_kept(tmp_path):
    dead, living = tmp_path / ".a.csv.999999999.tmp", tmp_path / ".a.csv.1.tmp"
    for path in (dead, living):
        path.write_text("half")
    with Publication(tmp_path) as publication:
        publication.add("a.csv", b"whole")
        publication.commit()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.csv.1.tmp", "a.csv"]
