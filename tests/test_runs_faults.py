"""Faults with real processes: kill -9 at random moments, two sweeps on one store, a full disk, a read-only folder,
damage.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import time

import pytest
import toy_process

KILLS = 24
CELLS = 120


def _table(out):
    return (out / "tables" / "waves.csv").read_bytes()


def _done(out) -> set[str]:
    """Cells that the store holds, in the words of the execution log."""
    if not (out / ".cells.sqlite").is_file():
        return set()
    with sqlite3.connect(out / ".cells.sqlite", timeout=30) as db:
        try:
            rows = db.execute("SELECT params FROM cells WHERE status = 'done'").fetchall()
        except sqlite3.OperationalError as error:
            assert "no such table" in str(error)  # killed before the store was laid out
            return set()
    return {f"waves {json.loads(params)['x']}" for (params,) in rows}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    out = tmp_path_factory.mktemp("reference")
    assert toy_process.run("WAVES", "--out", out, "--jobs", 1, "--cells", CELLS).returncode == 0
    return {name: (out / name).read_bytes() for name in ("tables/waves.csv", "claims.csv", "tables/controls.csv")}


def test_kill_9_at_random_moments_loses_and_repeats_nothing(tmp_path, reference):
    """Whatever the moment, a restart computes only what the store lacks, and the files end up byte for byte the
    same.
    """
    out, log = tmp_path / "out", tmp_path
    moments = random.Random(20)
    for attempt in range(KILLS):
        before, logged = _done(out), len(toy_process.executed(log))
        process = toy_process.start(
            "WAVES", "--out", out, "--jobs", 1 + attempt % 2, "--cells", CELLS, toy_folder=log, sleep=15
        )
        _wait_for_a_moment(process, log, logged, moments)
        workers = toy_process.children(process)
        process.kill()
        process.communicate()
        assert toy_process.wait_until(lambda w=workers: not toy_process.alive(w), 10), "a worker outlived its parent"
        again = toy_process.executed(log)[logged:]
        assert not before & set(again), "a finished cell was computed again"
        assert before <= _done(out), "a finished cell was lost"
        for name, data in reference.items():
            if (out / name).exists():
                assert (out / name).read_bytes() == data, "a half-written file"
    assert _done(out), "no kill came after the first finished cell"
    done = toy_process.run("WAVES", "--out", out, "--jobs", 2, "--cells", CELLS)
    assert done.returncode == 0, done.stderr
    assert {name: (out / name).read_bytes() for name in reference} == reference
    leftovers = [p.name for p in out.rglob(".*.tmp")]
    assert leftovers == []


def _wait_for_a_moment(process, log, logged, moments):
    """A random moment: by the clock (start-up, publication) or by progress, so that a busy machine is tested alike."""
    if moments.random() < 0.3:
        time.sleep(moments.uniform(0.2, 1.5))
        return
    cells = moments.randrange(1, 16)
    toy_process.wait_until(lambda: len(toy_process.executed(log)) >= logged + cells or process.poll() is not None, 20)
    time.sleep(moments.uniform(0.0, 0.05))


def test_two_sweeps_share_a_store(tmp_path, reference):
    both = [toy_process.start("WAVES", "--out", tmp_path, "--jobs", 1, "--cells", CELLS, sleep=5) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert {name: (tmp_path / name).read_bytes() for name in reference} == reference
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        assert db.execute("SELECT count(*), count(DISTINCT params) FROM cells").fetchone() == (CELLS, CELLS)


def test_a_damaged_store_is_set_aside_and_said(tmp_path, reference):
    assert toy_process.run("WAVES", "--out", tmp_path, "--cells", CELLS).returncode == 0
    store = tmp_path / ".cells.sqlite"
    for number, damage in enumerate((_overwrite_the_middle, _overwrite_all), start=1):
        damage(store)
        broken = store.read_bytes()
        done = toy_process.run("WAVES", "--out", tmp_path, "--cells", CELLS)
        assert done.returncode == 0, done.stderr
        said = [line for line in done.stderr.splitlines() if "damaged" in line]
        assert len(said) == 1
        assert f"set aside as .cells.sqlite.damaged-{number}" in said[0]
        assert (tmp_path / f".cells.sqlite.damaged-{number}").read_bytes() == broken
        assert _table(tmp_path) == reference["tables/waves.csv"]


def _overwrite_the_middle(store):
    with open(store, "r+b") as handle:
        handle.seek(4096)
        handle.write(b"\xaa" * 8192)


def _overwrite_all(store):
    store.write_bytes(b"not a store\n" * 1000)


def test_a_single_damaged_row_is_computed_again(tmp_path, reference):
    assert toy_process.run("WAVES", "--out", tmp_path, "--cells", CELLS).returncode == 0
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        db.execute("UPDATE cells SET rows = replace(rows, '1', '2') WHERE params = ?", ('{"x":7}',))
    done = toy_process.run("WAVES", "--out", tmp_path, "--cells", CELLS, toy_folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert toy_process.executed(tmp_path) == ["waves 7"]
    assert _table(tmp_path) == reference["tables/waves.csv"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few hundred kB (needs the right to mount)."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_one_line_and_nothing_half_written(small_disk, tmp_path, reference):
    out = small_disk / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    kept = {p.name: p.read_bytes() for p in out.rglob("*.csv")}
    ballast = small_disk / "ballast"
    with open(ballast, "wb", buffering=0) as handle, pytest.raises(OSError, match="No space"):
        while True:
            handle.write(b"0" * 1024)
    full = toy_process.run("WAVES", "--out", out, "--cells", CELLS, "--jobs", 2)
    assert full.returncode == 1
    assert len(full.stderr.splitlines()) == 1, full.stderr
    assert str(small_disk) in full.stderr
    assert {p.name: p.read_bytes() for p in out.rglob("*.csv")} == kept
    assert list(out.rglob(".*.tmp")) == []
    ballast.unlink()
    again = toy_process.run("WAVES", "--out", tmp_path / "elsewhere", "--cells", CELLS)
    assert again.returncode == 0
    shutil.rmtree(out)
    assert toy_process.run("WAVES", "--out", out, "--cells", 16).returncode == 0


def test_a_disk_that_fills_while_files_are_written_keeps_the_old_set(tmp_path):
    """The limit on file size stands for the full disk: the table is larger than it, the store is not touched."""
    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    kept = {p.name: p.read_bytes() for p in out.rglob("*.csv")}
    assert toy_process.run("WAVES", "--out", tmp_path / "filler", "--cells", 800).returncode == 0
    shutil.copy(tmp_path / "filler" / ".cells.sqlite", out / ".cells.sqlite")
    code = (
        "import resource, signal, sys, toy_runs; from analysis.runs import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (36_000, 36_000));"
        "sys.exit(main(toy_runs.WAVES))"
    )
    arguments = toy_process.command("WAVES", "--out", out, "--cells", 800)
    arguments[2] = code
    done = subprocess.run(
        arguments, env=toy_process.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "cannot write" in done.stderr
    assert {p.name: p.read_bytes() for p in out.rglob("*.csv")} == kept
    assert list(out.rglob(".*.tmp")) == []


def test_a_results_folder_below_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = toy_process.run("WAVES", "--out", tmp_path / "file" / "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"cannot read {tmp_path}/file/out/manifest.json: Not a directory"]


def test_a_read_only_results_folder_is_one_line(tmp_path):
    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    mounted = subprocess.run(["mount", "--bind", "-o", "ro", out, out], capture_output=True, check=False)
    if mounted.returncode == 0:
        release = ["umount", "-l", str(out)]
    else:
        if os.geteuid() == 0:
            pytest.skip("root ignores permissions and cannot mount here")
        out.chmod(0o500)
        release = ["chmod", "700", str(out)]
    try:
        done = toy_process.run("WAVES", "--out", out, "--cells", 9)
    finally:
        subprocess.run(release, check=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert str(out) in done.stderr
