"""The campaign of faults: what it counts, when it says no, what it keeps, and that its instruments can see a fault."""

import json

import pytest

from analysis.faults import __main__ as campaign
from analysis.faults import calls, damage, surroundings
from analysis.faults.calls import Call
from analysis.faults.processes import Sweep


@pytest.fixture
def parts(monkeypatch):
    """Two parts that take no time; `ran` lists their executions, `found` is what the first will have counted."""
    ran, found = [], {"kills": 3, "survived": 3, "files different": 0}

    def part(name, result):
        def run(folder, count, seed, tick):
            assert folder.is_dir()
            ran.append((name, count, seed))
            tick()
            return dict(result)

        return campaign.Part(run, 3, 1, name)

    both = {"loky-kills": part("loky-kills", found), "cells": part("cells", {"ms for each": 1.5})}
    monkeypatch.setattr(campaign, "PARTS", both)
    return ran, found


def test_the_table_the_record_and_what_is_done_again(parts, tmp_path, capsys):
    ran, _ = parts
    out = ["--out", str(tmp_path)]
    assert campaign.main(out) == 0
    assert ran == [("loky-kills", 3, 0), ("cells", 3, 0)]
    assert (tmp_path / "tables" / "faults.csv").read_text().splitlines() == [
        "part,quantity,number", "loky-kills,kills,3", "loky-kills,survived,3", "loky-kills,files different,0",
        "cells,ms for each,1.5",
    ]  # fmt: skip
    assert "nothing lost, different, refused or badly said" in capsys.readouterr().out
    assert campaign.main(out) == 0
    assert len(ran) == 2  # both kept
    assert campaign.main([*out, "--cells", "7"]) == 0
    assert ran[2:] == [("cells", 7, 0)]
    assert campaign.main([*out, "--quick", "--seed", "5", "--cells", "0"]) == 0
    assert ran[3:] == [("loky-kills", 1, 5)]
    assert "cells" not in (tmp_path / "tables" / "faults.csv").read_text()
    assert campaign.main([*out, "--quick", "--seed", "5", "--cells", "0", "--fresh"]) == 0
    assert len(ran) == 5


def test_a_record_of_other_code_or_none_at_all_is_not_believed(parts, tmp_path):
    ran, _ = parts
    assert campaign.main(["--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / ".faults.json").read_text())
    record["cells"]["asked"][2] = "other code"
    (tmp_path / ".faults.json").write_text(json.dumps(record))
    assert campaign.main(["--out", str(tmp_path)]) == 0
    assert ran[2:] == [("cells", 3, 0)]
    (tmp_path / ".faults.json").write_text("no JSON")
    assert campaign.main(["--out", str(tmp_path)]) == 0
    assert len(ran) == 5


@pytest.mark.parametrize("fault", [{"survived": 2}, {"files different": 1}, {"CPU ms for each": 11.0}])
def test_one_fault_is_exit_status_1(parts, tmp_path, capsys, fault):
    parts[1].update(fault)
    assert campaign.main(["--out", str(tmp_path)]) == 1
    assert "loky-kills: " in capsys.readouterr().out.splitlines()[-1]


def test_a_bad_option_is_one_line(tmp_path, capsys):
    assert campaign.main(["--flips", "-1", "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def _well(n):
    raise ValueError(f"n must be at least 1, got {n!r}")


def _two_lines(n):
    raise ValueError("n must\nbe more")


def _nameless(n):
    raise ValueError("must be more")


def _crash(n):
    raise AttributeError("n")


@pytest.mark.parametrize(
    ("function", "fault"),
    [(_well, ""), (lambda n: n, "taken"), (_two_lines, "not one line"), (_nameless, "unnamed"),
     (_crash, "other errors")],
)  # fmt: skip
def test_each_bad_answer_to_a_malformed_call_is_seen(monkeypatch, capsys, function, fault):
    monkeypatch.setattr(calls, "calls", lambda: [Call(function, {"n": 1}, {"n": "count"})])
    found = calls.python_calls(None, 20, 0)
    assert found.pop("malformed calls") == 20
    assert found == {name: 20 * (name == fault) for name in found}


def test_what_outside_users_call_takes_its_own_arguments_and_refuses_bad_ones(capsys):
    for call in calls.calls():
        assert set(call.kinds.values()) <= set(calls.BAD)
        if call.function.__name__ != "train":
            call.function(**call.good)
    found = calls.python_calls(None, 250, 1)
    assert found == {"malformed calls": 250} | dict.fromkeys(("taken", "other errors", "not one line", "unnamed"), 0)


def test_a_store_that_believes_its_damage_would_be_seen(tmp_path, monkeypatch):
    assert damage.flips(tmp_path / "right", 6, 0)["wrong rows"] == 0
    monkeypatch.setattr("analysis.runs.store._seal", lambda key, record: "no seal")
    assert damage.flips(tmp_path / "blind", 30, 0)["wrong rows"] > 0


def test_a_limit_on_files_fails_the_sweep_and_leaves_the_old_results(tmp_path):
    assert Sweep(tmp_path, cells=8).finish("--jobs", "1")[0] == 0
    before = Sweep(tmp_path).files()
    status, errors = Sweep(tmp_path, cells=40).finish("--jobs", "1", limit=2000)
    assert (status, len(errors.splitlines())) == (1, 1)
    assert Sweep(tmp_path).files() == before


def test_screens_that_are_gone_and_two_sweeps_at_once(tmp_path):
    assert surroundings.closed_pipes(tmp_path / "screens", 1, 0) == {
        "screens": 1, "files different": 0, "tracebacks": 0, "wrong statuses": 0,
    }  # fmt: skip
    found = surroundings.two_at_once(tmp_path / "pairs", 1, 0)
    assert found == {"pairs": 1, "sweeps lost": 0, "files different": 0, "tracebacks": 0}


def test_the_readme_quotes_the_table_where_it_asks_for_it(tmp_path):
    from analysis import readme

    assert readme.faults(tmp_path) == "`python -m analysis.faults` has not been run."
    rows = ["part,quantity,number", "loky-kills,kills,20", "loky-kills,survived,19", "loky-kills,tracebacks,1"]
    rows += ["inputs,tracebacks,2", "cells,ms for each,1.25"]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "faults.csv").write_text("\n".join(rows) + "\n")
    said = readme.faults(tmp_path)
    assert "19 of 20 kills on this machine" in said
    assert ", 3 tracebacks." in said
    assert "cost 1.25 ms each" in said
    for names, wanted in ((("answer", "verdicts"), False), (("answer", "verdicts", "faults"), True)):
        text = "".join("\n".join(readme._MARKS[name]) + "\n" for name in names)
        (tmp_path / "README.md").write_text(text)
        (tmp_path / "claims.csv").unlink(missing_ok=True)
        assert (said in readme.update(tmp_path / "README.md", tmp_path).decode()) is wanted
