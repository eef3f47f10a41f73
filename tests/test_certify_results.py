"""`analysis.results`: tables and claims as data frames."""

import doctest
import subprocess
import sys

import house
import pandas
import pytest

import analysis
from analysis import reading
from analysis.columns import meaning


def test_every_table_is_there():
    found = analysis.results()
    assert set(found) == {p.stem for p in (house.ROOT / "results" / "tables").glob("*.csv")}
    assert len(found["scaling"]) > 10 and "sliced_w2" in found["scaling"]
    assert found.claims["claim"].is_unique
    assert set(found["controls"]["control"]) == {"null", "power"}


def test_the_columns_are_a_dictionary():
    columns = analysis.results().columns
    known = columns[columns["table"] == "claims"].set_index("column")
    assert known.loc["verdict", "meaning"] == "how the rule decided, for instance holds or violated"
    assert columns[["table", "column"]].duplicated().sum() == 0


def test_the_dictionary_is_a_page():
    text = reading.dictionary(house.ROOT / "results")
    assert "| `sigma_T` | standard deviation of noise" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 150 and all(line.replace("\\|", "").count("|") == 5 for line in rows)


def test_a_folder_of_ones_own(tmp_path):
    (tmp_path / "tables").mkdir()
    pandas.DataFrame({"dim": [2]}).to_csv(tmp_path / "tables" / "mine.csv", index=False)
    found = analysis.results(tmp_path)
    assert list(found) == ["mine"] and found["mine"]["dim"].tolist() == [2]
    assert found.columns.values.tolist() == [["mine", "dim", *meaning("dim")]]
    with pytest.raises(KeyError):
        found["other"]
    with pytest.raises(ValueError, match="cannot read"):
        _ = found.claims


def test_no_folder_is_one_line(tmp_path):
    with pytest.raises(ValueError, match="which is none"):
        analysis.results(tmp_path / "absent")
    with pytest.raises(ValueError, match="holds no tables"):
        analysis.results(tmp_path)


def test_importing_stays_light():
    code = "import sys, analysis; assert not {'torch', 'pandas'} & set(sys.modules); analysis.results"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_examples():
    assert doctest.testmod(reading).failed == 0
