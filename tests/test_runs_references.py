"""What cells look up by name is recorded, travels to the workers, and its change makes stale what used it alone."""

import itertools
import os
import sqlite3
import sys

import pytest
import toy_runs
from toy_outside import LAW, Outside

import manifolds
from analysis.runs.fingerprint import Code
from analysis.runs.options import UsageError, parse
from analysis.samplers import INTEGRATORS, get_integrator
from manifolds import references
from manifolds.registry import Entry, law_name

_numbers = itertools.count()


@pytest.fixture
def outside(tmp_path):
    return Outside(tmp_path)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_edited_law_of_ones_own_gives_new_numbers_and_nothing_else_is_computed(outside, tmp_path, jobs):
    out, own = tmp_path / "out", f"{outside.names['own']}:Coin"
    first = outside.run(out, "--jobs", jobs)
    assert first == sorted(2 * [own, "sphere", "torus", "file", "none"])
    before = outside.means(out)
    assert outside.run(out, "--jobs", jobs) == []
    outside.write("own", LAW.replace("- 1.0", "+ 99.0"))
    assert outside.run(out, "--jobs", jobs) == [own, own]
    assert outside.means(out) == {**before, own: before[own] + 100}
    outside.write("helper", "def place():\n    return 1000.0\n")
    assert outside.run(out, "--jobs", jobs) == [own, own]
    assert outside.means(out)[own] == before[own] + 1100
    outside.write("own", LAW.replace("- 1.0", "+ 99.0").replace("return 3", "return 4"))  # beside the law
    (outside.folder / "data.txt").write_text("longer data")
    assert outside.run(out, "--jobs", jobs) == ["file", "file"]
    assert outside.means(out)["file"] == 11
    outside.write("own", LAW)
    outside.write("helper", "def place():\n    return 0.0\n")
    (outside.folder / "data.txt").write_text("data")
    assert outside.run(out, "--jobs", jobs) == []  # as at first, and still in the store
    assert outside.means(out) == before


def test_a_registered_law_that_changes_concerns_its_own_cells(outside, tmp_path):
    """`sphere` becomes another class in the process; a new name is nobody's business."""
    out = tmp_path / "out"
    outside.run(out, "--jobs", "1")
    told = "from manifolds.registry import REGISTRY, Entry; REGISTRY"
    for script in ("['new'] = Entry('manifolds.laws.cube:Cube', '', '');", "['sphere'].summary = 'other words';"):
        assert outside.run(out, "--jobs", "1", script=told + script) == []
    script = "['sphere'] = Entry('manifolds.laws.cube:Cube', '', '');"
    assert outside.run(out, "--jobs", "1", script=told + script) == ["sphere", "sphere"]


def test_the_record_is_kept_where_objects_come_out_of_a_cache(outside, tmp_path):
    """Two cells of each law share one object; both rows know what they used."""
    out = tmp_path / "out"
    outside.run(out, "--jobs", "1")
    with sqlite3.connect(out / ".cells.sqlite") as db:
        rows = db.execute("SELECT params, used FROM cells").fetchall()
    assert len(rows) == 10
    for params, used in rows:
        for law, words in {
            "sphere": "REGISTRY[sphere].build",
            "Coin": ":Coin",
            "file": "data.txt",
            "none": "{}",
        }.items():
            assert (law in params) == (words in used), (params, used)


def test_edits_are_seen_by_a_process_that_lives_on(outside, monkeypatch):
    """A worker of a cluster has imported the law long ago."""
    monkeypatch.syspath_prepend(str(outside.folder))
    name = f"{outside.names['own']}:Coin"
    stream = [manifolds.stream(0, "x") for _ in range(3)]

    @references.cached()
    def law():
        return manifolds.make(name, dim=1, ambient=4)

    first = law()
    assert law() is first
    before = references.generation
    outside.write("helper", "def place():\n    return 50.0\n# longer\n")
    moved = manifolds.make(name, dim=1, ambient=4)
    assert (moved.sample(5, stream[0]) - first.sample(5, stream[1]))[:, 0].tolist() == [50.0] * 5
    assert law() is not first
    assert references.generation == before + 1


BAD = {
    "nowhere:Coin": "does not import (ModuleNotFoundError: No module named 'nowhere')",
    "{own}:Penny": "has no Penny",
    "{own}:": "must look like package.module:object",
    "a b:c": "must look like package.module:object",
    "{own}:VALUE": "must be a class or function of (dim, ...) that builds a manifolds.Core",
    "math:sqrt": "must be a class or function of (dim, ...) that builds a manifolds.Core",
    "penny": "must be one of atoms, ball",
}


@pytest.mark.parametrize(("name", "says"), BAD.items())
def test_a_bad_name_is_refused_in_one_line(outside, monkeypatch, name, says):
    monkeypatch.syspath_prepend(str(outside.folder))
    name = name.replace("{own}", outside.names["own"])
    for ask in (law_name, lambda text: manifolds.make(text, dim=1, ambient=9)):
        with pytest.raises(ValueError) as caught:
            ask(name)
        assert says in str(caught.value)
        assert repr(name) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("object_", "says"), [("broken", "cannot be built (TypeError: no such thing)"), ("number", "got int")]
)
def test_a_law_that_cannot_be_made_is_refused_in_one_line(outside, monkeypatch, object_, says):
    monkeypatch.syspath_prepend(str(outside.folder))
    with pytest.raises(ValueError, match="^law .*") as caught:
        manifolds.make(f"{outside.names['own']}:{object_}", dim=1, ambient=9)
    assert says in str(caught.value)


def test_a_law_of_ones_own_is_made_like_a_registered_one(outside, monkeypatch):
    monkeypatch.chdir(outside.folder)  # found there although it is not on the path
    name = f"{outside.names['own']}:Coin"
    law = manifolds.make(name, dim=1, ambient=9, offset=5.0)
    assert set(law.sample(20, manifolds.stream(0, "x"))[:, 0].tolist()) == {4.0, 6.0}
    assert law_name(name) == name
    with pytest.raises(ValueError, match="its options are: offset"):
        manifolds.make(name, dim=1, ambient=9, weight=5.0)


def test_a_command_line_takes_it_and_says_what_is_allowed(outside, monkeypatch):
    from analysis.runs import Argument

    monkeypatch.syspath_prepend(str(outside.folder))
    experiment = toy_runs.waves_experiment(arguments=(Argument("--law", type=law_name, default="sphere"),))
    name = f"{outside.names['own']}:Coin"
    assert parse(experiment, ["--law", name]).law == name
    with pytest.raises(UsageError, match="argument --law: must be one of atoms, .*, or package.module:object, got 'x'"):
        parse(experiment, ["--law", "x"])


def test_tables_record_who_asks_for_what(monkeypatch):
    monkeypatch.setattr(references, "_AT_IMPORT", set())  # other tests look laws up while they are imported

    def used(ask):
        with references.recording() as found:
            ask()
        return found

    table = "analysis.samplers.registry:INTEGRATORS"
    assert used(lambda: get_integrator("heun")) == {f"{table}[heun]"}
    assert used(lambda: sorted(INTEGRATORS)) == {f"{table}[]"}
    assert used(lambda: manifolds.REGISTRY["ball"].summary) == {"manifolds.registry:REGISTRY[ball]"}
    assert type(get_integrator("analysis.samplers.integrators:Heun")) is INTEGRATORS["heun"]
    assert used(lambda: get_integrator("analysis.samplers.integrators:Heun")) == {"analysis.samplers.integrators:Heun"}
    with pytest.raises(ValueError, match="integrator must be an Integrator, .* or one of ancestral"):
        get_integrator("math:floor")


def test_marks_follow_the_thing_and_the_words(monkeypatch):
    code, words = Code(), "manifolds.registry:REGISTRY[sphere]"
    marks = {what: code.mark(what) for what in (words, f"{words}.build", "manifolds.registry:REGISTRY[]")}
    monkeypatch.setitem(manifolds.REGISTRY, "sphere", Entry("manifolds.laws.sphere:Sphere", "other words", ""))
    assert [what for what, mark in marks.items() if Code().mark(what) != mark] == [words]
    monkeypatch.setitem(manifolds.REGISTRY, "sphere", Entry("manifolds.laws.ball:ball", "", ""))
    assert [what for what, mark in marks.items() if Code().mark(what) != mark] == [words, f"{words}.build"]
    monkeypatch.setitem(manifolds.REGISTRY, "coin", Entry(_coin, "", ""))
    assert Code().mark("manifolds.registry:REGISTRY[]") != marks["manifolds.registry:REGISTRY[]"]
    assert Code().mark("manifolds.registry:REGISTRY[coin].build") == Code().mark(
        "manifolds.registry:REGISTRY[coin].build"
    )
    assert Code().mark("manifolds.registry:REGISTRY[none].build") == "absent"


def _coin(dim):
    return dim


def test_what_has_no_source_is_never_taken_for_the_same(monkeypatch):
    """A class typed at a prompt."""
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    monkeypatch.setitem(manifolds.REGISTRY, "typed", Entry(type("Typed", (), {"__module__": "__main__"}), "", ""))
    what = "manifolds.registry:REGISTRY[typed].build"
    assert Code().mark(what) != Code().mark(what)


def test_what_a_module_looks_up_while_it_is_imported_counts_for_every_cell(tmp_path, monkeypatch):
    name = f"toy_module_law_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text("import manifolds\nLAW = manifolds.make('cube', dim=1, ambient=9)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(references, "_AT_IMPORT", set())
    __import__(name)
    with references.recording() as used:
        pass
    assert "manifolds.registry:REGISTRY[cube].build" in used


def test_one_call_from_a_script_counts_for_nobody_else(monkeypatch):
    monkeypatch.setattr(references, "_AT_IMPORT", set())
    manifolds.make("cube", dim=1, ambient=9)
    with references.recording() as used:
        pass
    assert used == set()


def test_the_path_of_another_run_is_left(tmp_path, monkeypatch):
    """Two folders hold a module of one name; a worker that served the first is asked for the second."""
    from analysis.runs import worker

    monkeypatch.setattr(worker, "_reached", ((), []))
    name = f"toy_twice_{next(_numbers)}"
    for word in ("first", "second"):
        (tmp_path / word).mkdir()
        (tmp_path / word / f"{name}.py").write_text(f"WORD = '{word}'\n")
    before = list(sys.path)
    for word in ("first", "second"):
        worker.reach((str(tmp_path / word),))
        assert references.load(f"{name}:WORD") == word
        assert [folder for folder in sys.path if folder not in before] in (
            [str(tmp_path / word)],
            [str(tmp_path / word), os.getcwd()],
        )
    worker.reach(())
    assert str(tmp_path / "second") not in sys.path
