"""The paper figure by figure: every claim that it names is registered, and one word says whether the same comes out."""

from __future__ import annotations

import dataclasses

import pytest

from analysis import registry, report
from analysis.report import concordance
from analysis.report.data import read
from analysis.runs.places import results_root


@pytest.fixture(scope="module")
def folder():
    return read(results_root())


def test_figures_1_to_12_and_the_printed_numbers_have_a_row(folder):
    items = " ".join(row.item for row in concordance.ROWS)
    assert all(str(n) in items.replace("figs. 5, 7, 8", "5 7 8").split("Cor")[0] for n in range(1, 13))
    assert len(concordance.lines(folder)) == len(concordance.ROWS)


def test_every_id_is_a_claim_and_every_figure_one_of_an_experiment():
    experiments = [registry.load(name) for name in registry.NAMES]
    claims = {c.id for e in experiments for c in e.claims}
    figures = {f for e in experiments for f in e.figures}
    assert {i for row in concordance.ROWS for i in (*row.claims, *row.beside)} <= claims
    assert {row.figure for row in concordance.ROWS} - {""} <= figures


def test_a_refuted_number_is_not_the_same_whatever_stands_in_its_place(folder):
    by_item = {line.row.item: line for line in concordance.lines(folder)}
    assert by_item["fig. 3, the plotted line"].same == "no"
    assert [c.id for c in by_item["fig. 3, the plotted line"].cards] == ["K1", "K1b"]
    assert by_item["fig. 1"].same == "yes"
    # claims that hold of the corrected form say that the printed one is not the same
    assert by_item["eqs. (14), (A3)"].same == "no, corrected"
    assert [x.same for x in concordance.lines(folder) if x.row.claims == ("K2",)] == ["no, corrected"]


@pytest.mark.parametrize(
    "verdicts, same",
    [(("holds", "holds"), "yes"), (("holds", "violated"), "in part"), (("violated", "violated"), "no"),
     (("holds", "inconclusive"), "not decided in full")],
)  # fmt: skip
def test_the_word_follows_the_verdicts(folder, verdicts, same):
    turned = dict(zip(("N4", "N5"), verdicts, strict=True))
    cards = tuple(dataclasses.replace(c, verdict=turned.get(c.id, c.verdict)) for c in folder.cards)
    line = next(x for x in concordance.lines(dataclasses.replace(folder, cards=cards)) if x.row.item == "fig. 1")
    assert line.same == same


def test_page_and_report_show_it(tmp_path):
    import shutil

    for name in ("claims.csv", "manifest.json"):
        shutil.copy(results_root() / name, tmp_path / name)
    (tmp_path / "tables").mkdir()
    shutil.copy(results_root() / "tables" / "controls.csv", tmp_path / "tables")
    report.write(tmp_path)
    assert "27.6 steps; the line is that of a = 0" in (tmp_path / "index.html").read_text()
    assert "27.6 steps; the line is that of a = 0" in (tmp_path / "REPORT.md").read_text()
