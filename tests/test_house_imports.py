"""Import direction: laws <- exact denoisers <- learning, samplers, metrics <- ledger <- certify, experiments."""

import ast
import graphlib

import house
import pytest

SHARED = ("analysis", "analysis.registry")  # names alone; the package hands out what readers of results call
FRONT = ("manifolds",)  # the package itself hands out what its rooms hold
LAWS = "manifolds"
DENOISERS = "manifolds.denoisers"
ENGINE = "analysis.runs"
EXPERIMENTS = "experiments"
REPORT = "analysis.report"
LAYER = {
    "analysis.theory": 0,
    LAWS: 0,
    DENOISERS: 1,
    "manifolds.checking": 2,
    "analysis.learning": 2,
    "analysis.samplers": 2,
    "analysis.metrics": 2,
    "analysis.ledger": 3,
    "analysis.plan": 4,
    "analysis.certify": 4,
    EXPERIMENTS: 5,
    "analysis.figures": 6,
    REPORT: 6,
    "analysis.statements": 6,
    "analysis.__main__": 7,
}
INSTRUMENTS = [room for room, layer in LAYER.items() if layer < LAYER[EXPERIMENTS] and room.startswith("analysis.")]


def _under(name, room):
    return name == room or name.startswith(room + ".")


def _room(name):
    """The room of a module: the longest match; whatever else lies in `analysis` is an experiment."""
    if ".figures." in name:
        return "analysis.figures"
    if name == "analysis.readme":
        return REPORT
    rooms = [r for r in (*LAYER, ENGINE) if _under(name, r)]
    return max(rooms, key=len) if rooms else EXPERIMENTS


def _is_command(name):
    """An instrument's command line is an experiment of the engine: `__main__`, `command`, and what hands it out."""
    return name.rpartition(".")[2] in ("__main__", "command") or (name in INSTRUMENTS and house.is_package(name))


def _edges():
    for path in house.sources():
        name = house.module_name(path)
        for target in sorted(house.imported(path)):
            if name not in (*SHARED, *FRONT) and target not in SHARED and house.is_module(target):
                yield name, target


def _allowed(name, target):
    here, there = _room(name), _room(target)
    if here == there:
        return True
    if here == ENGINE:
        return False  # the engine knows no mathematics
    if here == "analysis.theory":
        return False  # a bound never sees a sample
    if here == "analysis.figures":
        return False  # a figure reads tables only
    if there == ENGINE:
        return LAYER[here] >= LAYER[EXPERIMENTS] or (here in INSTRUMENTS and _is_command(name))
    if there == "analysis.theory":
        return here not in (LAWS, DENOISERS)  # the truth does not lean on what is tested against it
    return LAYER[there] < LAYER[here]


def test_nothing_is_imported_against_the_direction():
    edges = list(_edges())
    assert len(edges) > 50  # the walk finds something
    assert [f"{name} imports {target}" for name, target in edges if not _allowed(name, target)] == []


@pytest.mark.parametrize(
    ("name", "target", "allowed"),
    [
        ("manifolds.laws.sphere", "manifolds.denoisers.blind", False),
        ("manifolds.denoisers.blind", "manifolds.law", True),
        ("manifolds.checking.denoisers", "manifolds.denoisers.blind", True),
        ("manifolds.laws.sphere", "analysis.theory.noise", False),
        ("analysis.theory.noise", "manifolds.law", False),
        ("analysis.samplers.run", "analysis.metrics.fits", False),
        ("analysis.samplers.run", "manifolds.space", True),
        ("analysis.scaling.steps", "analysis.samplers", True),
        ("analysis.samplers.run", "analysis.scaling", False),
        ("analysis.ledger.steps", "analysis.samplers", True),
        ("analysis.ledger.steps", "analysis.scaling.steps", False),
        ("analysis.ledger.steps", "analysis.runs", False),
        ("analysis.ledger.__main__", "analysis.runs", True),
        ("analysis.ledger.command", "analysis.runs", True),
        ("analysis.certify.report", "analysis.ledger", True),
        ("analysis.certify.report", "analysis.theorems.start", False),
        ("analysis.plan.steps", "analysis.theory.rates", True),
        ("analysis.neighbours.codes", "analysis.ledger", True),
        ("analysis.neighbours.codes", "analysis.runs", True),
        ("analysis.scaling.steps", "analysis.figures.style", False),
        ("analysis.scaling.figures.curve", "analysis.metrics.fits", False),
        ("analysis.scaling.figures.curve", "analysis.figures.style", True),
        ("analysis.scaling.figures.curve", "analysis.scaling.steps", False),
        ("analysis.runs.store", "manifolds", False),
        ("analysis.scaling", "analysis.runs", True),
        ("analysis.metrics.fits", "analysis.runs", False),
        ("analysis.report", "analysis.runs.tables", True),
        ("analysis.report", "analysis.readme", True),
        ("analysis.statements.claim", "analysis.runs.experiment", True),
        ("analysis.theorems.start", "analysis.statements", False),
        ("analysis.runs.run", "analysis.report", False),
    ],
)
def test_the_rule_itself(name, target, allowed):
    assert _allowed(name, target) == allowed


def _circle(graph):
    """The modules of a circle of a graph {module: modules that it imports}, or none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_files_import_in_no_circle():
    """Imports anywhere in a file count; those for types alone do not."""
    graph = {
        house.module_name(path): {t for t in house.imported(path, types=False) if house.is_module(t)}
        for path in house.sources()
    }
    assert len(graph) > 100
    assert _circle({name: targets - {name} for name, targets in graph.items()}) == []


def test_a_circle_is_found():
    assert set(_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_an_experiment_imports_of_another_what_is_measured_and_never_what_is_decided():
    """Laws, networks and settings may be shared; a question and its verdict stand alone."""
    wrong = []
    for name, target in _edges():
        if _room(name) == _room(target) == EXPERIMENTS and name.split(".")[1:2] != target.split(".")[1:2]:
            asked = house.is_package(target) or "QUESTION" in house.assigned(house.module_path(target))
            wrong += [f"{name} imports {target}"] if asked else []
    assert wrong == []


ANSWERS = {
    "denoise", "log_marginal", "posterior_trace", "distance_covariance", "distance_variance", "squared_distance",
    "project", "distance", "log_covering_number", "posterior",
}  # fmt: skip


def test_samplers_never_ask_a_law_for_its_answers():
    """A sampler sees a denoiser and a space. Exact increments of the ideal dynamics are no sampler but truth."""
    asked = [
        f"{house.module_name(path)}: .{node.func.attr}"
        for path in house.sources()
        if _under(house.module_name(path), "analysis.samplers")
        for node in ast.walk(house.tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ANSWERS
    ]
    assert asked == []


def test_torch_networks_are_built_only_where_things_are_learned():
    users = {
        _room(house.module_name(path))
        for path in house.sources()
        for node in ast.walk(house.tree(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and any(
            (n == "torch.nn" or n.startswith("torch.nn.")) and not n.startswith("torch.nn.functional")
            for n in [getattr(node, "module", "") or "", *(a.name for a in node.names)]
        )
    }
    assert users <= {"analysis.learning"}
