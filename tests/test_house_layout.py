"""The layout of the house, and what its files may not say."""

import ast
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
    assert [f for f in files if "/" in f] == []
    assert "__init__.py" not in files
    strange = [f for f in files if f.startswith("test_") and not re.fullmatch(r"test_[a-z0-9]+(_[a-z0-9]+)*\.py", f)]
    assert strange == []


def test_results_hold_only_what_a_reader_needs():
    allowed = re.compile(
        r"results/(full/)?(tables/\w+\.csv|figures/\w+\.(png|pdf)|claims\.csv|REPORT\.md|index\.html|manifest\.json)"
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


@pytest.mark.parametrize("name", registry.NAMES)
def test_registered_experiments_are_complete(name):
    experiment = registry.load(name)
    assert experiment.name == name
    assert experiment.summary.strip()
    for figure in experiment.figures:
        assert house.is_module(f"{experiment.drawn_in}.{figure}")


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
