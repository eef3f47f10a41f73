"""The examples in docstrings run, and every public name of the rooms that outside users call has one."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

ROOMS = (
    "manifolds",
    "analysis.samplers",
    "analysis.theory",
    "analysis.metrics",
    "analysis.ledger",
    "analysis.certify",
    "analysis.plan",
)
COMPLETE = ("manifolds",)  # rooms in which a public function without an example is a mistake
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def _modules(room):
    package = importlib.import_module(room)
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{room}.")]
    return [room, *(name for name in names if not name.endswith("__main__"))]


MODULES = [name for room in ROOMS for name in _modules(room)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=FLAGS)
    assert results.failed == 0


def _public(module):
    """Functions and classes that a module defines and offers; not records and protocols, which do nothing."""
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        record = hasattr(thing, "_fields") or getattr(thing, "_is_protocol", False)
        if (inspect.isfunction(thing) or inspect.isclass(thing)) and thing.__module__ == module.__name__ and not record:
            yield name, thing


def without_example(module):
    """Public functions and classes in whose docstring, or in whose methods', nothing is tried."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [
        name for name, thing in _public(module) if not any(test.examples for test in finder.find(thing, name, module))
    ]


@pytest.mark.parametrize("name", [name for room in COMPLETE for name in _modules(room)])
def test_every_public_function_has_an_example(name):
    assert without_example(importlib.import_module(name)) == []
