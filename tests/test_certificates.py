"""C1 and C1b: a false alarm, or a size that is off, would change the verdict."""

from types import SimpleNamespace

import deciding
import pandas
import pytest

from analysis.certificates import false_alarms, planted

FULL = SimpleNamespace(profile="full")


def runs(alarms, n=300):
    alarm = [i < alarms for i in range(n)]
    found = ["precision" if a else "" for a in alarm]
    return {"certificates": pandas.DataFrame({"alarm": alarm, "found": found, "spoilt": True})}


@pytest.mark.parametrize(("alarms", "outcome"), [(0, "holds"), (1, "inconclusive"), (9, "violated")])
def test_false_alarms_decide(alarms, outcome):
    measurement, found = deciding.decided(false_alarms, runs(alarms), options=FULL)
    assert found == outcome and measurement.note.startswith(f"{alarms} of 300")


def test_too_few_runs_decide_nothing():
    assert false_alarms.decide(runs(0), deciding.PAPER) == []


def faults(**changed):
    rows = [{"fault": name, "larger": 1.0, "error": changed.get(name, 0.01)} for name in planted.FAULTS]
    rows.append({"fault": "scaled", "larger": planted.LARGER, "error": changed.get("larger", 0.25)})
    return {"planted": pandas.DataFrame(rows)}


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [({}, "holds"), ({"euler": 0.21}, "violated"), ({"grid": 1.0}, "violated"), ({"larger": 0.1}, "inconclusive")],
)
def test_every_fault_decides(changed, outcome):
    assert deciding.decided(planted, faults(**changed), options=FULL)[1] == outcome


def test_a_fault_that_is_missing_leaves_it_undecided():
    table = faults()["planted"]
    assert planted.decide({"planted": table[table.fault != "euler"]}, FULL) == []


@pytest.mark.parametrize("fault", ["scaled", "stochastic", "euler", "last_step"])
def test_a_planted_fault_has_its_size(fault):
    (row,) = planted.cell_planted({"fault": fault, "larger": 1.0}, 0)
    assert row["found"] == row["planted_kind"] and row["error"] < 0.1


def test_the_sabotage_is_larger_by_a_quarter():
    (row,) = planted.cell_planted({"fault": "scaled", "larger": planted.LARGER}, 0)
    assert row["error"] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("blind", "dtype"), [(False, "float32"), (True, "float64")])
def test_correct_ones_are_cleared_and_a_thousandth_is_seen(blind, dtype):
    params = {"law": "atoms", "dim": 3, "ambient": 64, "blind": blind, "dtype": dtype, "runs": 1}
    (row,) = false_alarms.cell_certificates(params, 0)
    assert not row["alarm"] and row["spoilt"]


def test_three_hundred_runs_in_full():
    cells = false_alarms.cells(FULL)
    assert sum(cell.params["runs"] for cell in cells) == 300
