"""Hostile surroundings with real processes: closed pipes, foreign files, signals, cells that hang, exit or kill."""

import json
import os
import random
import signal
import sqlite3
import subprocess

import pytest
import toy_process

from analysis.runs.store import Key, Record, Store

FILES = ("tables/waves.csv", "claims.csv", "tables/controls.csv", "manifest.json")


def _shell(tail, name, *arguments, **environment):
    """Runs `toy_runs.<name>` in bash with something behind its command line; the last line says its status."""
    words = " ".join(f"'{w}'" for w in toy_process.command(name, *arguments))
    return subprocess.run(
        ["bash", "-c", f'{words} {tail}; echo "status ${{PIPESTATUS[0]}}" >&2'],
        env={**toy_process.environment(), **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("tail", ["| true", "| head -c 1", "2>&1 | true", ">&-", "2>&-", "> /dev/full"])
def test_results_are_written_whatever_becomes_of_the_screen(tmp_path, tail):
    assert toy_process.run("WAVES", "--out", tmp_path / "plain", "--cells", 8).returncode == 0
    out = tmp_path / "out"
    out.mkdir()
    (out / "REPORT.md").write_text("old")
    done = _shell(tail, "WAVES", "--out", out, "--cells", 8)
    lines = done.stderr.splitlines()
    assert lines[-1] == ("status 1" if "full" in tail else "status 0")
    assert lines[:-1] == (["cannot write to standard output: No space left on device"] if "full" in tail else [])
    for name in FILES[:3]:
        assert (out / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    assert "Q1" in (out / "REPORT.md").read_text()


def test_a_screen_without_unicode_shows_a_path_with_it(tmp_path):
    out = tmp_path / "d\u00e9bruit\u00e9"
    done = _shell("", "WAVES", "--out", out, "--cells", 8, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert done.stderr.splitlines()[-1] == "status 0", done.stderr
    assert "bruit\\" in done.stdout  # the letter as its escape


@pytest.mark.parametrize("victim", ["../victim", "ABSOLUTE", "tables/../../victim", "tables/sub/victim", "victim"])
def test_nothing_outside_what_was_published_is_removed(tmp_path, victim):
    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    target = tmp_path / "victim" if victim == "ABSOLUTE" else (out / victim)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("precious")
    whole = json.loads((out / "manifest.json").read_text())
    whole["experiments"]["waves"]["files"][str(target) if victim == "ABSOLUTE" else victim] = "0" * 64
    (out / "manifest.json").write_text(json.dumps(whole))
    assert toy_process.run("WAVES", "--out", out, "--cells", 9).returncode == 0
    assert target.read_text() == "precious"


BROKEN = {
    "claims.csv": {
        "latin": lambda text: text.encode().replace(b"trace", b"tr\xe4ce", 1),
        "short": lambda text: text.encode() + b"Q2,toy\n",
        "long": lambda text: (text.rstrip("\n") + ",more\n").encode(),
        "words": lambda text: text.encode() + b"Q2,a,b,c,many,0,1,d,e,holds,other,toy,,0.1,1,\n",
        "nul": lambda text: text.encode() + b"Q2,a\0,b,c,1,0,1,d,e,holds\n",
    },
    "manifest.json": {
        "list": lambda text: json.dumps({"experiments": {"waves": []}}).encode(),
        "files": lambda text: json.dumps({"experiments": {"waves": {"files": []}}}).encode(),
        "claims": lambda text: json.dumps({"experiments": {"waves": {"claims": {"Q1": 3}}}}).encode(),
        "no JSON": lambda text: text.encode()[:-20],
        "empty": lambda text: b"",
        "no table": lambda text: b"[1]",
        "latin": lambda text: b"{\xe4}",
        "deep": lambda text: b"[" * 100_000,
    },
}


@pytest.mark.parametrize(("name", "how"), [(n, h) for n, hows in BROKEN.items() for h in hows])
def test_a_file_that_cannot_be_merged_into_is_said_before_anything_is_computed(tmp_path, name, how):
    out, log = tmp_path / "out", tmp_path / "log"
    log.mkdir()
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    (out / name).write_bytes(BROKEN[name][how]((out / name).read_text()))
    before = {f: (out / f).read_bytes() for f in FILES}
    done = toy_process.run("WAVES", "--out", out, "--cells", 9, toy_folder=log)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert name in done.stderr
    assert toy_process.executed(log) == []
    assert {f: (out / f).read_bytes() for f in FILES} == before


@pytest.mark.parametrize("jobs", [1, 2])
def test_cells_that_hang_exit_or_speak_strangely_are_failed_cells(tmp_path, jobs):
    done = toy_process.run("STRANGE", "--out", tmp_path, "--jobs", jobs, "--cell-timeout", "1.5")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = (tmp_path / "tables" / "strange.csv").read_text().splitlines()[1:]
    found = {line.split(",")[0]: line.split(",", 2)[-1] for line in lines}
    assert found["well"] == "ok"
    assert found["hangs"] == "failed: OutOfTimeError: longer than 1.5 s (--cell-timeout)"
    assert found["exits"] == "failed: SystemExit: 5"
    assert found["surrogate error"] == r"failed: ValueError: \udcff"
    assert found["surrogate row"].startswith("failed: ValueError: row 'y' holds a lone surrogate")


def test_a_cell_that_nothing_can_interrupt_is_a_failed_one_with_one_job_too(tmp_path):
    done = toy_process.run("DEAF", "--out", tmp_path, "--jobs", 1, "--cell-timeout", "0.5")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("deaf: 1 of 2 cells failed, the first with WorkerDied: ")
    assert "or longer than 0.5 s (--cell-timeout)" in done.stderr
    assert (tmp_path / "tables" / "strange.csv").read_text().splitlines()[2].endswith(",ok")


def test_a_worker_killed_while_it_draws_costs_one_figure(tmp_path):
    done = toy_process.run("DRAWN", "--out", tmp_path, "--jobs", 2)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "drawn: figure toy_killing cannot be drawn (its worker was killed, or out of memory)"
    ]
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == ["toy_curve.pdf", "toy_curve.png"]


def test_where_every_cell_fails_nothing_is_published_and_the_cause_is_said(tmp_path):
    done = toy_process.run("HOPELESS", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["hopeless: every cell failed, the first with ValueError: no hope"]
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".cells")] == []


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("jobs", [1, 2])
def test_signals_end_a_sweep_like_ctrl_c(tmp_path, kind, jobs):
    out, log = tmp_path / "out", tmp_path / "log"
    log.mkdir()
    process = toy_process.start("WAVES", "--out", out, "--jobs", jobs, "--cells", 60, toy_folder=log, sleep=50)
    assert toy_process.wait_until(lambda: len(toy_process.executed(log)) >= 8)
    workers = toy_process.children(process)
    process.send_signal(kind)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines() == ["interrupted: finished cells are kept, the same command continues"]
    assert toy_process.wait_until(lambda: not toy_process.alive(workers), 20)
    with sqlite3.connect(out / ".cells.sqlite") as db:
        assert db.execute("SELECT count(*) FROM cells WHERE status = 'done'").fetchone()[0] >= 6


def _filled(folder, cells=60):
    keys = [Key("waves", "waves", json.dumps({"x": x}), 0, "mark") for x in range(cells)]
    with Store(folder) as store:
        for x, key in enumerate(keys):
            store.put(key, Record("done", json.dumps([{"y": x, "text": "a" * 50}]), "", 1.0, 0.5, 0.5, 10))
    return keys


def test_flipped_bits_never_give_a_wrong_row_or_a_refused_folder(tmp_path):
    keys = _filled(tmp_path / "whole")
    clean = (tmp_path / "whole" / ".cells.sqlite").read_bytes()
    moments = random.Random(7)
    found = 0
    for attempt in range(200):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        data = bytearray(clean)
        place = moments.randrange(100 if attempt < 60 else len(data))  # the header is small, and a flip there matters
        data[place] ^= 1 << moments.randrange(8)
        (folder / ".cells.sqlite").write_bytes(bytes(data))
        said = []
        with Store(folder, say=said.append) as store:
            for x, key in enumerate(keys):
                record = store.get(key)
                if record is not None:
                    assert record.rows == json.dumps([{"y": x, "text": "a" * 50}])
                    assert record.done
                    found += 1
                else:
                    store.put(key, Record("done", json.dumps([{"y": x, "text": "a" * 50}]), "", 1.0, 0.5, 0.5, 10))
            assert all(store.done(key) for key in keys)
        assert len(said) <= 1
    assert found > 60 * 100


@pytest.mark.parametrize("column", ["experiment", "part", "params", "seed", "fingerprint", "used", "status", "rows"])
def test_a_row_that_says_something_else_than_it_was_sealed_for_is_absent(tmp_path, column):
    """As one flipped bit can make it: the row of another cell, another seed, other code, another result."""
    _filled(tmp_path, cells=1)
    changed = {"seed": 1, "params": '{"x": 8}', "rows": "[]", "used": '{"a:b":"c"}', "status": "failed"}.get(
        column, "other"
    )
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        db.execute(f"UPDATE cells SET {column} = ?", (changed,))
    fields = dict(experiment="waves", part="waves", params='{"x": 0}', seed=0, fingerprint="mark")
    with Store(tmp_path) as store:
        assert store.get(Key(**{**fields, **({column: changed} if column in fields else {})})) is None


def test_a_foreign_table_is_set_aside(tmp_path):
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        db.execute("CREATE TABLE cells (a TEXT)")
    db.close()
    said = []
    with Store(tmp_path, say=said.append) as store:
        store.put(Key("a", "b", "{}", 0, "m"), Record("done", "[]", "", 1.0, 1.0, 1.0, 1))
    assert len(said) == 1
    assert "its table has the columns a" in said[0]


@pytest.mark.parametrize("state", ["newer", "damaged", "read-only"])
def test_looking_at_a_store_changes_nothing(tmp_path, state):
    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    if state == "newer":
        with sqlite3.connect(out / ".cells.sqlite") as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
    if state == "damaged":
        (out / ".cells.sqlite").write_bytes(b"nonsense" * 1000)
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    with Frozen(out, state == "read-only"):
        done = toy_process.run("WAVES", "--out", out, "--cells", 9, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert ("8 of them in the store" in done.stdout) == (state == "read-only")
    assert len(done.stderr.splitlines()) == (state != "read-only")
    assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before


class Frozen:
    """A folder that cannot be written to (by a read-only mount where the tests run as root)."""

    def __init__(self, folder, wanted):
        self.folder, self.wanted = str(folder), wanted

    def __enter__(self):
        if self.wanted:
            mounted = subprocess.run(["mount", "--bind", "-o", "ro", self.folder, self.folder], capture_output=True)
            if mounted.returncode != 0 and os.geteuid() == 0:
                pytest.skip("root ignores permissions and cannot mount here")
            self.release = ["umount", "-l", self.folder] if mounted.returncode == 0 else ["chmod", "700", self.folder]
            os.chmod(self.folder, 0o500) if mounted.returncode else None

    def __exit__(self, *_):
        if self.wanted:
            subprocess.run(self.release, check=True)


def test_a_report_in_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    from analysis import report
    from analysis.runs.command import guarded

    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    with Frozen(out, True):
        assert guarded(lambda: report.write(out)) == 1
    assert guarded(lambda: report.write(out)) == 0


def test_a_value_given_twice_is_one_selection(tmp_path):
    from analysis.runs import Argument, positive_int
    from analysis.runs.options import parse

    arguments = (
        Argument("--dim", type=positive_int, nargs="+", default=(8,)),
        Argument("--ends", type=positive_int, nargs=2, default=(1, 2)),
    )
    options = parse(
        toy_process.toys().waves_experiment(arguments=arguments), ["--dim", "4", "2", "4", "2", "--ends", "3", "3"]
    )
    assert options.dim == (4, 2)
    assert options.ends == (3, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--seed 9223372036854775808", "argument --seed: must be a whole number from 0 to 2**63 - 1"),
        ("--cells 10**400", "argument --cells: must be a whole number from 1 to 1e300"),
        ("--cell-timeout 0", "argument --cell-timeout: must be a finite number > 0"),
        ("--cells 9", "--cells 9: not a selection that can be planned (RuntimeError: too many)"),
        ("--part old --cells x", "--part old has moved: use python -m analysis.elsewhere"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, monkeypatch, capsys, words, says):
    from analysis import registry
    from analysis.runs import main

    monkeypatch.setitem(registry.MOVED, ("waves", "--part", "old"), "python -m analysis.elsewhere")
    toys = toy_process.toys()
    monkeypatch.setattr(toys, "WAVES", toys.waves_experiment(cells=_nine_is_too_many))
    assert main(toys.WAVES, ["--out", str(tmp_path / "out"), *words.split()]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert says in said
    assert not (tmp_path / "out").exists()


def _nine_is_too_many(options):
    if options.cells == 9:
        raise RuntimeError("too many\nand more lines")
    return toy_process.toys().plan_waves(options)


def test_wide_tables_go_on_below():
    from analysis.runs.screen import columns

    words = " ".join(f"word{i}" for i in range(40))
    lines = columns(("name", "what"), [("a", words), ("b", "short")], width=60).splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines[2:-1]).split()) == f"a {words}"
    assert lines[-1].split() == ["b", "short"]


def test_a_line_a_minute_where_there_is_no_terminal(capsys):
    from analysis.runs.progress import Progress

    with Progress("waves", [1.0] * 4, jobs=2, every=0.05) as progress:
        progress.finished(1.0, failed=False)
        toy_process.wait_until(lambda: False, 0.3)
    said = capsys.readouterr().err.splitlines()
    assert 2 <= len(said) <= 8
    assert said[0].startswith("waves: 1/4 cells, 0 s so far, about ")


def test_the_dry_run_takes_the_time_of_the_last_run_into_account(tmp_path):
    """Cells of 1 to 5 planned seconds took a moment; without the store the manifest still knows."""
    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    (out / ".cells.sqlite").unlink()
    done = toy_process.run("WAVES", "--out", out, "--cells", 8, "--dry-run", "--jobs", 1)
    assert done.stdout == "waves: 8 cells, about 0 s with 1 jobs; nothing was computed\n"
    assert not (out / ".cells.sqlite").exists()


def test_status_knows_what_is_published(tmp_path):
    from analysis.runs.options import parse
    from analysis.runs.status import table

    waves = toy_process.toys().WAVES
    out = tmp_path / "out"
    assert toy_process.run("WAVES", "--out", out, "--cells", 8).returncode == 0
    (out / ".cells.sqlite").unlink()
    found = [table([waves], [parse(waves, ["--cells", n])], out).splitlines()[-1] for n in ("8", "9")]
    assert [line.split()[1:6] for line in found] == [[n, "0", "0", "0", n] for n in ("8", "9")]
    assert found[0].endswith("up to date")
    assert found[1].endswith("of other code or arguments")
