"""The command line: bad input is one line and writes nothing, exit statuses, folders, selections, the commands over
all.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import toy_process
import toy_runs

from analysis import __main__ as together
from analysis import registry
from analysis.runs import Argument, main, positive_int
from analysis.runs.options import UsageError, command, parse
from analysis.runs.places import default_folder, results_root, slug

BAD = [
    (("--cells", "0"), "argument --cells: must be a whole number >= 1, got '0'"),
    (("--cells", "-3"), "argument --cells: must be a whole number >= 1, got '-3'"),
    (("--cells", "many"), "argument --cells: must be a whole number >= 1, got 'many'"),
    (("--cells", "nan"), "argument --cells: must be a whole number >= 1, got 'nan'"),
    (("--cells",), "argument --cells: expected one argument"),
    (("--profile", "huge"), "argument --profile: must be one of smoke, paper, full, got 'huge'"),
    (("--seed", "-1"), "argument --seed: must be a whole number >= 0, got '-1'"),
    (("--jobs", "0"), "argument --jobs: must be a whole number >= 1, got '0'"),
    (("--backend", "mpi"), "argument --backend: must be one of loky, dask, got 'mpi'"),
    (("--backend", "dask"), "argument --address: required with --backend dask, e.g. tcp://host:8786"),
    (("--address", "tcp://host:1"), "argument --address: allowed only with --backend dask"),
    (("--address", "host"), "argument --address: must look like tcp://host:port, got 'host'"),
    (("--device", "tpu"), "argument --device: must be cpu, cuda, cuda:N or mps, got 'tpu'"),
    (("--out", ""), "argument --out: must be a folder, got an empty name"),
    (("--fresh", "--resume"), "argument --resume: not allowed with argument --fresh"),
    (("--cell", "3"), "unrecognized arguments: --cell 3"),
    (("sphere",), "unrecognized arguments: sphere"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder that must stay empty, and a checkout's results that must not be touched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("analysis.runs.places.project_root", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(a) for a, _ in BAD])
def test_bad_arguments_are_one_line_and_write_nothing(arguments, said, here, capsys):
    out = () if "--out" in arguments else ("--out", str(here / "out"))
    assert main(toy_runs.WAVES, [*out, *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"python -m toy_runs: {said}\n"
    assert list(here.iterdir()) == []


def test_a_plan_that_refuses_its_arguments_is_one_line_and_writes_nothing(here, capsys, monkeypatch):
    def plan(options):
        raise ValueError(f"argument --cells: must be even, got {options.cells}")

    monkeypatch.setattr(toy_runs, "WAVES", toy_runs.waves_experiment(cells=plan))
    assert main(toy_runs.WAVES, ["--cells", "3"]) == 2
    assert capsys.readouterr() == ("", "python -m toy_runs: argument --cells: must be even, got 3\n")
    assert list(here.iterdir()) == []


def test_a_real_process_says_the_same(tmp_path):
    done = toy_process.run("WAVES", "--cells", "0", "--out", tmp_path / "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "python -m toy_runs: argument --cells: must be a whole number >= 1, got '0'\n"
    assert list(tmp_path.iterdir()) == []


def test_whole_numbers_may_be_powers():
    assert [positive_int(t) for t in ("7", "1e9", "10**9", "2**10")] == [7, 10**9, 10**9, 1024]


def test_defaults_follow_the_profile_and_what_differs_is_known():
    for arguments, cells, changed in (
        ((), 24, {}),
        (("--profile", "smoke"), 6, {}),
        (("--profile", "smoke", "--cells", "6"), 6, {}),
        (("--cells", "6"), 6, {"cells": 6}),
        (("--seed", "3", "--jobs", "9"), 24, {"seed": 3}),
    ):
        options = parse(toy_runs.WAVES, list(arguments))
        assert (options.cells, options.changed) == (cells, changed)


def test_arguments_with_several_values_are_tuples():
    experiment = toy_runs.waves_experiment(arguments=(Argument("--dim", type=positive_int, nargs="+", default=[2, 8]),))
    assert parse(experiment, []).dim == (2, 8)
    assert parse(experiment, []).changed == {}
    assert parse(experiment, ["--dim", "8", "16"]).changed == {"dim": (8, 16)}
    with pytest.raises(UsageError, match="argument --dim: must be a whole number >= 1, got 'x'"):
        parse(experiment, ["--dim", "8", "x"])


def test_the_recorded_command_gives_the_same_selection():
    given = ["--cells", "7", "--seed", "5", "--profile", "full", "--jobs", "3", "--out", "/somewhere"]
    options = parse(toy_runs.WAVES, given)
    words = command(toy_runs.WAVES, options).split()
    assert words[:3] == ["python", "-m", "toy_runs"]
    again = parse(toy_runs.WAVES, words[3:])
    assert (again.cells, again.seed, again.profile, again.changed) == (7, 5, "full", options.changed)
    assert "/somewhere" not in words


def test_only_the_paper_profile_with_default_arguments_writes_to_results(here):
    assert default_folder("waves", "paper", {}) == here / "results" == results_root()
    assert default_folder("waves", "full", {}) == here / "results" / "full"
    assert (
        default_folder("waves", "paper", {"dim": (8, 16), "seed": 3})
        == here / "results" / "custom" / "waves-dim-8-16-seed-3"
    )
    assert list(here.iterdir()) == []
    smoke = default_folder("waves", "smoke", {})
    assert smoke.is_dir()
    assert default_folder("waves", "smoke", {}) != smoke


def test_long_selections_have_short_and_distinct_folders():
    names = {slug("waves", "paper", {"dim": tuple(range(n))}) for n in range(100, 120)}
    assert len(names) == 20
    assert max(map(len, names)) <= 80
    assert "/" not in slug("waves", "paper", {"law": "../../etc"})


def test_a_narrow_selection_leaves_a_claim_open_and_the_default_may_not(tmp_path, capsys, monkeypatch):
    assert main(toy_runs.WAVES, ["--cells", "3", "--out", str(tmp_path / "a")]) == 0
    assert "Q1: not decided by this selection" in capsys.readouterr().out
    assert (tmp_path / "a" / "claims.csv").read_text().count("\n") == 1
    monkeypatch.setattr(toy_runs, "WAVES", toy_runs.waves_experiment(decide=lambda tables, options: []))
    assert main(toy_runs.WAVES, ["--out", str(tmp_path / "b")]) == 1
    assert "claim Q1 is not decided by the default arguments" in capsys.readouterr().err


def test_a_claim_of_another_profile_may_stay_open(registered, tmp_path, capsys, monkeypatch):
    claim = replace(toy_runs.WAVES.claims[0], profile="full")
    wave = toy_runs.waves_experiment(claims=(claim,), decide=lambda tables, options: [])
    monkeypatch.setattr(toy_runs, "WAVES", wave)
    monkeypatch.setattr(registry, "load", lambda name: wave)
    out = ["--out", str(tmp_path)]
    assert main(wave, out) == 0
    assert "Q1: not decided by this selection, but by --profile full" in capsys.readouterr().out
    assert together.main(["claims", *out]) == 0
    assert main(wave, [*out, "--profile", "full"]) == 1
    assert "claim Q1 is not decided by the default arguments" in capsys.readouterr().err
    assert together.main(["claims", *out]) == 1


def test_a_verdict_that_is_not_as_registered_is_named_and_exits_1(tmp_path, capsys, monkeypatch):
    def sabotaged(tables, options):
        tables["waves"]["trace"] *= 1.5
        return toy_runs.decide_waves(tables, options)

    monkeypatch.setattr(toy_runs, "WAVES", toy_runs.waves_experiment(decide=sabotaged))
    assert main(toy_runs.WAVES, ["--out", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "waves: claim Q1 is violated, registered as holds" in captured.err
    assert "<-- not as registered" in captured.out
    assert ",violated,waves," in (tmp_path / "claims.csv").read_text()


def test_failed_cells_make_every_verdict_inconclusive(tmp_path, capsys, monkeypatch):
    def fails(params, seed):
        if params["x"] == 5:
            raise RuntimeError("no")
        return toy_runs.waves(params, seed)

    monkeypatch.setattr(toy_runs, "WAVES", toy_runs.waves_experiment(parts={"waves": fails}))
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--jobs", "1"]) == 1
    assert "1 of 24 cells failed" in capsys.readouterr().err
    assert ",inconclusive,waves," in (tmp_path / "claims.csv").read_text()


def test_the_manifest_says_how_the_files_came_to_be(tmp_path):
    from hashlib import sha256

    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--cells", "9", "--seed", "4", "--jobs", "1"]) == 0
    text = (tmp_path / "manifest.json").read_text()
    entry = json.loads(text)["experiments"]["waves"]
    assert entry["command"] == "python -m toy_runs --cells 9 --seed 4"
    assert (entry["seed"], entry["profile"], entry["jobs"], entry["threads_per_job"]) == (4, "paper", 1, 1)
    assert entry["cells"] == {"total": 9, "computed": 9, "reused": 0, "failed": 0}
    assert set(entry["files"]) == {"claims.csv", "tables/controls.csv", "tables/waves.csv"}
    for name, checksum in entry["files"].items():
        assert sha256((tmp_path / name).read_bytes()).hexdigest() == checksum
    assert {"python", "numpy", "scipy", "torch"} <= set(entry["versions"])
    assert entry["machine"]["cores"] == os.cpu_count()
    assert 10 < entry["peak_memory_mb"] < 10_000
    assert 0 <= entry["cell_cpu_seconds"] <= entry["cell_seconds"] + 1.0
    assert str(tmp_path) not in text


def test_the_manifest_keeps_other_experiments(tmp_path):
    (tmp_path / "manifest.json").write_text('{"experiments": {"other": {"seed": 1}}}')
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--cells", "9", "--jobs", "1"]) == 0
    entries = json.loads((tmp_path / "manifest.json").read_text())["experiments"]
    assert entries["other"] == {"seed": 1}
    assert set(entries) == {"other", "waves"}


def test_a_dry_run_counts_and_writes_nothing(here, capsys):
    assert main(toy_runs.WAVES, ["--dry-run", "--jobs", "2"]) == 0
    expected = sum(1.0 + x % 5 for x in range(24)) / 2
    assert capsys.readouterr().out == f"waves: 24 cells, about {expected:.0f} s with 2 jobs; nothing was computed\n"
    assert list(here.iterdir()) == []


def test_a_dry_run_leaves_out_what_is_finished(tmp_path, capsys):
    few, more = (
        ["--out", str(tmp_path), "--cells", "9", "--jobs", "1"],
        ["--out", str(tmp_path), "--cells", "12", "--jobs", "1", "--dry-run"],
    )
    assert main(toy_runs.WAVES, few) == 0
    capsys.readouterr()
    assert main(toy_runs.WAVES, more) == 0
    assert capsys.readouterr().out.startswith("waves: 12 cells, 9 of them in the store, about ")
    assert main(toy_runs.WAVES, [*more, "--fresh"]) == 0
    assert capsys.readouterr().out.startswith("waves: 12 cells, about ")


@pytest.fixture
def registered(monkeypatch):
    """The toy as the only registered experiment."""
    monkeypatch.setattr(registry, "NAMES", ("waves",))
    monkeypatch.setattr(registry, "load", lambda name: toy_runs.WAVES)


def test_all_together_run_report_claims_and_status(registered, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out"), "--jobs", "1"]
    assert together.main(["claims", *out]) == 1
    assert "not as registered, or not decided: Q1" in capsys.readouterr().err
    assert together.main(["status", *out]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["waves", "24", "0", "0", "0", "24", "70", "s", "-"]
    assert not (tmp_path / "out").exists()
    assert together.main(["run", *out]) == 0
    assert "1 verdict stands; every verdict is the one registered before the run" in capsys.readouterr().out
    assert together.main(["claims", *out]) == 0
    assert together.main(["status", *out]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:6] == ["waves", "24", "24", "0", "0", "0"]
    pages = {name: (tmp_path / "out" / name).read_bytes() for name in ("REPORT.md", "index.html")}
    assert b"`python -m toy_runs`" in pages["REPORT.md"]
    assert together.main(["report", *out]) == 0
    assert {name: (tmp_path / "out" / name).read_bytes() for name in pages} == pages


def test_status_tells_stale_failed_and_missing_apart(registered, tmp_path, capsys, monkeypatch):
    out = ["--out", str(tmp_path), "--jobs", "1"]
    monkeypatch.setattr("analysis.runs.fingerprint.Code.fingerprint", lambda self, function: "earlier code")
    assert main(toy_runs.WAVES, ["--cells", "10", *out]) == 0
    monkeypatch.undo()
    monkeypatch.setattr(registry, "NAMES", ("waves",))
    monkeypatch.setattr(registry, "load", lambda name: toy_runs.WAVES)
    assert main(toy_runs.WAVES, ["--cells", "4", *out]) == 0
    capsys.readouterr()
    assert together.main(["status", *out]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:6] == ["waves", "24", "4", "0", "6", "14"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "bogus"], "python -m analysis run: argument NAME: must be one of waves, got 'bogus'"),
        (
            ["run", "--profile", "x"],
            "python -m analysis run: argument --profile: must be one of smoke, paper, full, got 'x'",
        ),
        (
            ["fly"],
            "python -m analysis: argument COMMAND: "
            "must be one of list, run, report, status, claims, statements, compare, got 'fly'",
        ),
    ],
)
def test_bad_arguments_of_the_commands_over_all(registered, here, arguments, said, capsys):
    assert together.main(arguments) == 2
    assert capsys.readouterr() == ("", said + "\n")
    assert list(here.iterdir()) == []


def test_list_names_claims_and_expected_time(registered, capsys):
    assert together.main(["list", "--jobs", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == [
        "waves",
        "24",
        "35",
        "s",
        "Q1",
        "traces",
        "of",
        "random",
        "matrices",
    ]


def test_an_experiment_that_breaks_does_not_stop_the_others(tmp_path, capsys, monkeypatch):
    def broken(tables, options):
        raise RuntimeError("a slip in decide")

    experiments = {"first": toy_runs.waves_experiment(decide=broken, name="first"), "waves": toy_runs.WAVES}
    monkeypatch.setattr(registry, "NAMES", tuple(experiments))
    monkeypatch.setattr(registry, "load", experiments.__getitem__)
    assert together.main(["run", "--out", str(tmp_path), "--jobs", "1"]) == 1
    captured = capsys.readouterr()
    assert "a slip in decide" in captured.err
    assert "1 verdict stands; every verdict is the one registered before the run" in captured.out


def test_report_without_results_is_one_line(registered, tmp_path, capsys):
    assert together.main(["report", "--out", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("no results in ")
    assert not (tmp_path / "none").exists()


def test_results_land_in_the_checkout_wherever_the_command_is_called_from(tmp_path):
    code = "from analysis.runs.places import results_root; print(results_root())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=toy_process.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == toy_process.ROOT / "results"


def test_a_cell_that_is_not_in_the_plan_is_not_in_the_table(tmp_path):
    assert main(toy_runs.WAVES, ["--cells", "12", "--out", str(tmp_path), "--jobs", "1"]) == 0
    assert main(toy_runs.WAVES, ["--cells", "9", "--out", str(tmp_path), "--jobs", "1"]) == 0
    assert len((tmp_path / "tables" / "waves.csv").read_text().splitlines()) == 1 + 2 * 9
