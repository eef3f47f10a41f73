"""`python -m analysis.certify module:object`: exit status 0, 1 or 2, and one line for a bad argument."""

import json
import os
import subprocess
import sys

import house
import pytest

from analysis.certify.command import main

SMALL = ["--dim", "2", "--ambient", "16", "--points", "64", "--levels", "4", "--no-runs"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(house.ROOT)}
PRIOR = ["--exponent", "-1", "--sigma-low", ".01", "--sigma-high", "10"]


@pytest.fixture(autouse=True)
def _in_tests(monkeypatch):
    monkeypatch.syspath_prepend(house.ROOT / "tests")


def run(name, *words):
    return main([f"toy_certify:{name}", *SMALL, *words])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("good", []),
        ("Built", []),
        ("blind", ["--build"]),
        ("BLIND", []),
        ("noise32", ["--predicts", "noise", "--dtype", "float32"]),
        (
            "image",
            ["--shape", "1", "4", "4", "--blind", *PRIOR],
        ),
    ],
)
def test_nothing_found(name, words, capsys):
    assert run(name, *words) == 0
    out, err = capsys.readouterr()
    assert out.rstrip().endswith("no finding") and err == ""


@pytest.mark.parametrize(
    ("name", "words", "kind"),
    [
        ("scaled", [], "not_optimal"),
        ("raising", [], "raises"),
        ("noise32", ["--predicts", "score", "--dtype", "float32"], "wrong_prediction_type"),
        ("good", ["--dtype", "numpy32"], "raises"),
    ],
)
def test_something_found(name, words, kind, capsys, tmp_path):
    assert run(name, *words, "--out", str(tmp_path / "new")) == 1
    out, err = capsys.readouterr()
    assert f"1 finding\n  {kind}: " in out and err == ""
    read = json.loads((tmp_path / "new" / "certificate.json").read_text())
    assert [finding["kind"] for finding in read["findings"]] == [kind]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "one of these arguments is required: module:object, --sampler"),
        (["toy_certify:good", "--sampler", "heun"], "argument --sampler: takes no denoiser"),
        (["--sampler", "nothing"], "integrator must be an Integrator"),
        (["--sampler", "toy_certify:NUMBER"], "integrator must be an Integrator"),
        (["toy_certify:good", "--against", "toy_certify:good"], "argument --against: needs --data"),
        (["toy_certify:good", "--data", "/nowhere.npy"], "no such file: /nowhere.npy"),
        (["toy_certify:good", "--data", "toy_certify:good"], "data 'toy_certify:good' does not come (TypeError"),
        (["toy_certify:good", "--data", "toy_certify:DATA", "--build"], "argument --build: needs a law, not --data"),
        (
            ["toy_certify:good", "--data", "toy_certify:DATA", "--shape", "5"],
            "argument --shape: must hold the 16 numbers",
        ),
        (["toy_certify:good", "--data", "toy_certify:DATA", "--against", "toy_certify:good"], "against must be blind"),
        (["toy_certify"], "denoiser must look like package.module:object, got 'toy_certify'"),
        (["no_such_module:f"], "no_such_module does not import (ModuleNotFoundError"),
        (["toy_certify:absent"], "toy_certify has no absent"),
        (["toy_certify:NUMBER"], "must be callable as f(y) or f(y, sigma), got int"),
        (["toy_certify:Broken"], "cannot be built (KeyError: 'weights.pt')"),
        (["toy_certify:good", "--build"], "cannot be built (TypeError"),
        (["toy_certify:good", "--law", "nothing"], "argument --law: must be one of"),
        (["toy_certify:good", "--ambient", "3", "--dim", "8"], "ambient must be >="),
        (["toy_certify:good", "--dim", "0"], "argument --dim"),
        (["toy_certify:good", "--predicts", "eps"], "argument --predicts"),
        (["toy_certify:good", "--shape", "2", "2"], "argument --shape: must hold --ambient 128 numbers, got (2, 2)"),
        (["toy_certify:good", "--sigma-low", "99"], "sigma_low must be < sigma_high"),
        (["toy_certify:good", "--exponent", "-1"], "argument --exponent: needs --sigma-low and --sigma-high"),
        (["toy_certify:good", "--device", "nowhere"], "device must be one that this torch can use"),
        (["toy_certify:good", "--points", "3"], "points must be >= 32"),
    ],
)
def test_bad_arguments(words, line, capsys):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and line in err and err.count("\n") == 1


def test_on_data(capsys, tmp_path):
    words = ["--data", "toy_certify:DATA", "--against", "toy_certify:BLIND", "--points", "64", "--levels", "3"]
    assert main(["toy_certify:good", *words, "--sigma-high", "5", "--out", str(tmp_path)]) == 0
    read = json.loads((tmp_path / "certificate.json").read_text())
    assert read["verdict"].startswith("passes") and len(read["levels"]) == 3 and len(read["unknown"]) == 4
    assert "blind_told" in capsys.readouterr().out


def test_of_a_sampler(capsys, tmp_path):
    assert main(["--sampler", "euler", "--out", str(tmp_path)]) == 1
    read = json.loads((tmp_path / "certificate.json").read_text())
    assert [finding["kind"] for finding in read["findings"]] == ["level_not_kept"]
    assert read["order"]["declared"] == 1 and read["verdict"] == "fails: level_not_kept"


def test_a_folder_that_cannot_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert run("good", "--out", str(tmp_path / "file")) == 2
    assert "argument --out: cannot write" in capsys.readouterr().err


def test_as_a_program():
    words = [sys.executable, "-m", "analysis.certify", "toy_certify:good", *SMALL]
    done = subprocess.run(words, capture_output=True, text=True, cwd=house.ROOT / "tests", env=ENVIRONMENT)
    assert done.returncode == 0 and done.stdout.rstrip().endswith("no finding"), done.stderr
