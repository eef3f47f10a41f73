"""What the tests of the house share: the repository's files and their syntax trees."""

import ast
import subprocess
from functools import cache, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    """Python files of the two packages."""
    return sorted([*(ROOT / "manifolds").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])


def tests() -> list[Path]:
    return sorted((ROOT / "tests").glob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_path(name: str) -> Path:
    """The file of a module of ours."""
    base = ROOT.joinpath(*name.split("."))
    return base / "__init__.py" if (base / "__init__.py").is_file() else base.with_suffix(".py")


def is_module(name: str) -> bool:
    return module_path(name).is_file()


def is_package(name: str) -> bool:
    return module_path(name).name == "__init__.py"


def _for_types_only(path: Path) -> set[ast.AST]:
    """Nodes under `if TYPE_CHECKING:`."""
    guarded = [n for n in ast.walk(tree(path)) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
    return {below for n in guarded for statement in n.body for below in ast.walk(statement)}


def imported(path: Path, types: bool = True) -> set[str]:
    """Absolute names of the modules of ours that a file imports, anywhere in it.

    `from a import b` counts as a.b where that is a module, and as a otherwise. types: whether imports made for a
    type checker alone count.
    """
    name, found = module_name(path), set()
    skipped = set() if types else _for_types_only(path)
    for node in ast.walk(tree(path)):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = len(name.split(".")) - node.level + (path.name == "__init__.py")
                base = ".".join([*name.split(".")[:keep], *([base] if base else [])])
            inner = {alias.name: f"{base}.{alias.name}" for alias in node.names}
            found.update(module if is_module(module) else base for module in inner.values())
    return {f for f in found if f.partition(".")[0] in ("manifolds", "analysis")}


def assigned(path: Path) -> set[str]:
    """Names that a file assigns at its top level."""
    targets = [t for n in tree(path).body if isinstance(n, ast.Assign) for t in n.targets]
    targets += [n.target for n in tree(path).body if isinstance(n, ast.AnnAssign)]
    return {t.id for t in targets if isinstance(t, ast.Name)}


@lru_cache(maxsize=1)
def tracked() -> list[str]:
    """Paths that git tracks; every file outside the environment where there is no git."""
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        return [line for line in done.stdout.splitlines() if (ROOT / line).exists()]
    files = (p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file())
    return [str(p) for p in files if p.parts[0] not in (".venv", ".git")]
