"""Mistakes found in well-known repositories that ruff does not see: checks of nothing, failures made numbers."""

import ast

import house
import pytest

RANDOM = {"default_rng", "manual_seed", "stream", "seed", "RandomState", "PCG64", "Philox", "SeedSequence"}


def _functions(node):
    return [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def _is_test(function):
    return function.name.startswith("test_")


def _called(node) -> set[str]:
    """Last names of everything called below a node."""
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return {c.attr if isinstance(c, ast.Attribute) else getattr(c, "id", "") for c in calls}


def _own_nodes(function):
    """Nodes of a function without those of functions inside it."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def checks_thrown_away(tree):
    """Lines where the answer of a comparing call is thrown away (ruff's B015 sees bare comparisons, not these)."""
    checks = {"allclose", "isclose", "array_equal", "equal"}
    alone = [n for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    return [n.lineno for n in alone if _called(n.value) & checks]


def _asserts(function) -> bool:
    raising = any(isinstance(n, ast.Assert | ast.Raise) for n in ast.walk(function))
    return (
        raising
        or bool(_called(function) & {"raises", "warns", "fail"})
        or any("assert_" in c for c in _called(function))
    )


def helpers_that_assert_nothing(tree):
    return [
        f.name for f in _functions(tree) if f.name.lstrip("_").startswith(("assert_", "check_")) and not _asserts(f)
    ]


def run_only_tests(tree):
    """Tests without an assertion of their own or in a helper of the same file that they call."""
    helpers = {f.name for f in _functions(tree) if not _is_test(f) and _asserts(f)}
    return [f.name for f in _functions(tree) if _is_test(f) and not _asserts(f) and not _called(f) & helpers]


def early_returns(tree):
    return [f.name for f in _functions(tree) if _is_test(f) and any(isinstance(n, ast.Return) for n in _own_nodes(f))]


def tautologies(tree):
    """`assert True`, `assert "text"`, `assert x == x` (ruff's F631 sees the tuple)."""
    found = []
    for node in (n.test for n in ast.walk(tree) if isinstance(n, ast.Assert)):
        same = (
            isinstance(node, ast.Compare)
            and ast.dump(node.left) == ast.dump(node.comparators[0])
            and len(node.ops) == 1
        )
        if isinstance(node, ast.Constant) or (same and not _called(node)):
            found.append(node.lineno)
    return found


def seeds_from_constants(tree):
    """`default_rng(42 + 7)`: a seed computed from numbers looks random and is the same each time."""

    def only_constants(node):
        return isinstance(node, ast.BinOp) and all(
            isinstance(n, ast.BinOp | ast.Constant | ast.operator) for n in ast.walk(node)
        )

    def offset(node):
        return (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Add | ast.Mult)
            and any(isinstance(side, ast.Constant) and isinstance(side.value, int) for side in (node.left, node.right))
        )

    return [
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and _called(ast.Expr(ast.Call(n.func, [], []))) & RANDOM
        for argument in n.args
        if only_constants(argument) or offset(argument)
    ]


def cancelling_sums(tree):
    """`abs((a - b).sum())`: errors of opposite sign cancel before they are measured."""

    def signed_sum(node):
        if not (isinstance(node, ast.Call) and "sum" in _called(ast.Expr(ast.Call(node.func, [], [])))):
            return False
        summed = node.func.value if isinstance(node.func, ast.Attribute) and not node.args else (node.args or [None])[0]
        return isinstance(summed, ast.BinOp) and isinstance(summed.op, ast.Sub)

    found = []
    for n in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        function = n.func
        inner = (
            function.value if isinstance(function, ast.Attribute) and function.attr == "abs" and not n.args else None
        )
        if getattr(function, "id", getattr(function, "attr", "")) in ("abs", "fabs") and n.args:
            inner = n.args[0]
        if inner is not None and signed_sum(inner):
            found.append(n.lineno)
    return found


def failures_made_numbers(tree):
    """A broad `except` whose answer is NaN (ruff's E722 sees the bare one)."""
    found = []
    for handler in (n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler)):
        broad = handler.type is None or getattr(handler.type, "id", "") in ("Exception", "BaseException")
        words = {
            getattr(n, "id", getattr(n, "attr", getattr(n, "value", ""))) for b in handler.body for n in ast.walk(b)
        }
        if broad and any(isinstance(w, str) and w.lower() == "nan" for w in words):
            found.append(handler.lineno)
    return found


def prints(tree):
    return [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "print"]


TEST_RULES = (
    checks_thrown_away, helpers_that_assert_nothing, run_only_tests, early_returns, tautologies, cancelling_sums,
)  # fmt: skip
ALL_RULES = (checks_thrown_away, seeds_from_constants, failures_made_numbers)


@pytest.mark.parametrize("rule", TEST_RULES, ids=lambda rule: rule.__name__)
def test_the_tests_check_what_they_seem_to(rule):
    assert {p.name: found for p in house.tests() if (found := rule(house.tree(p)))} == {}


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.__name__)
def test_sources_and_tests_hide_nothing(rule):
    files = [*house.sources(), *house.tests()]
    assert {house.module_name(p): found for p in files if (found := rule(house.tree(p)))} == {}


def test_only_the_command_line_prints():
    speaking = {house.module_name(p) for p in house.sources() if prints(house.tree(p))}
    allowed = {
        name
        for name in speaking
        if name.startswith(("analysis.runs", "analysis.examples")) or name.endswith((".__main__", ".command"))
    }  # an example says what it found
    assert speaking - allowed == set()


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (checks_thrown_away, "np.allclose(a, b)", "assert np.allclose(a, b)"),
        (
            helpers_that_assert_nothing,
            "def assert_close(a, b):\n    a == b",
            "def assert_close(a, b):\n    assert a == b",
        ),
        (run_only_tests, "def test_a():\n    run()", "def test_a():\n    assert run() == 3"),
        (run_only_tests, "def test_a():\n    run()", "def h():\n    assert f()\ndef test_a():\n    h()"),
        (
            early_returns,
            "def test_a():\n    if x:\n        return\n    assert y",
            "def test_a():\n    def f():\n        return 1\n    assert f()",
        ),
        (tautologies, "assert a == a", "assert f() == f()"),
        (tautologies, "assert True", "assert x"),
        (seeds_from_constants, "np.random.default_rng(42 + 7)", "np.random.default_rng([seed, 7])"),
        (seeds_from_constants, "torch.manual_seed(42 + k)", "torch.manual_seed(seed)"),
        (seeds_from_constants, "manifolds.stream(1000 * k, 'a')", "manifolds.stream(seed, 'a', k + 1 if x else 0)"),
        (cancelling_sums, "assert abs((a - b).sum()) < 1", "assert (a - b).abs().sum() < 1"),
        (cancelling_sums, "assert (a - b).sum().abs() < 1", "assert (a - b).square().sum() < 1"),
        (cancelling_sums, "assert np.abs(np.sum(a - b)) < 1", "assert np.sum(np.abs(a - b)) < 1"),
        (
            failures_made_numbers,
            "try:\n    f()\nexcept Exception:\n    x = float('nan')",
            "try:\n    f()\nexcept Exception as e:\n    g(e)",
        ),
        (
            failures_made_numbers,
            "try:\n    f()\nexcept Exception:\n    x = math.nan",
            "try:\n    f()\nexcept ValueError:\n    x = 0",
        ),
    ],
)
def test_each_rule_finds_its_mistake_and_leaves_good_code_alone(rule, bad, good):
    assert rule(ast.parse(bad))
    assert not rule(ast.parse(good))
