#!/usr/bin/env bash
# One command from a fresh clone to the verdicts. Only set-up happens here; the rest is `python -m analysis`.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="$root/.venv"
python="$venv/bin/python"
stamp="$venv/.reproduce-stamp"

usage() {
    cat <<'TEXT'
usage: ./reproduce.sh [options]

Sets up .venv (once), runs every registered experiment, writes results/ and prints the table of claims.
Exit status: 0 if every verdict is the one its claim registers, 1 if one is not, 2 for a bad argument.

  --profile smoke|paper|full  size of the sweeps (default: paper; smoke writes to a new temporary folder, without PDFs)
  --only NAME...              only these experiments
  --jobs N                    cells computed at once (default: number of cores)
  --out DIR                   results folder
  --seed N                    seed of all random streams (default: 0). To see once whether a verdict turns:
                              ./reproduce.sh --seed 1, and the closing table beside results/claims.csv; it goes to
                              results/custom/, and results/ stays as it is
  --fresh                     compute every cell again
  --dry-run                   cells and expected time; computes nothing
  --list                      the experiments, their claims and expected time
  --tests [PYTEST-ARGS...]    set up, then run the test suite
  --shell [COMMAND...]        set up, then a shell (or one command) in which `python -m analysis.scaling --dim 8` works
  --help                      this text
TEXT
}

fail() {
    printf 'reproduce.sh: %s\n' "$1" >&2
    exit "${2:-2}"
}

command=run
names=()
options=()
while (($#)); do
    case "$1" in
        --help | -h) usage; exit 0 ;;
        --list) command=list; shift ;;
        --tests) command=tests; shift; break ;;
        --shell) command=shell; shift; break ;;
        --fresh | --dry-run) options+=("$1"); shift ;;
        --profile | --jobs | --out | --seed)
            (($# >= 2)) || fail "option $1 needs a value"
            options+=("$1" "$2"); shift 2 ;;
        --profile=* | --jobs=* | --out=* | --seed=*) options+=("$1"); shift ;;
        --only)
            shift
            (($#)) && [[ $1 != -* ]] || fail "option --only needs at least one experiment name (see --list)"
            while (($#)) && [[ $1 != -* ]]; do names+=("$1"); shift; done ;;
        *) fail "unknown option '$1'; allowed are --profile --only --jobs --out --seed --fresh --dry-run --list --tests --shell --help" ;;
    esac
done

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer (python3 is $(python3 --version 2>&1 || echo absent))" 1
}

# What the environment was made from; the folder is part of it because an environment does not survive a move.
wanted() { { printf '%s\n' "$root"; cat "$root/pyproject.toml" "$root/.ci/constraints.txt"; } | cksum; }

set_up() {
    [[ -f $stamp && $(<"$stamp") == "$(wanted)" ]] && new_enough "$python" && return
    if ! new_enough "$python"; then
        local found
        found="$(find_python)"
        printf 'reproduce.sh: making %s\n' "$venv" >&2
        "$found" -m venv --clear "$venv"
    fi
    printf 'reproduce.sh: installing the tested versions of .ci/constraints.txt (a few minutes, once)\n' >&2
    # torch first and by itself, so that its CPU build is taken where pip finds one
    "$python" -m pip install -qq --disable-pip-version-check -c "$root/.ci/constraints.txt" torch==2.13.0
    "$python" -m pip install -qq --disable-pip-version-check -c "$root/.ci/constraints.txt" -e "$root[dev]"
    wanted >"$stamp"
}

# The list is for someone who has not decided yet: without an environment it is read from the sources.
if [[ $command == list && ! -f $stamp ]]; then
    found="$(find_python)"
    exec "$found" - "$root" ${names[@]+"${names[@]}"} <<'PYTHON'
import ast, pathlib, sys, textwrap

root, wanted = pathlib.Path(sys.argv[1], "analysis"), sys.argv[2:]
for node in ast.parse((root / "registry.py").read_text(encoding="utf-8")).body:
    if isinstance(node, ast.AnnAssign) and node.target.id == "NAMES":
        names = ast.literal_eval(node.value)
for name in names:
    if not wanted or name in wanted:
        words = ast.get_docstring(ast.parse((root / name / "__init__.py").read_text(encoding="utf-8"))) or ""
        print(*textwrap.wrap(words.split("\n\n")[0], 98, initial_indent=f"{name:<13}", subsequent_indent=" " * 13), sep="\n")
print("(with claims and expected time once ./reproduce.sh has set up .venv)")
PYTHON
fi
set_up </dev/null
# BLAS reads these when it loads; -P keeps the caller's folder from shadowing ours.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
if [[ $command == shell ]]; then
    export VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH"
    (($#)) && exec "$@"
    printf 'reproduce.sh: python is now that of %s; leave with exit\n' "$venv" >&2
    exec "${SHELL:-/bin/sh}"
fi
if [[ $command == tests ]]; then
    cd "$root"
    exec "$python" -P -m pytest -n auto "$@"
fi
exec "$python" -P -m analysis "$command" ${names[@]+"${names[@]}"} ${options[@]+"${options[@]}"}
