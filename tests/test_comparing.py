"""`analysis.comparing`: what moved by more than another machine explains, and what did not."""

from __future__ import annotations

import shutil

import pandas
import pytest

from analysis.__main__ import main
from analysis.comparing import compare
from analysis.runs.places import results_root


@pytest.fixture
def folders(tmp_path):
    """Two copies of a small results folder: three claims and two tables."""
    for name in ("one", "two"):
        (tmp_path / name / "tables").mkdir(parents=True)
    claims = pandas.read_csv(results_root() / "claims.csv", keep_default_na=False)
    claims = claims[claims["claim"].isin(["S2b", "B2", "M7b"])]
    table = pandas.DataFrame({"law": ["sphere", None], "price": [0.25, float("nan")], "status": "ok"})
    for name in ("one", "two"):
        claims.to_csv(tmp_path / name / "claims.csv", index=False)
        table.to_csv(tmp_path / name / "tables" / "toy.csv", index=False)
    return tmp_path / "one", tmp_path / "two"


def _edit(folder, claim, **values):
    frame = pandas.read_csv(folder / "claims.csv", keep_default_na=False)
    for column, value in values.items():
        frame.loc[frame["claim"] == claim, column] = value
    frame.to_csv(folder / "claims.csv", index=False)


def test_a_copy_is_the_same_with_its_gaps(folders):
    found = compare(*folders)
    assert found.same
    assert found.claims["shift"].dropna().tolist() == [0.0]  # B2 alone has an interval
    assert (found.tables["values"].tolist(), found.tables["beyond"].tolist()) == ([6], [0])


def test_the_committed_folder_is_the_same_as_itself():
    found = compare(results_root(), results_root())
    assert found.same
    assert not found.tables["beyond"].any()


@pytest.mark.parametrize(
    "claim, values, why",
    [
        ("B2", {"measured": 1.2, "low": 1.19, "high": 1.21}, "intervals do not meet"),
        ("B2", {"high": 1.5}, ""),
        ("B2", {"verdict": "inconclusive"}, "another verdict"),
        ("B2", {"rule": "holds if interval <= 2"}, "another rule"),
    ],
)
def test_a_claim_may_move_within_the_intervals(folders, claim, values, why):
    _edit(folders[1], claim, **values)
    found = compare(*folders).claims.set_index("claim")["differs"]
    assert found[claim] == why
    assert (found.drop(claim) == "").all()


@pytest.mark.parametrize("off, why", [(1e-9, ""), (1e-4, "another number")])
def test_a_number_without_an_interval_must_be_the_same_to_rounding(folders, off, why):
    frame = pandas.read_csv(folders[0] / "claims.csv").set_index("claim")
    assert frame.loc["S2b", "low"] == frame.loc["S2b", "high"]
    value = frame.loc["S2b", "measured"] * (1 + off)
    _edit(folders[1], "S2b", measured=value, low=value, high=value)
    assert compare(*folders).claims.set_index("claim")["differs"]["S2b"] == why


def test_tables_are_counted_and_do_not_decide(folders):
    table = pandas.read_csv(folders[1] / "tables" / "toy.csv")
    table.loc[0, "price"] *= 1.5
    table.loc[1, "law"] = "torus"
    table.to_csv(folders[1] / "tables" / "toy.csv", index=False)
    table.to_csv(folders[1] / "tables" / "more.csv", index=False)
    found = compare(*folders)
    toy = found.tables.set_index("table").loc["toy"]
    assert (toy["beyond"], toy["largest"]) == (2, 1.0)
    assert found.tables.set_index("table")["differs"]["more"] == "only in the other folder"
    assert found.same


def test_a_claim_or_row_that_is_missing_is_said(folders):
    shutil.copy(folders[1] / "claims.csv", folders[1] / "kept.csv")
    frame = pandas.read_csv(folders[1] / "claims.csv")
    frame[frame["claim"] != "M7b"].to_csv(folders[1] / "claims.csv", index=False)
    table = pandas.read_csv(folders[1] / "tables" / "toy.csv")
    table.head(1).to_csv(folders[1] / "tables" / "toy.csv", index=False)
    found = compare(*folders)
    assert found.claims.set_index("claim")["differs"]["M7b"] == "only in the first folder"
    assert found.tables["differs"].tolist() == ["another number of rows"]


def test_the_command_prints_what_differs_and_fails_by_claims_alone(folders, capsys):
    one, two = map(str, folders)
    assert main(["compare", one, two]) == 0
    assert capsys.readouterr().out.startswith("3 of 3 claims are the same")
    _edit(folders[1], "B2", measured=1.2, low=1.19, high=1.21)
    assert main(["compare", one, two]) == 1
    shown = capsys.readouterr().out
    assert "intervals do not meet" in shown and "2 of 3 claims are the same" in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize("names", [[], ["{one}"], ["{one}", "{one}/nothing"], ["{one}", "{one}/tables"]])
def test_what_is_no_pair_of_results_folders_is_one_line(folders, names, capsys):
    assert main(["compare", *(n.format(one=folders[0]) for n in names)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and "argument NAME" in errors[0]
