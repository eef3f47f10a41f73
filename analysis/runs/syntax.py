"""A module's source taken apart: top-level statements, what each binds, loads and imports, and what runs for its
effect.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

# tuples made once: `isinstance(node, A | B)` would make its union for every node
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_DOCUMENTED = (*_DEFINITIONS, ast.Module)
_IMPORTS = (ast.Import, ast.ImportFrom)
_PLACES = (ast.Attribute, ast.Subscript)
_ACTS = (ast.Expr, ast.Raise, ast.Assert, ast.Delete)
# expressions whose variables are their own
_SCOPES = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)
Dotted = tuple[str, ...]  # a dotted name, split


@dataclass(frozen=True)
class Import:
    """`from module import attribute as name`; attribute "" for a module as such, "*" for everything of it."""

    name: str
    module: str
    attribute: str

    @property
    def path(self) -> Dotted:
        return (self.attribute,) if self.attribute else ()


@dataclass(frozen=True)
class Statement:
    """One top-level statement.

    text      digest of its code, without docstrings, comments and annotations of plain functions
    uses      the dotted names that it loads
    imports   what it imports at any depth
    named     modules that it looks up by a literal name; `computed` if it looks any up by a name that is computed
    builds    the function whose value it assigns
    """

    text: str
    uses: frozenset[Dotted]
    imports: tuple[Import, ...]
    named: tuple[str, ...]
    computed: bool
    builds: Dotted


@dataclass
class Module:
    """A module's statements, by the names that they bind.

    `effects` run for what they do; `decorated` are definitions with their decorators, which may do more than wrap;
    `touches` are the modules that are imported with this one.
    """

    statements: list[Statement] = field(default_factory=list)
    bound: dict[str, list[int]] = field(default_factory=dict)
    imported: dict[str, list[Import]] = field(default_factory=dict)
    effects: list[int] = field(default_factory=list)
    decorated: list[tuple[int, Dotted]] = field(default_factory=list)
    touches: list[str] = field(default_factory=list)

    @property
    def stars(self) -> list[str]:
        return [found.module for found in self.imported.get("*", ())]


@cache
def take_apart(source: str, name: str, is_package: bool) -> Module:
    """The module of that name with this source."""
    module = Module()
    changed: list[tuple[int, set[str]]] = []
    for node in _bare(ast.parse(source)).body:
        if _is_main_guard(node):
            continue
        for found in _imports(_outside_functions(node), name, is_package):
            module.imported.setdefault(found.name, []).append(found)
            module.touches += [found.module, f"{found.module}.{found.attribute}"]
        if isinstance(node, _IMPORTS):
            module.touches += [alias.name for alias in node.names if isinstance(node, ast.Import)]
            continue
        index = len(module.statements)
        nodes = list(ast.walk(node))
        module.statements.append(_statement(node, nodes, tuple(_imports(nodes, name, is_package))))
        binds, mutates, acts = _binds(node)
        for word in binds:
            module.bound.setdefault(word, []).append(index)
        changed += [(index, mutates)] if mutates else []
        if acts or not (binds or mutates):
            module.effects.append(index)
        if isinstance(node, _DEFINITIONS):
            module.decorated += [(index, head) for d in node.decorator_list if (head := _dotted(d))]
    for index, names in changed:
        if all(n in module.bound for n in names):  # a table of this module, filled after it was made
            for n in names:
                module.bound[n].append(index)
        else:
            module.effects.append(index)
    return module


def _statement(node: ast.stmt, nodes: list[ast.AST], imports: tuple[Import, ...]) -> Statement:
    """A statement of these nodes, as `ast.walk` finds them."""
    uses: set[Dotted] = set()
    named: list[str] = []
    computed = False
    inner = {id(n.value) for n in nodes if isinstance(n, ast.Attribute)}
    for found in nodes:
        if isinstance(found, ast.Call) and _dotted(found.func)[-1:] in (("import_module",), ("__import__",)):
            literal = [a.value for a in found.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            named += [text for text in literal if not text.startswith(".")]
            computed = computed or not literal or literal[0].startswith(".")
        elif isinstance(found, ast.Attribute) or (isinstance(found, ast.Name) and isinstance(found.ctx, ast.Load)):
            path = _dotted(found)
            if path and id(found) not in inner:
                uses.add(path)
    value = getattr(node, "value", None)
    text = sha256(ast.dump(node).encode()).hexdigest()[:16]
    return Statement(text, frozenset(uses), imports, tuple(named), computed, _dotted(value) if value else ())


def _dotted(node: ast.AST) -> Dotted:
    """`a.b.c` split, also of a call of it; empty for anything else."""
    words: list[str] = []
    if isinstance(node, ast.Call):
        node = node.func
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return (node.id, *reversed(words)) if isinstance(node, ast.Name) else ()


def _imports(nodes: Iterable[ast.AST], module: str, is_package: bool) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(
                    alias.asname or alias.name.partition(".")[0],
                    alias.name if alias.asname else alias.name.partition(".")[0],
                    "",
                )
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = len(module.split(".")) - node.level + (1 if is_package else 0)
                base = ".".join([*module.split(".")[:keep], *([base] if base else [])])
            for alias in node.names:
                yield Import(alias.asname or alias.name, base, alias.name)


def _outside_functions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The statement and what is executed with it when the module is imported."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def _binds(statement: ast.stmt) -> tuple[set[str], set[str], bool]:
    """Names that a statement binds in the module, names whose contents it changes, and whether it acts otherwise."""
    binds: set[str] = set()
    mutates: set[str] = set()
    acts = False
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _DEFINITIONS):
            binds.add(node.name)  # and nothing of its own scope
            continue
        if isinstance(node, _SCOPES):
            binds |= {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            binds.add(node.id)
        elif isinstance(node, _IMPORTS):
            binds.update(a.asname or a.name.partition(".")[0] for a in node.names)
        elif isinstance(node, _PLACES) and isinstance(node.ctx, ast.Store):
            root: ast.AST = node
            while isinstance(root, _PLACES):
                root = root.value
            mutates |= {root.id} if isinstance(root, ast.Name) else set()
            acts = acts or not isinstance(root, ast.Name)
        acts = acts or isinstance(node, _ACTS)
        waiting.extend(ast.iter_child_nodes(node))
    return binds, mutates, acts


def _bare(tree: ast.Module) -> ast.Module:
    """The tree without what no number depends on: docstrings, and annotations of functions that no decorator reads."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED):
            if node.body and _is_text(node.body[0]):
                node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])
            if isinstance(node, _FUNCTIONS) and not node.decorator_list:
                node.returns = None
                for argument in ast.walk(node.args):
                    if isinstance(argument, ast.arg):
                        argument.annotation = None
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(statement.test)
    )
