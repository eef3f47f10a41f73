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


def imported(path: Path) -> set[str]:
    """Absolute names of the modules of ours that a file imports, anywhere in it; `from a import b` counts as a and a.b."""
    name, found = module_name(path), set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = len(name.split(".")) - node.level + (path.name == "__init__.py")
                base = ".".join([*name.split(".")[:keep], *([base] if base else [])])
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names if is_module(f"{base}.{alias.name}"))
    return {f for f in found if f.partition(".")[0] in ("manifolds", "analysis")}


def is_module(name: str) -> bool:
    base = ROOT.joinpath(*name.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


@lru_cache(maxsize=1)
def tracked() -> list[str]:
    """Paths that git tracks; every file outside the environment where there is no git."""
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout:
        return [line for line in done.stdout.splitlines() if (ROOT / line).exists()]
    files = (p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file())
    return [str(p) for p in files if p.parts[0] not in (".venv", ".git")]
