"""What is seen of verdicts: longer profiles in the same table, refuted statements of the paper, what is left open."""

from dataclasses import replace

import pytest
import toy_runs

from analysis import __main__ as together
from analysis import registry, report
from analysis.runs import Control, Measurement, main, manifest


@pytest.fixture
def registered(monkeypatch):
    """The toy as the only registered experiment."""
    monkeypatch.setattr(registry, "NAMES", ("waves",))
    monkeypatch.setattr(registry, "load", lambda name: toy_runs.WAVES)


def test_a_longer_profile_s_verdict_stands_in_the_same_table_until_its_claim_changes(registered, tmp_path, monkeypatch):
    def run(profile, decide=toy_runs.decide_waves, **changes):
        claim = replace(toy_runs.WAVES.claims[0], profile="full", **changes)
        wave = toy_runs.waves_experiment(claims=(claim,), decide=decide)
        monkeypatch.setattr(toy_runs, "WAVES", wave)
        monkeypatch.setattr(registry, "load", lambda name: wave)
        folder = tmp_path / "full" if profile == "full" else tmp_path
        status = main(wave, ["--out", str(folder), "--profile", profile])
        return status, (folder / "claims.csv").read_text().splitlines()[1:]

    _, long = run("full")
    assert len(long) == 1 and "decided by --profile full" in long[0]
    assert run("paper", lambda tables, options: []) == (0, long)
    assert "Q1,power,stretched" in (tmp_path / "tables" / "controls.csv").read_text()
    assert together.main(["claims", "--out", str(tmp_path)]) == 0
    assert run("paper", lambda tables, options: [], allowed=(0.8, 1.2)) == (0, [])
    assert run("smoke", lambda tables, options: []) == (0, [])


def test_a_refuted_statement_of_the_paper_is_marked_though_it_was_expected(tmp_path, capsys, monkeypatch):
    claim = replace(toy_runs.WAVES.claims[0], kind="paper", expected="violated", allowed=(1.12, 1.2))
    controls = [Control("null", "stretched", 1.13, 1.17), Control("power", "identity", 1.1, 1.1)]
    monkeypatch.setattr(
        toy_runs,
        "WAVES",
        toy_runs.waves_experiment(
            claims=(claim,), decide=lambda tables, options: [Measurement("Q1", 1.0, 0.98, 1.02, controls)]
        ),
    )
    assert main(toy_runs.WAVES, ["--out", str(tmp_path)]) == 0
    assert "<-- the paper says otherwise" in capsys.readouterr().out
    assert report.write(tmp_path) == 0
    assert "| **violated** | violated |" in (tmp_path / "REPORT.md").read_text()
    assert '<article class="card bad" id="Q1" data-verdict="violated"' in (tmp_path / "index.html").read_text()


def test_a_smoke_run_says_what_it_leaves_undecided(registered, tmp_path, capsys, monkeypatch):
    claims = (toy_runs.WAVES.claims[0], replace(toy_runs.WAVES.claims[0], id="Q2"))
    wave = toy_runs.waves_experiment(claims=claims)
    monkeypatch.setattr(toy_runs, "WAVES", wave)
    monkeypatch.setattr(registry, "load", lambda name: wave)
    assert together.main(["run", "--profile", "smoke", "--out", str(tmp_path), "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "Q2: not decided by this selection" in said and "not decided by this run: Q2" in said
    assert together.main(["run", "--out", str(tmp_path), "--jobs", "1"]) == 1
    assert "not decided by this run: Q2" in capsys.readouterr().out
    assert "Not decided by this selection: Q2." in (tmp_path / "REPORT.md").read_text()


def test_an_experiment_without_claims_is_published(tmp_path, monkeypatch):
    wave = toy_runs.waves_experiment(claims=(), decide=lambda tables, options: [])
    monkeypatch.setattr(toy_runs, "WAVES", wave)
    assert main(wave, ["--out", str(tmp_path)]) == 0
    assert manifest.read(tmp_path / manifest.NAME)["waves"]["claims"] == {}
