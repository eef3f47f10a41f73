"""What a piece of code uses, symbol by symbol through all modules of ours, without running anything.

Of a module only those statements count that a name transitively uses; where a use cannot be told (a module handed on as
a value, a star import, a module found by a name that is computed) the whole module or package counts. What runs on
import and is no definition (a statement that binds nothing, a decorator of ours, which may register) always counts.
"""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from analysis.runs.syntax import Dotted, Import, Module, Statement, take_apart

OURS = ("manifolds", "analysis")
# No number depends on these: the engine runs cells, figures and the report read tables; of what is loaded through
# `manifolds.references` the engine keeps a record.
IGNORED = ("analysis.runs", "analysis.figures", "analysis.registry", "analysis.report", "manifolds.references")
TABLE = "manifolds.tables.Table"
_INSTALLED = tuple({sysconfig.get_path(n) for n in ("stdlib", "platstdlib", "purelib", "platlib")})


def is_installed(place: str) -> bool:
    """Whether a file or folder is part of Python or of an installed package, of this environment or one on its path."""
    return place.startswith(_INSTALLED) or bool({"site-packages", "dist-packages"} & set(Path(place).parts))


class Sources:
    """The source files as they are at one moment: each is located and read once."""

    def __init__(self) -> None:
        self._files: dict[str, Path | None] = {}
        self._homes: dict[str, Path | None] = {}
        self._modules: dict[str, Module | None] = {}

    def ours(self, top: str) -> bool:
        """Whether a top-level name is code of this repository, or somebody's that is not installed."""
        if top in OURS or top in sys.stdlib_module_names:
            return top in OURS
        home = self._home(top)
        return home is not None and not is_installed(str(home))

    def _home(self, top: str) -> Path | None:
        if top not in self._homes:
            self._homes[top] = _find(top)
        return self._homes[top]

    def file(self, module: str) -> Path | None:
        """Source file of a module; the folder of a package without one; None if there is no such module."""
        if module not in self._files:
            self._files[module] = self._locate(module)
        return self._files[module]

    def _locate(self, module: str) -> Path | None:
        top, _, rest = module.partition(".")
        home = self._home(top)
        if home is None or home.is_file():
            return home if not rest else None
        base = home.joinpath(*rest.split(".")) if rest else home
        for candidate in (base / "__init__.py", base.parent / f"{base.name}.py"):
            if candidate.is_file():
                return candidate
        return base if base.is_dir() else None

    def module(self, name: str) -> Module | None:
        """A module taken apart, or None if it has no source."""
        if name not in self._modules:
            file = self.file(name)
            self._modules[name] = (
                take_apart(file.read_text(encoding="utf-8"), name, file.name == "__init__.py")
                if file is not None and file.is_file()
                else None
            )
        return self._modules[name]

    def siblings(self, module: str) -> Iterator[str]:
        """Every module of the package that a module belongs to."""
        file = self.file(module)
        if file is None:
            return
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        if not package:
            yield module
            return
        for found in sorted(file.parent.rglob("*.py")):
            inner = found.relative_to(file.parent).with_suffix("").parts
            yield ".".join([package, *(p for p in inner if p != "__init__")])


def _find(top: str) -> Path | None:
    """Folder of a top-level package, or file of a top-level module, found without importing it."""
    if top == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        return Path(file) if file else None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


class Slice:
    """What `path` in a module uses.

    parts      one line for every statement and every imported name that it uses
    libraries  top-level names of other code that it reaches
    """

    def __init__(self, sources: Sources, module: str, path: Dotted) -> None:
        self._sources, self._top = sources, module.partition(".")[0]
        self._taken: dict[tuple[str, int], str] = {}
        self._edges: set[str] = set()
        self._seen: set[tuple[str, Dotted]] = set()
        self._touched: set[str] = set()
        self._waiting: list[tuple[str, Dotted]] = [(module, path)]
        self.libraries: set[str] = set()
        while self._waiting:
            self._follow(*self._waiting.pop())

    @property
    def parts(self) -> list[str]:
        return [f"{key[0]}: {text}" for key, text in sorted(self._taken.items())] + sorted(self._edges)

    def _follows(self, module: str) -> bool:
        """Whether a module is followed."""
        if any(module == i or module.startswith(i + ".") for i in IGNORED):
            return False
        top = module.partition(".")[0]
        return top == self._top or self._sources.ours(top)

    def _follow(self, name: str, path: Dotted) -> None:
        """Take what a dotted path means in a module; the whole module for an empty one."""
        if (name, path) in self._seen:
            return
        self._seen.add((name, path))
        if not self._follows(name) or self._sources.file(name) is None:
            self.libraries |= {name.partition(".")[0]} - sys.stdlib_module_names - {*OURS, self._top}
            return
        self._touch(name)
        module = self._sources.module(name) or Module()
        if not path:
            for index in range(len(module.statements)):
                self._take(name, index)
            self._waiting += [(i.module, i.path) for imports in module.imported.values() for i in imports]
        elif path[0] in module.bound or path[0] in module.imported:
            self._name(name, module, path)
        elif self._sources.file(f"{name}.{path[0]}"):
            self._waiting.append((f"{name}.{path[0]}", path[1:]))
        elif module.stars:
            self._waiting += [(star, path) for star in module.stars]
        else:
            self._waiting.append((name, ()))

    def _name(self, name: str, module: Module, path: Dotted) -> None:
        """Take a name that a module binds or imports."""
        for index in module.bound.get(path[0], ()):
            self._take(name, index)
        for found in module.imported.get(path[0], ()):
            self._edges.add(f"{name}.{path[0]} = {found.module}:{found.attribute}")
            self._waiting.append((found.module, found.path + path[1:]))

    def _take(self, name: str, index: int) -> None:
        """Take a statement and all that it uses."""
        module = self._sources.module(name)
        if module is None or (name, index) in self._taken:
            return
        statement = module.statements[index]
        makers = module.imported.get(statement.builds[0], []) if statement.builds else []
        if any(_leads_to(i, statement.builds, TABLE) for i in makers):
            self._taken[name, index] = "a table of names"  # what is looked up in it is recorded when it is
            return
        self._taken[name, index] = statement.text
        for found in statement.imports:
            self._touch(found.module)
        for path in statement.uses:
            local = [i for i in statement.imports if i.name == path[0]]
            self._waiting += [(i.module, i.path + path[1:]) for i in local]
            if any(_looks_up(i, path) for i in [*local, *module.imported.get(path[0], ())]) or path == ("__import__",):
                self._look_up(name, statement)
            if path[0] in module.bound or path[0] in module.imported:
                self._name(name, module, path)
            else:
                self._waiting += [(star, path) for star in module.stars]

    def _look_up(self, name: str, statement: Statement) -> None:
        """A module found by name at run time: the one that is named, or any of the package."""
        self._waiting += [(other, ()) for other in statement.named]
        if statement.computed or not statement.named:
            self._waiting += [(other, ()) for other in self._sources.siblings(name)]

    def _touch(self, name: str) -> None:
        """A module is imported, its parents before it: what runs then counts."""
        waiting = [name]
        while waiting:
            each = waiting.pop()
            if each in self._touched or not each or not self._follows(each):
                continue
            self._touched.add(each)
            waiting.append(each.rpartition(".")[0])
            module = self._sources.module(each)
            if module is not None:
                waiting += module.touches
                acting = [i for i, decorator in module.decorated if self._acts(module, decorator)]
                for index in [*module.effects, *acting]:
                    self._take(each, index)

    def _acts(self, module: Module, decorator: Dotted) -> bool:
        """Whether a decorator is code that is followed, and so may do more than wrap."""
        found = module.imported.get(decorator[0], ())
        return decorator[0] in module.bound or any(self._follows(i.module) for i in found)


def _leads_to(found: Import, path: Dotted, what: str) -> bool:
    return ".".join([found.module, *found.path, *path[1:]]) == what


def _looks_up(found: Import, path: Dotted) -> bool:
    return found.module in ("pkgutil", "runpy") or _leads_to(found, path, "importlib.import_module")
