"""Import direction: laws <- exact denoisers <- learning, samplers, metrics <- ledger, experiments <- figures, report."""

import ast

import house
import pytest

SHARED = ("analysis", "analysis.registry")  # the package itself is empty, the registry holds names only
LAWS = "manifolds"
DENOISERS = "manifolds.denoisers"
FRONT = "manifolds"  # the package itself hands out the contract's functions too
LAYER = {
    "analysis.theory": 0,
    LAWS: 0,
    DENOISERS: 1,
    "manifolds.checking": 2,
    "analysis.learning": 2,
    "analysis.samplers": 2,
    "analysis.metrics": 2,
    "experiments": 3,
    "analysis.figures": 4,
    "analysis.report": 4,
    "analysis.__main__": 5,
}


def _under(name, room):
    return name == room or name.startswith(room + ".")


def _room(name):
    """The room of a module: the longest match; whatever else lies in `analysis` is an experiment or the ledger."""
    if ".figures." in name:
        return "analysis.figures"
    rooms = [r for r in (*LAYER, "analysis.runs") if _under(name, r)]
    return max(rooms, key=len) if rooms else "experiments"


def _edges():
    for path in house.sources():
        name = house.module_name(path)
        for target in sorted(house.imported(path)):
            if name not in (*SHARED, FRONT) and target not in SHARED and house.is_module(target):
                yield name, target


def _allowed(name, target):
    here, there = _room(name), _room(target)
    if here == there:
        return True
    if here == "analysis.runs":
        return False  # the engine knows no mathematics
    if here == "analysis.theory":
        return False  # a bound never sees a sample
    if here == "analysis.figures":
        return False  # a figure reads tables only
    if there == "analysis.runs":
        return LAYER[here] >= LAYER["experiments"]
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
        ("manifolds.laws.sphere", "analysis.theory.noise", False),
        ("analysis.theory.noise", "manifolds.law", False),
        ("analysis.samplers.run", "analysis.metrics.fits", False),
        ("analysis.samplers.run", "manifolds.space", True),
        ("analysis.scaling", "analysis.samplers", True),
        ("analysis.samplers.run", "analysis.scaling", False),
        ("analysis.scaling", "analysis.figures.curve", False),
        ("analysis.figures.curve", "analysis.metrics.fits", False),
        ("analysis.runs.store", "manifolds", False),
        ("analysis.scaling", "analysis.runs", True),
        ("analysis.metrics.fits", "analysis.runs", False),
        ("analysis.report", "analysis.runs.tables", True),
        ("analysis.runs.run", "analysis.report", False),
    ],
)
def test_the_rule_itself(name, target, allowed):
    assert _allowed(name, target) == allowed


ANSWERS = {
    "denoise", "log_marginal", "posterior_trace", "distance_covariance", "distance_variance", "squared_distance",
    "project", "distance", "log_covering_number", "posterior",
}  # fmt: skip


def test_samplers_never_ask_a_law_for_its_answers():
    """A sampler sees a denoiser and a space. Exact increments of the ideal dynamics are not a sampler: they are the truth."""
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
            n == "torch.nn" or n.startswith("torch.nn.")
            for n in [getattr(node, "module", "") or "", *(a.name for a in node.names)]
        )
    }
    assert users <= {"analysis.learning"}
