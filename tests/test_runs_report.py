"""Figures and the report: same bytes for the same numbers, nothing that depends on the machine, every claim with its
command.
"""

import re
import sys
import types

import pytest
import toy_runs

from analysis import report
from analysis.runs import main
from analysis.runs.drawing import draw
from analysis.runs.tables import frame_from_csv


@pytest.fixture
def figure(monkeypatch):
    """A module toy_figures.curve that draws the toy's table, and remembers what it was given."""
    module = types.ModuleType("toy_figures.curve")
    module.given = []

    def curve(tables):
        from matplotlib import pyplot

        module.given.append(tables)
        if len(tables["waves"]) < 20:
            return None
        shown, axes = pyplot.subplots()
        axes.plot(tables["waves"].x, tables["waves"].trace)
        return shown

    module.draw = curve
    monkeypatch.setitem(sys.modules, "toy_figures", types.ModuleType("toy_figures"))
    monkeypatch.setitem(sys.modules, "toy_figures.curve", module)
    monkeypatch.setattr(toy_runs, "WAVES", toy_runs.waves_experiment(figures=("curve",), figure_package="toy_figures"))
    return module


def test_figures_have_the_same_bytes_each_time_and_are_drawn_from_the_csv(figure, tmp_path):
    for name in ("a", "b"):
        assert main(toy_runs.WAVES, ["--out", str(tmp_path / name), "--jobs", "1"]) == 0
    for kind in ("png", "pdf"):
        data = (tmp_path / "a" / "figures" / f"curve.{kind}").read_bytes()
        assert data == (tmp_path / "b" / "figures" / f"curve.{kind}").read_bytes()
        assert len(data) > 1000
        assert b"Date" not in data
    read = frame_from_csv((tmp_path / "a" / "tables" / "waves.csv").read_bytes())
    assert figure.given[0]["waves"].equals(read)
    assert (
        draw("toy_figures", "curve", {"waves": read})["curve.png"]
        == (tmp_path / "a" / "figures" / "curve.png").read_bytes()
    )


def test_a_figure_may_decline_a_narrow_selection(figure, tmp_path):
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--cells", "9", "--jobs", "1"]) == 0
    assert not (tmp_path / "figures").exists()


def test_files_of_an_earlier_selection_do_not_stay_behind(figure, tmp_path):
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--jobs", "1"]) == 0
    assert (tmp_path / "figures" / "curve.png").is_file()
    (tmp_path / "figures" / "other.png").write_bytes(b"of another experiment")
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--cells", "9", "--jobs", "1"]) == 0
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["other.png"]


def test_a_figure_that_breaks_is_named_and_the_tables_are_kept(figure, tmp_path, capsys):
    figure.draw = lambda tables: tables["nothing"]
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--jobs", "1"]) == 1
    assert "waves: figure curve cannot be drawn (KeyError: 'nothing')" in capsys.readouterr().err
    assert (tmp_path / "tables" / "waves.csv").is_file()


def test_a_smoke_run_draws_no_pdf_leaves_none_of_an_earlier_run_and_its_page_links_to_what_is_there(figure, tmp_path):
    for profile, kinds in (("paper", ["curve.pdf", "curve.png"]), ("smoke", ["curve.png"])):
        assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--jobs", "1", "--profile", profile, "--cells", "12"]) == 0
        assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == kinds
        assert report.write(tmp_path) == 0
        assert f'href="figures/{kinds[0]}"' in (tmp_path / "index.html").read_text()


@pytest.fixture
def folder(figure, tmp_path):
    out = tmp_path / "out"
    assert main(toy_runs.WAVES, ["--out", str(out), "--jobs", "1"]) == 0
    assert report.write(out) == 0
    return out


def test_the_report_names_each_claim_with_its_verdict_and_command(folder):
    text = (folder / "REPORT.md").read_text()
    assert "As one statement (1 interval at once): 1 verdict stands; every verdict is the one registered" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| Q1 | toy | the trace is d^2")]
    cells = [c.strip() for c in row.strip("|").split("|")]
    assert cells[0] == "Q1"
    assert cells[-5:-3] == ["holds", "holds"] and cells[-1] == "`python -m toy_runs`"
    assert "| Q1 | power | stretched |" in text
    assert "![curve](figures/curve.png)" in text
    assert "[tables/waves.csv](tables/waves.csv), the first 12 of 48 rows" in text
    assert text.count("\n\n\n") == 0


def test_the_page_stands_by_itself(folder):
    page = (folder / "index.html").read_text()
    references = re.findall(r"(?:src|href)=['\"]([^'\"]+)", page)
    files = {r for r in references if not r.startswith("#")}
    assert files >= {"figures/curve.png", "figures/curve.pdf", "tables/waves.csv", "claims.csv", "manifest.json"}
    assert [f for f in files if not (folder / f).is_file()] == []
    anchors = set(re.findall(r"id=['\"]([^'\"]+)", page))
    assert {r[1:] for r in references if r.startswith("#")} <= anchors
    assert len(anchors) == len(re.findall(r" id=['\"]", page))  # each once
    assert "http" not in re.sub(r"http://www.w3.org/2000/svg", "", page)
    assert '<article class="card good" id="Q1" data-verdict="holds"' in page


def test_the_report_depends_on_numbers_only(folder, tmp_path):
    """Another folder, computed anew: other times, other path, same bytes."""
    again = tmp_path / "elsewhere"
    assert main(toy_runs.WAVES, ["--out", str(again), "--jobs", "1", "--fresh"]) == 0
    assert report.write(again) == 0
    for name in ("REPORT.md", "index.html"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_a_report_that_is_there_follows_every_run(folder):
    before = (folder / "REPORT.md").read_text()
    assert main(toy_runs.WAVES, ["--out", str(folder), "--jobs", "1", "--seed", "1"]) == 0
    after = (folder / "REPORT.md").read_text()
    assert "`python -m toy_runs --seed 1`" in after
    assert before != after


def test_text_of_claims_cannot_break_the_page_or_the_table(figure, tmp_path, monkeypatch):
    import dataclasses

    claim = dataclasses.replace(toy_runs.WAVES.claims[0], statement="a < b | c & <script>alert(1)</script>")
    monkeypatch.setattr(toy_runs, "WAVES", toy_runs.waves_experiment(claims=(claim,)))
    assert main(toy_runs.WAVES, ["--out", str(tmp_path), "--jobs", "1"]) == 0
    assert report.write(tmp_path) == 0
    page, text = (tmp_path / "index.html").read_text(), (tmp_path / "REPORT.md").read_text()
    assert "a &lt; b | c &amp; &lt;script&gt;" in page
    assert page.count("<script") == 1  # the page's own
    assert "a < b \\| c &" in text
