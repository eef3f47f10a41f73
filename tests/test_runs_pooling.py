"""Pooling over seeds, against what independent normal errors do."""

import math
import statistics

import numpy as np
import pandas
import pytest
import toy_runs

from analysis.runs import main
from analysis.runs.claims import Measurement
from analysis.runs.claims_file import CLAIM_COLUMNS, read
from analysis.runs.pooling import of_seed, pool
from analysis.runs.run import with_seeds
from analysis.runs.tables import frame_from_csv


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
    table["over_low"] = table["over_high"] = 4.0  # bounds of a number, the same for every seed
    assert pool(table, ["law"])["over_low"].tolist() == [4.0, 4.0]


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


def _seeded(out, *words):
    status = main(toy_runs.SEEDED, ["--out", str(out), *words])
    (row,) = read(out / "claims.csv", CLAIM_COLUMNS)
    tables = [frame_from_csv((out / "tables" / name).read_bytes()) for name in ("noisy.csv", "seeds/noisy.csv")]
    return status, row, *tables


def test_a_seeded_cell_is_computed_by_every_seed_pooled_and_written_both_ways(tmp_path):
    status, row, pooled, by_seed = _seeded(tmp_path, "--seed", "4")
    assert (status, row["verdict"], row["seeds"]) == (0, "holds", "3")
    assert by_seed["seed"].tolist() == [0, 1, 2] and "seed" not in pooled
    draws = [np.random.default_rng([s, 1]).standard_normal(400) + 1.0 for s in (12, 13, 14)]
    assert by_seed["mean"].tolist() == pytest.approx([d.mean() for d in draws], rel=1e-9)
    assert pooled["mean"].tolist() == pytest.approx([np.mean(draws)], rel=1e-9)
    half = math.sqrt(statistics.fmean(d.var() for d in draws)) * 1.96 / 20 / math.sqrt(3)
    assert (pooled["mean_high"] - pooled["mean"]).tolist() == pytest.approx([half], rel=1e-3)


def test_seeds_that_contradict_each_other_make_the_pooled_verdict_inconclusive(tmp_path, capsys):
    # seed 0: seeds 0, 1, 2, of which the second is moved by .5, so that it alone is refuted and the mean is not
    status, row, pooled, _ = _seeded(tmp_path, "--shift", "0.5")
    assert 0.7 < pooled["mean"][0] < 1.3
    assert (status, row["verdict"]) == (1, "inconclusive")
    assert "seed 1 alone" in row["note"] and "differ by more than their errors explain" in row["note"]


def test_other_seeds_of_a_run_share_no_seed_of_a_cell(tmp_path):
    _, _, _, first = _seeded(tmp_path / "a", "--seed", "0")
    _, _, _, second = _seeded(tmp_path / "b", "--seed", "1")
    assert not set(first["mean"]) & set(second["mean"])


def test_each_seed_is_also_read_in_the_cell_that_decides_all_together():
    def measured(cell, a, b):
        cells = {"a": (a, a - 0.1, a + 0.1), "b": (b, b - 0.1, b + 0.1)}
        return Measurement("Q", *cells[cell], cell=cell, cells=cells)

    together = measured("a", 1.0, 2.0)
    found = with_seeds(together, [measured("a", 0.9, 2.0), measured("b", 1.1, 2.0)])
    assert [s[0] for s in found.seeds] == [0.9, 2.0] and [s[0] for s in found.beside] == [0.9, 1.1]
    assert with_seeds(together, [together, together]).seeds == ()  # no seed says anything of its own
    number = Measurement("Q", 1.0, 0.9, 1.1)
    found = with_seeds(number, [number, Measurement("Q", 1.1, 1.0, 1.2)])
    assert (len(found.seeds), found.beside) == (2, ())
