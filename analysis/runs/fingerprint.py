"""Fingerprint of the code that a cell depends on: change the code and its cells are computed again, change a comment,
a docstring, a claim or a figure and they are not.

The fingerprint covers the cell's function, what that function uses of its own module, every module of ours that those
parts import (followed through the imports, without running anything), and the versions of the numerical libraries.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version_tuple

OURS = ("manifolds", "analysis")
# No number depends on these: the engine runs cells, figures and the report read tables.
IGNORED = ("analysis.runs", "analysis.figures", "analysis.registry", "analysis.report")
LIBRARIES = ("numpy", "scipy", "torch")


def fingerprint(function: Callable) -> str:
    """Hexadecimal fingerprint (64 bits) of what `function` depends on."""
    module = function.__module__
    ours = {*OURS, module.partition(".")[0]}
    tree = _parse(_source(_locate(module)))
    statements = _slice(tree, function.__qualname__)
    parts = [ast.dump(s) for s in statements]
    for name, path in sorted(_closure(_imports(statements, module, is_package=False), ours).items()):
        parts.append(f"{name}:{_text(_source(path))}")
    parts += [f"{library}=={_version(library)}" for library in LIBRARIES]
    parts.append("python " + ".".join(python_version_tuple()[:2]))
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _parse(source: str) -> ast.Module:
    """Syntax tree without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            node.body = body[1:] or [ast.Pass()]
    return tree


@cache
def _text(source: str) -> str:
    return sha256(ast.dump(_parse(source)).encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _home(top: str) -> Path | None:
    """Folder of a top-level package, or file of a top-level module, found without importing it."""
    spec = importlib.util.find_spec(top)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin else None


def _locate(module: str) -> Path | None:
    """Source file of a module of ours, or None if there is no such module (the name is an attribute)."""
    top, _, rest = module.partition(".")
    home = _home(top)
    if home is None:
        return None
    if home.is_file():
        return home if not rest else None
    base = home.joinpath(*rest.split(".")) if rest else home
    for candidate in (base / "__init__.py", base.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports_of(source: str, module: str, is_package: bool) -> frozenset[str]:
    return frozenset(_imports([_parse(source)], module, is_package))


def _imports(nodes: Iterable[ast.AST], module: str, is_package: bool) -> set[str]:
    """Names of modules imported anywhere below `nodes`, parents included."""
    names: set[str] = set()
    for node in (inner for top in nodes for inner in ast.walk(top)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = len(module.split(".")) - node.level + (1 if is_package else 0)
                base = ".".join([*module.split(".")[:keep], *([base] if base else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return {".".join(n.split(".")[: i + 1]) for n in names for i in range(len(n.split(".")))}


def _ignored(name: str) -> bool:
    return any(name == i or name.startswith(i + ".") for i in IGNORED)


def _closure(names: Iterable[str], ours: set[str]) -> dict[str, Path]:
    """Every module of ours reachable through imports: name -> file."""
    found: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or _ignored(name) or name.partition(".")[0] not in ours:
            continue
        path = _locate(name)
        if path is None:
            continue
        found[name] = path
        reached = set(_imports_of(_source(path), name, path.name == "__init__.py"))
        if "importlib" in reached or "pkgutil" in reached:
            # Modules looked up by name at run time: take the whole package.
            package = path.parent
            prefix = name if path.name == "__init__.py" else name.rpartition(".")[0]
            for file in package.rglob("*.py"):
                inner = file.relative_to(package).with_suffix("").parts
                reached.add(".".join([prefix, *(p for p in inner if p != "__init__")]))
        waiting.extend(reached)
    return found


def _slice(tree: ast.Module, qualname: str) -> list[ast.stmt]:
    """The statements of a module that a function uses, in order; all of them if the function is not found at top level."""
    bound = [(s, _bound(s)) for s in tree.body if not _is_main_guard(s)]
    if not any(qualname in names for _, names in bound):
        return [s for s, _ in bound]
    wanted = {qualname}
    taken: set[int] = set()
    grown = True
    while grown:
        grown = False
        for i, (statement, names) in enumerate(bound):
            if i not in taken and (not names or "*" in names or names & wanted):
                taken.add(i)
                wanted |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
                grown = True
    return [s for i, (s, _) in enumerate(bound) if i in taken]


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a top-level statement binds in the module; none for a statement that is there for its effect."""
    names: set[str] = set()
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)  # and nothing of its own scope
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((a.asname or a.name.partition(".")[0]) for a in node.names)
        waiting.extend(ast.iter_child_nodes(node))
    return names


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(statement.test)
    )
