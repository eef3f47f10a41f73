"""The dictionary of columns: every column of every table has a meaning, and in the table where it stands."""

import csv
import doctest
from collections import Counter

import house
import pandas
import pytest

import analysis
from analysis import columns, reading, registry
from analysis.columns import meaning
from analysis.runs.options import parse

RESULTS = house.ROOT / "results"


def silent(tables):
    """(table, column) without a meaning."""
    return sorted((table, c) for table, names in tables for c in names if not meaning(c, table)[1])


def headers(*patterns):
    """(table, its columns) of committed tables."""
    for path in sorted(p for pattern in patterns for p in RESULTS.glob(pattern)):
        with open(path, encoding="utf-8", newline="") as handle:
            yield path.stem, next(csv.reader(handle))


def test_every_column_of_a_committed_table_has_a_meaning():
    tables = list(headers("tables/*.csv", "tables/seeds/*.csv", "full/tables/*.csv", "claims.csv", "full/claims.csv"))
    assert len(tables) > 100
    assert silent(tables) == []


@pytest.mark.parametrize("profile", ["smoke", "paper", "full"])
def test_every_parameter_of_a_planned_cell_has_a_meaning(profile):
    """These are columns of its table, which may not be committed yet."""
    planned = set()
    for experiment in map(registry.load, registry.NAMES):
        options = parse(experiment, ["--profile", profile])
        planned |= {(c.part, name) for q in experiment.questions for c in q.cells(options) for name in c.params}
    assert len(planned) > 500
    assert silent((part, [name]) for part, name in planned) == []


# what cells add to their parameters, of tables that no committed run has yet
WRITTEN = {
    "certificates": "run found alarm spoilt",
    "planted": "planted_kind found truth size error",
    "image_samples": "measure series level value se pixels",
    "image_patches": "measure series level value se",
    "image_stranger": "measure series level value se",
    "image_comparison": "training series integrator a steps grid adaptive measure value low high",
    "neighbours_accuracy": "N kl tv",
    "neighbours_adaptivity": "steps output",
    "neighbours_code": "J J_low J_high J_over_k",
    "neighbours_components": "m steps",
    "neighbours_entropy": "H N_disc",
    "neighbours_grid": "N grid disc over_best over_bound over_minimax",
    "neighbours_information": "nats disc ratio ratio_low ratio_high",
    "neighbours_local": "curve local",
    "neighbours_optimum": "a root ratio best canonical grid_alone",
    "neighbours_order": "N kl tv path",
    "neighbours_placed": "id source read statement assumption separates stands quantity predicted measured low high "
    "looser_by verdict",
    "neighbours_price": "price price_low price_high form",
    "neighbours_reading": "codimension sd over_limit",
    "neighbours_shift": "N run recursion",
    "neighbours_start": "ratio ratio_low ratio_high level predicted",
    "neighbours_tangent": "best tangent off constant",
    "neighbours_union": "batch J",
    "neighbours_work": "calls D_X D_X_low D_X_high",
}


def test_every_column_of_the_tables_to_come_has_a_meaning():
    assert silent((table, names.split()) for table, names in WRITTEN.items()) == []


def test_a_column_without_a_meaning_is_found(tmp_path):
    """Also where only its ending is known: 'standard error of frob' says nothing."""
    names = ["dim", "frob", "frob_se", "error_se"]
    assert silent([("scaling", names)]) == [("scaling", "frob"), ("scaling", "frob_se")]
    (tmp_path / "tables").mkdir()
    pandas.DataFrame([[1] * 4], columns=names).to_csv(tmp_path / "tables" / "scaling.csv", index=False)
    assert "| `frob` |  | unknown | scaling |" in reading.dictionary(tmp_path)


def test_a_column_means_what_its_table_says():
    assert meaning("low", "training_nets")[1] == "smallest noise level of training"
    assert meaning("low", "scaling_steps")[1] == "lower end of the 95 % interval of the measurement"
    assert meaning("steps", "training_nets")[1] != meaning("steps", "scaling")[1]
    assert meaning("mass_se", "spike")[1] == "standard error of mass"
    tables = analysis.results().columns
    assert set(tables[tables["column"] == "price"].unit) == {"nats", "the data's units"}


def test_the_dictionary_is_in_order():
    """One row a column and table, sorted; none without words, none that leans on the row above it."""
    with open(columns.__file__.removesuffix(".py") + ".csv", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    keys = [(row["column"], row["tables"]) for row in rows]
    assert keys == sorted(keys) and max(Counter(keys).values()) == 1
    assert all(row["meaning"] and not row["meaning"].endswith(".") for row in rows)
    assert [row["column"] for row in rows if row["meaning"].startswith(("the same", "it "))] == []
    assert "|" not in "".join(row["unit"] for row in rows)


def test_the_committed_page_knows_every_column():
    text = (RESULTS / "COLUMNS.md").read_text(encoding="utf-8")
    assert "unknown" not in text and "Explained by their experiment alone" not in text
    assert set(analysis.results().columns["column"]) <= {
        line.split("`")[1] for line in text.splitlines() if "`" in line
    }


def test_examples():
    assert doctest.testmod(columns).failed == 0
