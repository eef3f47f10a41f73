"""Tables: one spelling for one value, rows in one order, columns that do not depend on chance; exact values inside."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analysis.runs.encoding import canonical, plain, plain_mapping, rows_from_text, rows_to_text
from analysis.runs.experiment import Cell
from analysis.runs.store import Key, Record
from analysis.runs.sweep import Planned
from analysis.runs.tables import build, csv_of_frame, frame_from_csv, spell


def _cell(params, rows=None, error=""):
    record = Record("failed" if error else "done", rows_to_text(rows or []), error, 1.0, 0.1, 0.1, 1)
    return Planned(Cell("part", params), params, Key("e", "part", canonical(params), 0, "f")), record


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64)))
def test_floats_survive_the_store_exactly(values):
    (row,) = rows_from_text(rows_to_text([{str(i): v for i, v in enumerate(values)}]))
    back = list(row.values())
    assert np.array_equal(np.array(back, float).view(np.int64), np.array(values, float).view(np.int64)) or (
        # one nan has many bit patterns; everything else is compared bit by bit
        all(math.isnan(a) and math.isnan(b) or a.hex() == b.hex() for a, b in zip(back, values, strict=True))
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int64(2**40), 2**40),
        (np.bool_(True), True),
        (torch.tensor(1.5), 1.5),
        (torch.tensor(3), 3),
        ((1, np.float64(2.5)), [1, 2.5]),
        (None, None),
        ("text", "text"),
    ],
)
def test_values_become_plain(value, expected):
    got = plain(value, "x")
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize("value", [object(), {"a": 1}, np.ones(2), torch.ones(2), 1j])
def test_other_values_are_refused_by_name(value):
    with pytest.raises(TypeError, match="row 'ratio' must be a number"):
        plain_mapping({"ratio": value}, "row")


def test_reserved_and_nameless_columns_are_refused():
    with pytest.raises(ValueError, match="use run_status"):
        plain_mapping({"status": "capped"}, "row")
    with pytest.raises(TypeError, match="names must be text"):
        plain_mapping({1: 2.0}, "row")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333333333"),
        (-0.0, "0"),
        (1e-300, "1e-300"),
        (10**15, "1000000000000000"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
        (True, "True"),
        (None, ""),
        ([1, 2.5], "[1,2.5]"),
    ],
)
def test_spelling(value, text):
    assert spell(value) == text


def test_rows_are_sorted_by_parameters_whatever_the_order_of_the_cells():
    cells = [_cell({"law": law, "d": d}, [{"y": d * 1.5}]) for law in ("sphere", "cube") for d in (1000, 9, 10**9)]
    tables = set()
    for seed in range(5):
        shuffled = random.Random(seed).sample(cells, len(cells))
        tables.add(build(*zip(*shuffled, strict=True))["part"].csv())
    assert tables == {
        b"law,d,y,status\ncube,9,13.5,ok\ncube,1000,1500,ok\ncube,1000000000,1500000000,ok\n"
        b"sphere,9,13.5,ok\nsphere,1000,1500,ok\nsphere,1000000000,1500000000,ok\n"
    }


def test_mixed_and_absent_parameters_have_a_place():
    cells = [_cell({"a": value}, [{"y": 1}]) for value in ("x", 2, None, 1.5, True, [1, 2])]
    lines = build(*zip(*cells, strict=True))["part"].csv().decode().splitlines()[1:]
    assert [line.rsplit(",", 2)[0] for line in lines] == ["", "True", "1.5", "2", "x", '"[1,2]"']


def test_failed_cells_are_in_the_table_and_not_in_the_frame():
    cells = [_cell({"k": 1}, [{"y": 2.0}, {"y": 3.0}]), _cell({"k": 2}, error='ValueError: no, "never"\nTraceback ...')]
    table = build(*zip(*cells, strict=True))["part"]
    assert table.csv().decode() == 'k,y,status\n1,2,ok\n1,3,ok\n2,,"failed: ValueError: no, ""never"""\n'
    frame = table.frame()
    assert list(frame.columns) == ["k", "y"]
    assert frame.values.tolist() == [[1, 2.0], [1, 3.0]]
    assert frame_from_csv(table.csv()).equals(frame)


def test_the_frame_is_exact_and_the_csv_has_ten_digits():
    value = 1 + 1e-12
    table = build(*zip(_cell({"k": 1}, [{"y": value}]), strict=True))["part"]
    assert table.frame().y[0] == value
    assert table.csv() == b"k,y,status\n1,1,ok\n"


def test_infinities_and_text_that_looks_missing_survive_the_csv():
    cells = [_cell({"k": 1}, [{"y": math.inf, "z": math.nan, "law": "None"}])]
    frame = frame_from_csv(build(*zip(*cells, strict=True))["part"].csv())
    assert frame.y[0] == math.inf
    assert math.isnan(frame.z[0])
    assert frame.law[0] == "None"


def test_derived_tables_are_spelled_alike():
    import pandas

    frame = pandas.DataFrame({"n": np.array([1, 2]), "slope": [1 / 3, math.nan], "law": ["cube", "sphere"]})
    assert csv_of_frame(frame) == b"n,slope,law,status\n1,0.3333333333,cube,ok\n2,nan,sphere,ok\n"
