"""The dask backend with a real scheduler and two real worker processes; one of them is killed in the middle of a
sweep.
"""

import json
import os
import re
import subprocess
import sys

import pytest
import toy_process
from toy_outside import EXPERIMENT, Outside

pytest.importorskip("distributed")


@pytest.fixture
def cluster(tmp_path):
    """Starts a scheduler on a free port and two one-thread workers; returns its address and the worker processes.
    With `nanny` a dead worker is replaced, without it stays dead."""
    environment = {**toy_process.environment(tmp_path, sleep=100), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    started = []

    def start(name, *arguments):
        log = tmp_path / f"{name}-{len(started)}.log"
        command = [sys.executable, "-m", f"distributed.cli.{name}", "--no-dashboard", *arguments]
        with open(log, "w", encoding="utf-8") as handle:
            started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=handle, stdout=handle))
        return started[-1], log

    def begin(nanny):
        begin.scheduler, log = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        assert toy_process.wait_until(lambda: "Scheduler at:" in log.read_text()), log.read_text()
        address = re.search(r"Scheduler at:\s*(tcp://\S+)", log.read_text()).group(1)
        kind = "--nanny" if nanny else "--no-nanny"
        workers = [
            start("dask_worker", address, "--nthreads", "1", kind, "--local-directory", str(tmp_path)) for _ in range(2)
        ]
        for _, log in workers:
            assert toy_process.wait_until(lambda log=log: "Registered to:" in log.read_text()), log.read_text()
        return address, [process for process, _ in workers]

    yield begin
    for process in reversed(
        started
    ):  # a worker that finds its scheduler gone looks for it for 30 s: the scheduler goes last
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:  # a busy machine
            process.kill()


def _run(address, out):
    return toy_process.start("WAVES", "--out", out, "--cells", 40, "--backend", "dask", "--address", address)


def test_dask_gives_the_same_bytes_even_if_a_worker_is_killed(cluster, tmp_path):
    address, workers = cluster(nanny=False)
    reference = tmp_path / "reference"
    assert toy_process.run("WAVES", "--out", reference, "--cells", 40, "--jobs", 1).returncode == 0
    out = tmp_path / "out"
    sweep = _run(address, out)
    assert toy_process.wait_until(lambda: len(toy_process.executed(tmp_path)) >= 8)
    assert len(toy_process.executed(tmp_path)) < 40
    workers[0].kill()
    _, errors = sweep.communicate(timeout=180)
    assert sweep.returncode == 0, errors
    assert (out / "tables" / "waves.csv").read_bytes() == (reference / "tables" / "waves.csv").read_bytes()
    assert (out / "claims.csv").read_bytes() == (reference / "claims.csv").read_bytes()
    manifest = json.loads((out / "manifest.json").read_text())["experiments"]["waves"]
    assert manifest["backend"] == "dask"
    assert manifest["cells"]["computed"] == 40


def test_a_cell_that_always_kills_its_dask_worker_fails_and_the_others_finish(cluster, tmp_path):
    address, _ = cluster(nanny=True)
    done = toy_process.run("KILLS", "--out", tmp_path / "out", "--backend", "dask", "--address", address)
    assert done.returncode == 1
    lines = (tmp_path / "out" / "tables" / "hazard.csv").read_text().splitlines()
    assert [i for i, line in enumerate(lines[1:]) if not line.endswith(",ok")] == [3]
    assert "failed: WorkerDied" in lines[4]


def test_figures_are_drawn_on_workers_and_one_that_kills_its_worker_costs_that_figure(cluster, tmp_path):
    """Drawn in the sweep's own process it would take the sweep with it."""
    address, _ = cluster(nanny=True)
    out, here = tmp_path / "out", tmp_path / "here"
    done = toy_process.run("DRAWN", "--out", out, "--backend", "dask", "--address", address)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "drawn: figure toy_killing cannot be drawn (its worker was killed, or out of memory)"
    ]
    toy_process.run("DRAWN", "--out", here, "--jobs", 2)
    drawn = sorted(p.name for p in (out / "figures").iterdir())
    assert drawn == ["toy_curve.pdf", "toy_curve.png"]
    assert all((out / "figures" / n).read_bytes() == (here / "figures" / n).read_bytes() for n in drawn)


def test_workers_with_other_code_are_refused(cluster, tmp_path):
    """The toys are renamed under the sweep's feet: what the workers know as toy_runs is something else."""
    address, _ = cluster(nanny=False)
    other = tmp_path / "other"
    other.mkdir()
    source = (toy_process.ROOT / "tests" / "toy_runs.py").read_text()
    (other / "toy_runs.py").write_text(source.replace("product.sum() / 3.0", "product.sum() / 4.0"))
    environment = toy_process.environment()
    environment["PYTHONPATH"] = f"{other}{os.pathsep}{environment['PYTHONPATH']}"
    command = toy_process.command("WAVES", "--out", tmp_path / "out", "--backend", "dask", "--address", address)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "holds other code than this process" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_address_where_nothing_answers_is_one_line(tmp_path):
    sweep = _run("tcp://127.0.0.1:9", tmp_path / "out")
    shown, errors = sweep.communicate(timeout=60)
    assert (sweep.returncode, shown) == (2, "")
    assert errors.splitlines() == [
        "python -m toy_runs: argument --address: no dask scheduler answers at tcp://127.0.0.1:9"
    ]
    assert not (tmp_path / "out").exists()


def test_an_edited_law_of_ones_own_is_read_again_by_workers_that_live_on(cluster, tmp_path):
    """They have imported the law and what it imports, from a folder that only the caller knows."""
    address, _ = cluster(nanny=False)
    outside, out = Outside(tmp_path, log=tmp_path), tmp_path / "out"
    own = f"{outside.names['own']}:Coin"
    arguments = ("--backend", "dask", "--address", address)
    assert len(outside.run(out, *arguments)) == 10
    before = outside.means(out)
    assert outside.run(out, *arguments) == []
    outside.write("helper", "def place():\n    return 1000.0\n")
    assert outside.run(out, *arguments) == [own, own]
    assert outside.means(out) == {**before, own: before[own] + 1000}
    outside.write("experiment", EXPERIMENT.replace('{"mean": 0}', '{"mean": 7}'))
    assert len(outside.run(out, *arguments)) == 10
    assert outside.means(out)["none"] == 7


@pytest.mark.parametrize("who", ["workers", "scheduler"])
def test_a_cluster_that_is_gone_is_one_line_and_finished_cells_are_kept(cluster, tmp_path, who):
    address, workers = cluster(nanny=False)
    out = tmp_path / "out"
    sweep = _run(address, out)
    assert toy_process.wait_until(lambda: len(toy_process.executed(tmp_path)) >= 8)
    for process in workers if who == "workers" else [cluster.scheduler]:
        process.kill()
    _, errors = sweep.communicate(timeout=180)
    assert sweep.returncode == 1
    what = {
        "workers": "the dask cluster has had no worker for 20 s",
        "scheduler": "the dask scheduler does not answer any more",
    }
    assert errors.splitlines() == [f"{what[who]}: finished cells are kept, the same command continues"]
    before = len(toy_process.executed(tmp_path))
    assert toy_process.run("WAVES", "--out", out, "--cells", 40, toy_folder=tmp_path).returncode == 0
    assert len(toy_process.executed(tmp_path)) - before <= 40 - 6
