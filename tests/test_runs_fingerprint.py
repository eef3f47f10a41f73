"""The fingerprint changes with the code that a cell depends on, and only with that."""

import importlib
import itertools
import sys

import pytest

from analysis.runs.fingerprint import fingerprint

EXPERIMENT = '''
"""What it does."""
import math
from {top}.laws import law as the_law
from {top} import bounds

LEVEL = 3
CLAIMS = ("a claim",)


def helper(x):
    return x + LEVEL


def cell(params, seed):
    """Docstring."""
    return [{"y": helper(the_law(params["x"]))}]


def other(params, seed):
    helper, LEVEL = 1, 2  # local names, which have nothing to do with those of the module
    return [{"y": math.sqrt(2)}]


def unused(params):
    cell = other = 3
    return cell + other


def decide(tables, options):
    return bounds.bound(CLAIMS)


if __name__ == "__main__":
    print(decide(None, None), cell)
'''
FILES = {
    "__init__.py": "",
    "experiment.py": EXPERIMENT,
    "bounds.py": "def bound(x):\n    return x\n",
    "laws/__init__.py": "from .sphere import law\n",
    "laws/sphere.py": "from ..special import bessel\n\n\ndef law(x):\n    return bessel(x)\n",
    "special.py": "def bessel(x):\n    return x / 2  # half\n",
    "unrelated.py": "x = 1\n",
}
_numbers = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes the package with the given changes (file -> (old, new)) and returns the fingerprints of its two cells."""
    monkeypatch.syspath_prepend(str(tmp_path))
    top = f"toy_package_{next(_numbers)}"

    def marks(changes):
        for name, text in FILES.items():
            old, new = changes.get(name, ("", ""))
            assert old in text
            path = tmp_path / top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((text.replace(old, new) if old else text).replace("{top}", top))
        for loaded in [m for m in sys.modules if m.partition(".")[0] == top]:
            del sys.modules[loaded]
        importlib.invalidate_caches()
        module = importlib.import_module(f"{top}.experiment")
        return fingerprint(module.cell), fingerprint(module.other)

    return marks


@pytest.mark.parametrize(
    ("changes", "cell_changes", "other_changes"),
    [
        ({}, False, False),
        ({"special.py": ("x / 2  # half", "x / 3  # half")}, True, False),
        ({"special.py": ("x / 2  # half", "x / 2  # one half")}, False, False),
        ({"laws/sphere.py": ("return bessel(x)", "return -bessel(x)")}, True, False),
        ({"experiment.py": ("LEVEL = 3", "LEVEL = 4")}, True, False),
        ({"experiment.py": ("x + LEVEL", "x - LEVEL")}, True, False),
        ({"experiment.py": ("math.sqrt(2)", "math.sqrt(3)")}, False, True),
        ({"experiment.py": ("cell = other = 3", "cell = other = 4")}, False, False),
        ({"experiment.py": ('"""Docstring."""', '"""Another."""')}, False, False),
        ({"experiment.py": ('("a claim",)', '("another claim",)')}, False, False),
        ({"experiment.py": ("bounds.bound(CLAIMS)", "bounds.bound(1)")}, False, False),
        ({"bounds.py": ("return x", "return 2 * x")}, False, False),
        ({"unrelated.py": ("x = 1", "x = 2")}, False, False),
    ],
)
def test_what_changes_the_fingerprint(package, changes, cell_changes, other_changes):
    before, after = package({}), package(changes)
    assert (before[0] != after[0], before[1] != after[1]) == (cell_changes, other_changes)


def test_modules_looked_up_by_name_take_in_their_whole_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    top = tmp_path / "toy_lookup"
    top.mkdir()
    (top / "__init__.py").write_text(
        "import importlib\n\n\ndef load(n):\n    return importlib.import_module(f'toy_lookup.{n}')\n"
    )
    (top / "hidden.py").write_text("VALUE = 1\n")
    (top / "experiment.py").write_text(
        "import toy_lookup\n\n\ndef cell(params, seed):\n    return toy_lookup.load('hidden').VALUE\n"
    )
    cell = importlib.import_module("toy_lookup.experiment").cell
    before = fingerprint(cell)
    (top / "hidden.py").write_text("VALUE = 200\n")
    assert fingerprint(cell) != before


def test_the_engine_is_not_part_of_it():
    """A cell of ours that imports the engine for its Cell and Claim does not depend on the engine's code."""
    from analysis.runs import fingerprint as module

    names = module._closure(
        {"analysis", "analysis.runs", "analysis.runs.store", "manifolds.streams"}, {"analysis", "manifolds"}
    )
    assert "manifolds.streams" in names
    assert not [n for n in names if n.startswith("analysis.runs")]


def test_versions_of_the_numerical_libraries_are_part_of_it(monkeypatch):
    import toy_runs

    from analysis.runs import fingerprint as module

    before = fingerprint(toy_runs.waves)
    monkeypatch.setattr(module, "version", lambda library: "0.0.0")
    assert fingerprint(toy_runs.waves) != before
