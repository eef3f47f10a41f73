"""The sweep: same bytes whatever the number of workers, failed and deadly cells, resume, fresh, interruption."""

import importlib
import inspect
import json
import signal
import sqlite3
import subprocess

import psutil
import pytest
import toy_process
import toy_runs
from joblib.externals.loky import process_executor

from analysis.runs import Cell
from analysis.runs.backends import WorkersDiedError, processes
from analysis.runs.store import Store
from analysis.runs.sweep import _surviving, prepare
from analysis.runs.worker import GROWTH, Outcome, Task


@pytest.fixture
def reference(tmp_path_factory):
    """Table of one clean run in a single process."""
    out = tmp_path_factory.mktemp("reference")
    done = toy_process.run("WAVES", "--out", out, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    return (out / "tables" / "waves.csv").read_bytes()


def test_the_table_has_the_same_bytes_for_one_two_and_four_jobs(reference, tmp_path):
    for jobs in (2, 4):
        done = toy_process.run("WAVES", "--out", tmp_path / str(jobs), "--jobs", jobs)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / str(jobs) / "tables" / "waves.csv").read_bytes() == reference
        manifest = json.loads((tmp_path / str(jobs) / "manifest.json").read_text())["experiments"]["waves"]
        assert manifest["jobs"] == jobs


def test_imports_do_not_cost_a_worker_its_life():
    """loky replaces a worker that has grown by 300 MB; the limit is ours, and still the one that its loop compares
    with."""
    assert "< _MAX_MEMORY_LEAK_SIZE" in inspect.getsource(process_executor._process_worker)
    name = "joblib.externals.loky.process_executor"
    limits = processes(2).spread(lambda _: importlib.import_module(name)._MAX_MEMORY_LEAK_SIZE, [0, 1], repr)
    assert limits == [GROWTH, GROWTH] and GROWTH > 3e8


def test_a_second_run_computes_nothing_and_fresh_computes_everything(tmp_path):
    for arguments, executions in (((), 24), ((), 24), (("--fresh",), 48)):
        done = toy_process.run("WAVES", "--out", tmp_path, "--jobs", 1, *arguments, toy_folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(toy_process.executed(tmp_path)) == executions


def test_a_wider_selection_computes_only_the_new_cells(tmp_path):
    for cells in (10, 16):
        assert toy_process.run("WAVES", "--out", tmp_path, "--cells", cells, toy_folder=tmp_path).returncode == 0
    assert sorted(toy_process.executed(tmp_path)) == sorted(f"waves {x}" for x in range(16))


def test_a_failed_cell_is_a_row_and_is_tried_again(tmp_path):
    first = toy_process.run("FAILS", "--out", tmp_path, toy_folder=tmp_path)
    assert first.returncode == 1
    assert "1 of 12 cells failed, the first with ValueError: the first attempt fails" in first.stderr
    lines = (tmp_path / "tables" / "hazard.csv").read_text().splitlines()
    assert lines[0] == "x,kind,square,status"
    assert lines[4] == "3,fails,,failed: ValueError: the first attempt fails"
    assert lines[5] == "4,well,16,ok"
    second = toy_process.run("FAILS", "--out", tmp_path, toy_folder=tmp_path)
    assert second.returncode == 0, second.stderr
    assert (tmp_path / "tables" / "hazard.csv").read_text().splitlines()[4] == "3,fails,9,ok"
    assert toy_process.executed(tmp_path).count("hazard 3") == 2
    assert len(toy_process.executed(tmp_path)) == 13


def test_a_worker_killed_once_costs_nothing_but_time(tmp_path):
    done = toy_process.run("KILLS_ONCE", "--out", tmp_path, "--jobs", 2, toy_folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "tables" / "hazard.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == [str(x * x) for x in range(12)]


def test_a_cell_that_always_kills_its_worker_fails_and_the_others_finish(tmp_path):
    done = toy_process.run("KILLS", "--out", tmp_path, "--jobs", 2, toy_folder=tmp_path)
    assert done.returncode == 1
    lines = (tmp_path / "tables" / "hazard.csv").read_text().splitlines()
    assert [i for i, line in enumerate(lines[1:]) if not line.endswith(",ok")] == [3]
    assert "failed: WorkerDied" in lines[4]


def test_ctrl_c_is_one_line_and_keeps_finished_cells(tmp_path, reference):
    process = toy_process.start("WAVES", "--out", tmp_path, "--jobs", 2, toy_folder=tmp_path, sleep=60)
    assert toy_process.wait_until(lambda: len(toy_process.executed(tmp_path)) >= 6)
    workers = psutil.Process(process.pid).children(recursive=True)
    for member in [process, *workers]:  # a terminal signals the whole group
        member.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines() == ["interrupted: finished cells are kept, the same command continues"]
    assert not (tmp_path / "tables").exists()
    assert toy_process.wait_until(lambda: not toy_process.alive(workers), 10)
    with sqlite3.connect(tmp_path / ".cells.sqlite") as db:
        kept = db.execute("SELECT count(*) FROM cells WHERE status = 'done'").fetchone()[0]
    assert kept >= 1
    before = len(toy_process.executed(tmp_path))
    assert toy_process.run("WAVES", "--out", tmp_path, "--jobs", 1, toy_folder=tmp_path).returncode == 0
    assert len(toy_process.executed(tmp_path)) - before == 24 - kept
    assert (tmp_path / "tables" / "waves.csv").read_bytes() == reference


def test_every_cell_has_one_thread_wherever_it_runs(tmp_path):
    """Even if the user's environment asks for more, and even if torch is loaded by the cell itself."""
    for jobs in (1, 2):
        command = toy_process.command("THREADS", "--out", tmp_path / str(jobs), "--jobs", jobs)
        environment = {**toy_process.environment(), "OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        table = (tmp_path / str(jobs) / "tables" / "threads.csv").read_text()
        assert table == "x,torch,largest_pool,status\n" + "".join(f"{x},1,1,ok\n" for x in range(4))


def _task(index):
    return Task(index, "", "", "", 0)


def test_cells_under_way_at_a_death_are_tried_again_and_a_deadly_one_alone():
    """A scripted backend: three cells fly together and cell 2 kills them all, every time."""
    batches = []

    def run(tasks):
        tasks = list(tasks)
        batches.append([t.index for t in tasks])
        for start in range(0, len(tasks), 3):
            flight = tasks[start : start + 3]
            if any(t.index == 2 for t in flight):
                raise WorkersDiedError
            yield from (Outcome(t.index, "[]", "", 0, 0, 0) for t in flight)

    outcomes = {o.index: o.error for o in _surviving([_task(i) for i in range(6)], run, lambda task: True)}
    assert sorted(outcomes) == list(range(6))
    assert [i for i, error in outcomes.items() if error] == [2]
    assert batches.count([2]) == 2


def test_cells_that_another_sweep_finished_are_not_dispatched():
    seen = []

    def run(tasks):
        for task in tasks:
            seen.append(task.index)
            yield Outcome(task.index, "[]", "", 0, 0, 0)

    outcomes = list(_surviving([_task(i) for i in range(5)], run, lambda task: task.index % 2 == 0))
    assert seen == [0, 2, 4]
    assert [o.index for o in outcomes] == [0, 2, 4]


def test_longest_cells_are_dispatched_first(tmp_path, monkeypatch):
    from analysis.runs.sweep import sweep

    costs = [1.0, 5.0, 3.0, 5.0]
    cells = [Cell("waves", {"x": i}, cost) for i, cost in enumerate(costs)]
    seen = []

    def run(tasks):
        for task in tasks:
            seen.append(costs[task.index])
            yield Outcome(task.index, "[]", "", 0, 0, 0)

    with Store(tmp_path) as store:
        sweep(toy_runs.WAVES, prepare(toy_runs.WAVES, cells, 0), store, run, 1, fresh=False)
    assert seen == [5.0, 5.0, 3.0, 1.0]


def test_equal_cells_and_unknown_parts_are_refused():
    twice = [Cell("waves", {"x": 1, "y": 2}), Cell("waves", {"y": 2, "x": 1})]
    with pytest.raises(KeyError, match="two equal cells"):
        prepare(toy_runs.WAVES, twice, 0)
    with pytest.raises(KeyError, match="unknown part"):
        prepare(toy_runs.WAVES, [Cell("wave", {})], 0)
