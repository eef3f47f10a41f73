"""CONTRIBUTING.md's code runs as it stands, and what it says of commands, files and limits is true."""

import importlib
import os
import re
import tomllib

import house
import pytest
import torch

import manifolds
from analysis.__main__ import COMMANDS
from analysis.runs import main
from analysis.runs.claims_file import CLAIM_COLUMNS, read

TEXT = (house.ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = dict(re.findall(r"## Add (?:an? )(\w+)\n.*?```python\n(.*?)```", TEXT, flags=re.S))


@pytest.fixture
def registry():
    before = dict(manifolds.REGISTRY)
    yield manifolds.REGISTRY
    manifolds.REGISTRY.clear()
    manifolds.REGISTRY.update(before)


def run(*names):
    scope = {}
    for name in names:
        exec(compile(BLOCKS[name], "CONTRIBUTING.md", "exec"), scope)
    return scope


def test_there_is_one_snippet_a_thing_that_is_added():
    assert sorted(BLOCKS) == ["denoiser", "integrator", "law", "question"]


def test_the_law_is_made_by_name_and_is_exact(registry):
    run("law")
    law = manifolds.make("square", dim=2, ambient=9)
    y = law.add_noise(law.sample(5, manifolds.stream(0)), 0.5, manifolds.stream(1))
    corners = law.sample(200, manifolds.stream(2)).unique(dim=0)
    assert len(corners) == 4
    mean = torch.softmax(-(torch.cdist(y, corners) ** 2) / 0.5, dim=1) @ corners
    assert torch.allclose(law.denoise(y, 0.5), mean, atol=1e-13)


def test_the_denoiser_runs_and_pays_for_its_error(registry):
    scope = run("law", "denoiser")
    assert scope["run"].x.shape == (100, 3)
    assert scope["terms"].learning.value > 10 * scope["terms"].blind.value > 0


def test_the_integrator_keeps_the_level(registry):
    scope = run("law", "denoiser", "integrator")
    steps = scope["Cautious"]().coefficients(scope["schedule"])
    assert steps.normal_consistent and scope["run"].x.shape == (100, 3)


def test_the_question_runs_to_its_verdict(tmp_path, monkeypatch, capsys):
    (tmp_path / "sphere_mean.py").write_text(BLOCKS["question"])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(house.ROOT)]))  # cells run in other processes
    experiment = importlib.import_module("sphere_mean").EXPERIMENT
    assert main(experiment, ["--profile", "smoke", "--jobs", "1", "--out", str(tmp_path / "out")]) == 0
    assert "Z1" in capsys.readouterr().out
    rows = read(tmp_path / "out" / "claims.csv", CLAIM_COLUMNS)
    assert [(row["claim"], row["verdict"]) for row in rows] == [("Z1", "holds")]


def test_every_file_and_command_that_it_names_exists():
    named = re.findall(r"`((?:analysis|manifolds|tests)/[\w/*.]+)`", TEXT)
    assert len(named) > 5
    assert [path for path in named if not list(house.ROOT.glob(path))] == []
    commands = re.findall(r"python -m analysis (\w+)", TEXT)
    assert commands and set(commands) <= set(COMMANDS)
    modules = re.findall(r"python -m (analysis\.\w+)", TEXT)
    assert modules and [m for m in modules if not house.is_module(m)] == []


def test_its_limits_are_those_that_are_checked():
    settings = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert f"Lines of {settings['line-length']} characters, files of 300 lines" in TEXT


def test_the_changelog_names_the_version_and_what_exists():
    text = (house.ROOT / "CHANGELOG.md").read_text()
    version = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in text and text.index("## [Unreleased]") < text.index(f"## [{version}]")
    for old, new in re.findall(r"^\| `([^`]+)`[^|]* \| `([^`]+)`", text, flags=re.M):
        assert list(house.ROOT.glob(new.rstrip("/"))) or house.is_module(new), new
        assert not house.is_module(old) and not list(house.ROOT.glob(old.rstrip("/"))), old
