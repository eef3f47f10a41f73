"""The fingerprint changes with the code that a cell reaches, symbol by symbol, and only with that."""

import importlib
import itertools
import sys

import pytest

from analysis.runs.fingerprint import Code, fingerprint

EXPERIMENT = '''
"""What it does."""
import math
import {top}.constants
from {top}.laws import law as the_law
from {top} import bounds, effects, tools
from {top}.starred import *
from {top}.swap import first as one, second as two

LEVEL = 3
CLAIMS = ("a claim",)


def helper(x: int) -> int:
    return x + LEVEL


def cell(params, seed):
    """Docstring."""
    from {top}.late import late
    return [{"y": helper(the_law(params["x"])), "z": tools.used(late(one(0))), "c": {top}.constants.ONE, "w": TABLE}]


def other(params, seed):
    helper, LEVEL = 1, 2  # local names, which have nothing to do with those of the module
    return [{"y": math.sqrt(2)}]


def starry(params, seed):
    return starred()


def unused(params):
    cell = other = 3
    return cell + other


TABLE = {}
TABLE["a"] = 1
for _name in ("b", "c"):
    TABLE[_name] = 2
PLAN = {}
PLAN["a"] = 1


def decide(tables, options):
    return bounds.bound(CLAIMS)


if __name__ == "__main__":
    print(decide(None, None), cell)
'''
FILES = {
    "__init__.py": "",
    "experiment.py": EXPERIMENT,
    "bounds.py": "def bound(x):\n    return x\n",
    "constants.py": "ONE = 1\nTWO = 2\n",
    "effects.py": "import {top}.acting\n\n\ndef never():\n    return 1\n",
    "acting.py": "from {top} import registered\n\nregistered.NAMES.append('a')\n",
    "registered.py": (
        "NAMES = []\n\n\ndef register(f):\n    NAMES.append(f)\n    return f\n\n\n"
        "@register\ndef net():\n    return 'net'\n"
    ),
    "laws/__init__.py": "from .sphere import law\nfrom .ball import ball\n",
    "laws/sphere.py": (
        "from ..special import bessel\n\n\ndef law(x):\n    return bessel(x)\n\n\ndef area():\n    return 'area'\n"
    ),
    "laws/ball.py": "def ball():\n    return 'ball'\n",
    "special.py": "def bessel(x):\n    return x / 2  # half\n\n\ndef gamma(x):\n    return 'gamma'\n",
    "starred.py": "def starred():\n    return inner()\n\n\ndef inner():\n    return 'starred'\n",
    "swap.py": "def first(x):\n    return x\n\n\ndef second(x):\n    return first(x) + 1\n",
    "late.py": "def late(x):\n    return 'late'\n\n\ndef never(x):\n    return 'never'\n",
    "tools.py": "def used(x):\n    return 'used'\n\n\ndef idle(x):\n    return 'idle'\n",
    "unrelated.py": "x = 1\n",
}
_numbers = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes the package with the given changes (file -> (old, new)) and returns the fingerprints of its cells."""
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
        code = Code()
        return [code.fingerprint(f) for f in (module.cell, module.other, module.starry)]

    return marks


CELL, OTHER, STARRY = (True, False, False), (False, True, False), (False, False, True)
ALL, NONE = (True, True, True), (False, False, False)


@pytest.mark.parametrize(
    ("changes", "which"),
    [
        ({}, NONE),
        # what the cell uses, near and far
        ({"experiment.py": ("x + LEVEL", "x - LEVEL")}, CELL),
        ({"experiment.py": ("LEVEL = 3", "LEVEL = 4")}, CELL),
        ({"experiment.py": ("math.sqrt(2)", "math.sqrt(3)")}, OTHER),
        ({"special.py": ("x / 2  # half", "x / 3  # half")}, CELL),
        ({"laws/sphere.py": ("return bessel(x)", "return -bessel(x)")}, CELL),
        ({"tools.py": ("'used'", "'other'")}, CELL),
        ({"constants.py": ("ONE = 1", "ONE = 7")}, CELL),
        ({"late.py": ("'late'", "'later'")}, CELL),
        ({"starred.py": ("'starred'", "'other'")}, (True, False, True)),
        # what stands beside it in the same files
        ({"special.py": ("'gamma'", "'other'")}, NONE),
        ({"laws/sphere.py": ("'area'", "'other'")}, NONE),
        ({"laws/ball.py": ("'ball'", "'other'")}, NONE),
        ({"laws/__init__.py": ("from .ball import ball\n", "")}, NONE),
        ({"tools.py": ("'idle'", "'other'")}, NONE),
        ({"constants.py": ("TWO = 2", "TWO = 3")}, NONE),
        ({"late.py": ("'never'", "'other'")}, NONE),
        ({"experiment.py": ("cell = other = 3", "cell = other = 4")}, NONE),
        ({"bounds.py": ("return x", "return 2 * x")}, NONE),
        ({"effects.py": ("return 1", "return 2")}, NONE),
        ({"unrelated.py": ("x = 1", "x = 2")}, NONE),
        # words
        ({"special.py": ("x / 2  # half", "x / 2  # one half")}, NONE),
        ({"experiment.py": ('"""Docstring."""', '"""Another."""')}, NONE),
        ({"experiment.py": ("x: int) -> int", "x: float) -> float")}, NONE),
        ({"experiment.py": ('("a claim",)', '("another claim",)')}, NONE),
        ({"experiment.py": ("bounds.bound(CLAIMS)", "bounds.bound(1)")}, NONE),
        # which of two things a name means, both of which are used
        ({"experiment.py": ("first as one, second as two", "first as two, second as one")}, CELL),
        # a table that is filled after it was made
        ({"experiment.py": ('TABLE["a"] = 1', 'TABLE["a"] = 2')}, CELL),
        ({"experiment.py": ('("b", "c")', '("b", "d")')}, CELL),
        ({"experiment.py": ('PLAN["a"] = 1', 'PLAN["a"] = 2')}, NONE),
        # what runs on import
        ({"acting.py": ("'a'", "'b'")}, ALL),
        ({"registered.py": ("return 'net'", "return 'other net'")}, ALL),
        ({"__init__.py": ("", "")}, NONE),
    ],
)
def test_what_changes_the_fingerprint(package, changes, which):
    before, after = package({}), package(changes)
    assert tuple(a != b for a, b in zip(before, after, strict=True)) == which


@pytest.mark.parametrize(
    ("body", "follows"),
    [
        ("import importlib\n\n\ndef load(n):\n    return importlib.import_module(f'{top}.{n}')\n", {"hidden", "deep"}),
        ("from importlib import import_module as get\n\n\ndef load(n):\n    return get(n)\n", {"hidden", "deep"}),
        ("import importlib\n\n\ndef load(n):\n    return importlib.import_module('{top}.hidden')\n", {"hidden"}),
        ("def load(n):\n    return __import__(n)\n", {"hidden", "deep"}),
        ("import pkgutil\n\n\ndef load(n):\n    return list(pkgutil.walk_packages(n))\n", {"hidden", "deep"}),
        ("import {top}.hidden\n\n\ndef load(n):\n    return vars({top}.hidden)\n", {"hidden"}),
        ("import {top}.hidden as h\n\n\ndef load(n):\n    return getattr(h, n)\n", {"hidden"}),
        ("import {top}.hidden as h\n\n\ndef load(n):\n    return h.__dict__\n", {"hidden"}),
        ("import importlib.util\n\n\ndef load(n):\n    return importlib.util.find_spec(n)\n", set()),
    ],
)
def test_modules_looked_up_by_name_or_handed_on_count_as_a_whole(tmp_path, monkeypatch, body, follows):
    monkeypatch.syspath_prepend(str(tmp_path))
    top = f"toy_lookup_{next(_numbers)}"
    files = {"lookup.py": body, "hidden.py": "VALUE = 1\n", "inner/deep.py": "VALUE = 1\n", "__init__.py": ""}
    files |= {
        "inner/__init__.py": "",
        "experiment.py": "from {top} import lookup\n\n\ndef cell(p, s):\n    lookup.load(p)\n",
    }
    for name, text in files.items():
        (tmp_path / top / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / top / name).write_text(text.replace("{top}", top))
    cell = importlib.import_module(f"{top}.experiment").cell
    before, changed = fingerprint(cell), set()
    for name in ("hidden.py", "inner/deep.py"):
        (tmp_path / top / name).write_text("VALUE = 200\n")
        if fingerprint(cell) != before:
            changed.add(name.rpartition("/")[2].removesuffix(".py"))
        (tmp_path / top / name).write_text("VALUE = 1\n")
        assert fingerprint(cell) == before
    assert changed == follows


def test_the_engine_and_what_is_looked_up_are_not_part_of_it():
    """A cell of ours imports the engine for its Cell and Claim, and names its laws: neither is reached by imports."""
    from analysis.integrators import EXPERIMENT
    from analysis.runs.slices import Slice, Sources

    measure = EXPERIMENT.parts["coupled"]
    modules = {part.partition(":")[0] for part in Slice(Sources(), measure.__module__, (measure.__name__,)).parts}
    assert {"manifolds.streams", "manifolds.registry", "analysis.samplers.sample"} <= modules
    assert not [m for m in modules if m.startswith(("analysis.runs", "manifolds.laws.torus", "manifolds.references"))]


def test_versions_of_the_libraries_that_are_reached_are_part_of_it(monkeypatch):
    import toy_runs

    from analysis.runs import fingerprint as module

    before = fingerprint(toy_runs.waves), fingerprint(toy_runs.threads)
    kept = module._version
    monkeypatch.setattr(module, "_version", lambda library: "0" if library == "torch" else kept(library))
    assert fingerprint(toy_runs.waves) != before[0]
    monkeypatch.setattr(module, "_version", lambda library: "0" if library == "threadpoolctl" else kept(library))
    assert fingerprint(toy_runs.waves) == before[0]
    assert fingerprint(toy_runs.threads) != before[1]
