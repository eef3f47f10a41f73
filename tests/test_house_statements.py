"""Every numbered statement has a row, every row points at things that exist, and every claim belongs somewhere."""

import ast
import importlib

import house
import pytest

import manifolds
from analysis import registry
from analysis.__main__ import main
from analysis.runs.places import results_root
from analysis.statements import ALL, OURS, claim, find, of_claim, show

NUMBERED = [f"3.{i}" for i in range(1, 13)]
PREMISES = ["(A1)", "(A2)", "(A3)"]
EQUATIONS = ["(3)", "(14)", "(16)", "(21)", "(26)", "(27)", "(28)"]
ELSEWHERE = ["B.4", "C.1", "C.2", "section 3", "section 4.1", "Remark 4.1", "section 4.2", "G.3", "version 2"]
FIGURES = [f"fig {i}" for i in range(1, 13)]
NEIGHBOURS = [
    "2308.03686", "2405.14861", "2410.18784", "2410.09046", "2501.12982", "2606.23627", "2501.18863", "2504.05300",
    "2510.27562", "2601.21943", "2601.13602", "2605.21911", "2511.04844", "2602.01338", "2601.10708", "2604.10857",
    "2502.13129", "2602.18428", "2510.02300", "2506.05310", "2605.08344", "2412.05488", "2604.16044",
]  # fmt: skip

by_id = pytest.mark.parametrize("statement", ALL, ids=lambda statement: statement.id)


def registered():
    return [registry.load(name) for name in registry.NAMES]


@pytest.mark.parametrize("number", NUMBERED + PREMISES + EQUATIONS + ELSEWHERE + FIGURES)
def test_every_numbered_statement_of_the_paper_has_a_row(number):
    assert find(number).id == number


@pytest.mark.parametrize("paper", NEIGHBOURS)
def test_every_neighbour_has_a_row(paper):
    assert find(paper).kind == "neighbour"


def test_no_statement_stands_twice():
    ids = [statement.id for statement in ALL]
    assert sorted(set(ids)) == sorted(ids)


@by_id
def test_functions_exist(statement):
    for reference in statement.functions:
        module, _, path = reference.partition(":")
        found = importlib.import_module(module)
        for attribute in path.split("."):
            # `radius` is an annotation on a class
            assert hasattr(found, attribute) or attribute in getattr(found, "__annotations__", {}), reference
            found = getattr(found, attribute, None)


@by_id
def test_tests_exist(statement):
    for test in statement.tests:
        name, _, function = test.partition("::")
        tree = house.tree(house.ROOT / "tests" / name)
        functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        assert not function or function in functions, test


@by_id
def test_laws_exist_and_say_what_they_separate(statement):
    assert set(statement.laws) <= set(manifolds.names())
    assert bool(statement.laws) == bool(statement.separates)


def test_claims_and_figures_exist():
    claims = {c.id for e in registered() for c in e.claims}
    figures = {f for e in registered() for f in e.figures}
    assert [(s.id, c) for s in ALL for c in s.claims if c not in claims] == []
    assert [(s.id, f) for s in ALL for f in s.figures if f not in figures] == []
    assert set(OURS) <= claims


def test_every_registered_claim_is_evidence_on_a_statement_or_marked_as_ours():
    """A new claim: name it in the row of its statement, or in OURS with its reason."""
    claims = [c.id for e in registered() for c in e.claims]
    assert [c for c in claims if not of_claim(c) and c not in OURS] == []
    assert [c for c in OURS if of_claim(c)] == []


@by_id
def test_a_row_has_its_evidence_or_says_what_is_lacking(statement):
    whole = statement.claims and statement.functions and statement.tests and statement.laws
    claimed = statement.claims and (statement.kind == "neighbour" or statement.figures or statement.tests)
    assert whole or claimed or statement.lacks


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Prop 3.8", "3.8"),
        ("Proposition 3.8", "3.8"),
        ("theorem 3.6", "3.6"),
        ("3.10", "3.10"),
        ("Fig. 9", "fig 9"),
        ("figure 9", "fig 9"),
        ("eq. (16)", "(16)"),
        ("16", "(16)"),
        ("a2", "(A2)"),
        ("b.4", "B.4"),
        ("4.2", "section 4.2"),
        ("arXiv 2501.12982", "2501.12982"),
        ("2602.18428", "2502.13129"),
    ],
)
def test_a_statement_is_found_however_it_is_written(written, meant):
    assert find(written).id == meant


def test_the_table_fits_a_terminal_and_holds_every_row_with_its_verdicts(capsys):
    assert main(["statements"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= show.COLUMNS
    for statement in ALL:
        assert f"\n{statement.id}" in f"\n{text}"
    verdicts = show.results(results_root())
    assert f"N1 {verdicts['N1']['verdict']}" in text


def test_one_statement_is_shown_in_full(capsys):
    assert main(["statements", "3.8"]) == 0
    text = capsys.readouterr().out
    for part in (
        "3.8 Prop",
        "analysis.theory.noise:linear_second_moment",
        "N3",
        "two_scale",
        "tests/test_theory_noise.py",
    ):
        assert part in text
    assert max(map(len, text.splitlines())) <= show.COLUMNS


@pytest.mark.parametrize("experiment", registry.NAMES)
def test_a_claim_leads_to_one_file_that_holds_its_cells(experiment, capsys):
    held = registry.load(experiment)
    if not held.claims:
        assert claim.source_file(held.questions[0].module).endswith(".py")
    for registered_claim in held.claims:
        assert main(["claims", registered_claim.id]) == 0
        lines = dict(line.strip().split("  ", 1) for line in capsys.readouterr().out.splitlines()[1:] if line[2] != " ")
        source = house.ROOT / lines["file"].strip()
        assert source.is_relative_to(house.ROOT / "analysis" / experiment)
        assert registered_claim.statement.split()[0] in lines["statement"]
        assert lines["command"].strip().startswith(f"python -m analysis.{experiment}")


def test_several_claims_and_a_whole_experiment_are_shown(capsys):
    assert main(["claims", "B1", "N1"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line and line[0] != " "] == ["B1", "N1"]
    assert main(["claims", "V1", "laws"]) == 0
    assert capsys.readouterr().out.count("V1\n") == 2


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["claims", "B11"], ["argument NAME", "'B11'", "B1"]),
        (["claims", "B1", "theorem"], ["argument NAME", "'theorem'", "theorems"]),
        (["statements", "3.13"], ["argument NAME", "'3.13'", "3.12"]),
        (["statements", "3.8", "nothing"], ["argument NAME", "'nothing'"]),
    ],
)
def test_unknown_names_are_one_line_with_what_is_nearest(argv, words, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    for word in words:
        assert word in captured.err


def test_statements_of_an_empty_folder_are_undecided(tmp_path, capsys):
    assert main(["statements", "--out", str(tmp_path), "3.6"]) == 0
    assert "B1            not decided" in capsys.readouterr().out
