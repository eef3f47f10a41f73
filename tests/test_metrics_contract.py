"""What a caller relies on without reading: defaults, records that cannot be changed, and inputs of any kind."""

import dataclasses
import importlib
import inspect

import house
import numpy as np
import pytest
import torch

from analysis.metrics import arrays, intervals

DEFAULTS = {
    "confidence": {0.95},
    "a": {0.5},
    "alpha": {0.0},
    "floor": {0.0},
    "degrees_of_freedom": {float("inf")},
    "p": {2},
    "count": {128},
    "blocks": {10},
    "repeats": {40},
    "order": {8, 48, 64},
    "permutations": {499},
    "candidates": {200},
    "projections": {64},
    "bins": {16},
    "neighbours": {3},
    "resamples": {2000},
    "least": {1},
    "resolution": {4096},
    "panel": {0.125},
    "factor": {1.0},
    "dimension": {1},
    "sigma_T": {1e-2},
    "sigma_0": {1e2},
    "most": {100_000, 2**24},
    "zero_allowed": {True},
    "paired": {False},
}


def modules():
    return [
        importlib.import_module(f"analysis.{room}.{path.stem}")
        for room in ("theory", "metrics")
        for path in sorted((house.ROOT / "analysis" / room).glob("[!_]*.py"))
    ]


def test_defaults_mean_the_same_in_every_function():
    found = {}
    for module in modules():
        for _, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not function.__name__.startswith("_"):
                for name, parameter in inspect.signature(function).parameters.items():
                    if isinstance(parameter.default, bool | int | float):
                        found.setdefault(name, set()).add(parameter.default)
    assert found == DEFAULTS


def test_records_cannot_be_changed():
    records = [
        record
        for module in modules()
        for _, record in inspect.getmembers(module, dataclasses.is_dataclass)
        if record.__module__ == module.__name__
    ]
    assert len(records) >= 10
    for record in records:
        made = record(*(1.0 for _ in dataclasses.fields(record)))
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, dataclasses.fields(record)[0].name, 2.0)


def test_inputs_become_float64_of_the_same_numbers():
    tensor = torch.tensor([[1, 2], [3, 4]], requires_grad=False)
    assert arrays.to_numpy(tensor).dtype == np.float64 and arrays.to_numpy(tensor).tolist() == [[1, 2], [3, 4]]
    assert arrays.to_numpy(torch.ones(2, requires_grad=True)).tolist() == [1.0, 1.0]
    assert arrays.points("x", [1, 2, 3]).tolist() == [[1], [2], [3]]
    assert arrays.values("x", [[1, 2], [3, 4]], least=4).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: arrays.values("x", [1.0], least=2), r"x must hold at least 2 finite numbers, got 1 of which 0"),
        (lambda: arrays.values("x", []), r"at least 1 finite numbers, got 0"),
        (lambda: arrays.values("x", [1.0, np.inf, np.nan]), r"got 3 of which 2 are not finite"),
        (lambda: arrays.points("x", np.zeros((2, 2, 2))), r"shape \(n >= 1, d\), got shape \(2, 2, 2\)"),
        (lambda: arrays.points("x", np.zeros((1, 2)), least=2), r"n >= 2, d\), got shape \(1, 2\)"),
        (lambda: arrays.points("x", [[np.nan]]), r"got shape \(1, 1\)"),
        (lambda: arrays.pair(np.zeros((3, 1)), np.zeros((3, 2))), r"got 1 and 2"),
        (lambda: arrays.pair(np.zeros((3, 1)), np.zeros((1, 1)), least=2), r"y must be finite points"),
        (lambda: arrays.generator(7), r"got int"),
        (lambda: intervals.mean([1.0, 2.0], confidence=1.0), r"confidence must lie in \(0, 1\), got 1.0"),
        (lambda: intervals.mean([1.0, 2.0], confidence=0.0), r"confidence must lie in \(0, 1\), got 0.0"),
        (lambda: intervals.variance(np.arange(19.0)), r"at least 20"),
    ],
)
def test_refusals_say_what_was_wrong_and_what_is_allowed(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_variance_takes_twenty_values():
    assert intervals.variance(np.arange(20.0)).value == pytest.approx(35.0, rel=1e-12)
