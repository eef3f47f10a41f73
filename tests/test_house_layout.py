"""The layout of the house, and what its files may not say."""

import ast
import importlib
import re
import tomllib

import house
import pytest

from analysis import registry

TOP = {
    "manifolds", "analysis", "results", "tests", "reproduce.sh", "pyproject.toml", "README.md", "CONTRIBUTING.md",
    "CHANGELOG.md", ".ci", "LICENSE", "CITATION.cff", ".gitignore", ".git-blame-ignore-revs", ".pre-commit-config.yaml",
}  # fmt: skip


def test_the_top_level_is_fixed():
    assert {path.split("/")[0] for path in house.tracked()} <= TOP


def test_tests_are_flat_with_unique_names_and_no_package():
    files = [p.removeprefix("tests/") for p in house.tracked() if p.startswith("tests/")]
    # a reader's own package, which a test installs; it lies in no one's path
    assert [f for f in files if "/" in f and not f.startswith("example_package/")] == []
    assert "__init__.py" not in files
    strange = [f for f in files if f.startswith("test_") and not re.fullmatch(r"test_[a-z0-9]+(_[a-z0-9]+)*\.py", f)]
    assert strange == []


def test_results_hold_only_what_a_reader_needs():
    allowed = re.compile(
        r"results/(full/)?(tables/(?:seeds/)?\w+\.csv|figures/\w+\.(png|pdf)|claims\.csv|REPORT\.md|COLUMNS\.md|index\.html|manifest\.json)"
    )
    assert [p for p in house.tracked() if p.startswith("results/") and not allowed.fullmatch(p)] == []


def test_no_tracked_file_names_a_path_of_one_machine():
    """Results and sources must mean the same everywhere."""
    machine = re.compile("(?<![\\w.])/(?:" + "|".join(["work", "root", "home", "Users"]) + r")/\w")
    texts = [p for p in house.tracked() if not p.endswith((".png", ".pdf"))]
    found = [p for p in texts if machine.search((house.ROOT / p).read_text(encoding="utf-8", errors="replace"))]
    assert found == []


def test_every_module_says_what_it_is():
    silent = [
        house.module_name(p) for p in house.sources() if p.read_text().strip() and not ast.get_docstring(house.tree(p))
    ]
    assert silent == []


def test_packaging_and_lock_agree():
    """Every declared dependency is in the lock, so that the tested versions are known."""
    project = tomllib.loads((house.ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.match(r"[A-Za-z0-9-]+", d).group(0).lower() for d in declared} - {project["name"]}
    lock = (house.ROOT / ".ci" / "constraints.txt").read_text().splitlines()
    locked = {line.split("==")[0].lower().replace("_", "-") for line in lock if not line.startswith("#")}
    assert names - locked == set()
    assert project["requires-python"] == ">=3.11"


INSTRUMENTS = {"samplers", "learning", "ledger", "metrics", "theory", "certify", "plan"}
ROOMS = INSTRUMENTS | {"runs", "figures", "statements", "report", "faults", "examples"}
EXPERIMENTS = [name for name in registry.NAMES if name not in INSTRUMENTS]
STAGES = {"plan", "claims", "decisions", "verdicts", "cells", "tables", "decide", "table"}
MOST_LINES = 300


def question_file(question):
    return house.module_path(question.module)


def test_every_package_of_analysis_is_an_instrument_or_a_registered_experiment():
    packages = {p.parent.name for p in (house.ROOT / "analysis").glob("*/__init__.py")}
    assert packages - ROOMS - set(registry.NAMES) == set()
    assert set(registry.NAMES) <= packages


@pytest.mark.parametrize("name", registry.NAMES)
def test_registered_experiments_are_complete(name):
    experiment = registry.load(name)
    assert experiment.name == name
    assert experiment.summary.strip()
    assert (house.ROOT / "analysis" / name / "__main__.py").is_file()
    for figure in experiment.figures:
        assert house.is_module(f"{experiment.drawn_in}.{figure}")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_is_the_list_of_its_questions_and_nothing_else(name):
    path = house.ROOT / "analysis" / name / "__init__.py"
    docstring, *body = house.tree(path).body
    assert isinstance(docstring, ast.Expr) and ast.get_docstring(house.tree(path))
    assert house.assigned(path) == {"EXPERIMENT"}
    assert [ast.unparse(n)[:60] for n in body if not isinstance(n, ast.Import | ast.ImportFrom | ast.Assign)] == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_question_is_one_file(name):
    """What is asked, measured and decided stands in one file of the experiment, and no other question with it."""
    experiment = registry.load(name)
    files = [question_file(question) for question in experiment.questions]
    assert len(set(files)) == len(files)
    for question, path in zip(experiment.questions, files):
        assert path.parent == house.ROOT / "analysis" / name and path.stem not in STAGES | {"__init__", "settings"}
        assert ast.get_docstring(house.tree(path))
        module = importlib.import_module(question.module)
        assert module.QUESTION is question
        if question.decide:
            assert question.decide.__module__ == question.module


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_file_is_a_stage_of_all_questions(name):
    stages = {p.stem for p in (house.ROOT / "analysis" / name).glob("*.py")} & STAGES
    assert stages == set()


def test_a_claim_s_id_leads_to_one_file():
    """The only file in which a claim of this id is made is that of its question."""
    made = {}
    for path in house.sources():
        for node in ast.walk(house.tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Claim":
                given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "id")]
                for identifier in given:
                    if isinstance(identifier, ast.Constant):
                        made.setdefault(identifier.value, set()).add(path)
    for name in registry.NAMES:
        experiment = registry.load(name)
        for claim in experiment.claims:
            assert made.get(claim.id) == {question_file(experiment.question(claim.id))}, claim.id


def test_no_file_is_longer_than_a_reader_s_patience():
    lengths = {house.module_name(p): len(p.read_text().splitlines()) for p in house.sources()}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_public_function_of_theory_has_a_test_of_its_own():
    """A formula is tested against something that is not itself: its name stands in a test, beside its example."""
    named = {n.attr for p in house.tests() for n in ast.walk(house.tree(p)) if isinstance(n, ast.Attribute)}
    named |= {n.id for p in house.tests() for n in ast.walk(house.tree(p)) if isinstance(n, ast.Name)}
    public = [
        f"{house.module_name(p)}.{n.name}"
        for p in house.sources()
        if house.module_name(p).startswith(("analysis.theory.", "analysis.metrics."))
        for n in house.tree(p).body
        if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")
    ]
    assert len(public) > 80
    assert [name for name in public if name.rpartition(".")[2] not in named] == []


def test_parts_figures_and_claims_are_unique_over_all_experiments():
    """Two experiments that share a table, a figure or a claim would overwrite each other."""
    experiments = [registry.load(name) for name in registry.NAMES]
    for kind, names in {
        "tables": [part for e in experiments for part in e.parts],
        "figures": [figure for e in experiments for figure in e.figures],
        "claims": [claim.id for e in experiments for claim in e.claims],
    }.items():
        repeated = sorted({n for n in names if names.count(n) > 1})
        assert (kind, repeated) == (kind, [])
