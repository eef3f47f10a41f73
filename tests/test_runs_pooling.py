"""Pooling over seeds, against what independent normal errors do."""

import math

import numpy as np
import pandas
import pytest

from analysis.runs.pooling import of_seed, pool


def _table(values, half, seeds=3):
    rows = []
    for seed in range(seeds):
        for law, shift in (("a", 0.0), ("b", 10.0)):
            v = values[seed] + shift
            rows.append(
                {"seed": seed, "law": law, "x": v, "x_low": v - half, "x_high": v + 2 * half, "x_se": half / 2, "n": 7}
            )
    return pandas.DataFrame(rows)


def test_values_are_averaged_and_half_widths_shrink_by_the_root_of_the_number_of_seeds():
    found = pool(_table([1.0, 2.0, 6.0], 0.3), ["law"])
    assert list(found.columns) == ["law", "x", "x_low", "x_high", "x_se", "n"]
    assert found["law"].tolist() == ["a", "b"] and found["n"].tolist() == [7, 7]
    assert found["x"].tolist() == pytest.approx([3.0, 13.0])
    assert (found["x"] - found["x_low"]).tolist() == pytest.approx([0.3 / math.sqrt(3)] * 2)
    assert (found["x_high"] - found["x"]).tolist() == pytest.approx([0.6 / math.sqrt(3)] * 2)
    assert found["x_se"].tolist() == pytest.approx([0.15 / math.sqrt(3)] * 2)


def test_pooled_intervals_cover_as_often_as_they_say():
    generator = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        draws = generator.standard_normal(3)
        table = _table(draws, 0.0)
        table["x_low"], table["x_high"] = table["x"] - 1.96, table["x"] + 1.96
        row = pool(table, ["law"]).iloc[0]
        covered.append(row["x_low"] <= 0 <= row["x_high"])
    assert 0.92 <= np.mean(covered) <= 0.98


def test_the_value_of_an_interval_may_have_a_name_of_its_own():
    table = (
        _table([1.0, 2.0, 6.0], 0.3).rename(columns={"x_low": "over_low", "x_high": "over_high"}).drop(columns="x_se")
    )
    assert (pool(table, ["law"], {"over": "x"})["x"] - pool(table, ["law"], {"over": "x"})["over_low"]).tolist() == (
        pytest.approx([0.3 / math.sqrt(3)] * 2)
    )
    with pytest.raises(ValueError, match="around no column"):
        pool(table, ["law"])


def test_what_cannot_be_pooled_is_refused():
    table = _table([1.0, 2.0, 6.0], 0.3)
    with pytest.raises(ValueError, match="seed 2 has other cells than seed 0"):
        pool(table[:-1], ["law"])
    table["word"] = [f"{s}" for s in table["seed"]]
    with pytest.raises(ValueError, match="no number and differs"):
        pool(table, ["law"])


def test_a_table_without_seeds_is_left_alone():
    table = _table([1.0], 0.3, seeds=1).drop(columns="seed")
    assert pool(table, ["law"]) is table and of_seed(table, 4) is table


def test_the_rows_of_one_seed():
    table = _table([1.0, 2.0, 6.0], 0.3)
    assert of_seed(table, 1)["x"].tolist() == [2.0, 12.0] and "seed" not in of_seed(table, 1)
