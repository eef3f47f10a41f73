"""python -m analysis [list|run|report|status|claims|statements|compare]: the registered experiments, and what they are
evidence on.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from analysis import registry
from analysis.runs.command import guarded
from analysis.runs.experiment import Experiment
from analysis.runs.options import Parser, UsageError, add_shared, check_shared, complete

PROG = "python -m analysis"
TOOLS = ("certify", "plan")  # packages with a command line of their own that are no experiments


class Command(NamedTuple):
    """run(names, options, prog) -> exit status; `named` says what NAME may be."""

    run: Callable[[list[str], dict, str], int]
    description: str
    named: str = "experiments (default: all that are registered)"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 (a claim is not as registered, or something failed) or 2 (a bad argument)."""
    return guarded(lambda: _dispatch(sys.argv[1:] if argv is None else list(argv)))


def console() -> int:
    """The script `blind-diffusion`: `certify`, `plan`, an experiment as `python -m analysis.<name>`; else as `main`."""
    if len(sys.argv) > 1 and sys.argv[1] in (*TOOLS, *registry.NAMES):
        name = sys.argv.pop(1)
        runpy.run_module(f"analysis.{name}", run_name="__main__", alter_sys=True)  # raises SystemExit
    return main()


def _dispatch(argv: list[str]) -> int:
    argv = argv or ["list"]
    if argv[0] not in COMMANDS and not argv[0].startswith("-"):
        raise UsageError(f"{PROG}: argument COMMAND: must be one of {', '.join(COMMANDS)}, got {argv[0]!r}")
    parser = Parser(prog=PROG, description="The registered experiments together.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar=f"{{{','.join(COMMANDS)}}}")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command.description, description=command.description, allow_abbrev=False)
        sub.add_argument("names", nargs="*", metavar="NAME", help=command.named)
        add_shared(sub)
    given = vars(parser.parse_args(argv))
    chosen, names = given.pop("command"), given.pop("names")
    return COMMANDS[chosen].run(names, given, f"{PROG} {chosen}")


def _experiments(names: Sequence[str], prog: str) -> list[Experiment]:
    _check(names, prog)
    from analysis.runs.several import named

    return named(names)


def _check(names: Sequence[str], prog: str) -> None:
    for name in names:
        if name not in registry.NAMES:
            raise UsageError(f"{prog}: argument NAME: must be one of {', '.join(registry.NAMES)}, got {name!r}")


def _folder(given: dict) -> Path:
    from analysis.runs.places import results_root

    return given["out"] or results_root()


def _list(names: list[str], given: dict, prog: str) -> int:
    from analysis.runs.listing import remembered
    from analysis.runs.screen import columns

    _check(names, prog)
    check_shared(SimpleNamespace(**given), prog)
    rows = remembered(names or registry.NAMES, given, lambda: _planned(names, given, prog))
    print(columns(("experiment", "cells", f"time ({given['jobs']} jobs)", "claims", "what it does"), rows, width=100))
    return 0


def _planned(names: list[str], given: dict, prog: str) -> list[Sequence[str]]:
    from analysis.runs.planning import expected_seconds, plan
    from analysis.runs.screen import duration

    rows: list[Sequence[str]] = []
    for experiment in _experiments(names, prog):
        cells = plan(experiment, complete(experiment, dict(given), prog))
        seconds = duration(expected_seconds(cells, given["jobs"]))
        claims = " ".join(c.id for c in experiment.claims) or "-"
        rows.append((experiment.name, str(len(cells)), seconds, claims, experiment.summary.strip().splitlines()[0]))
    return rows


def _run(names: list[str], given: dict, prog: str) -> int:
    from analysis import report
    from analysis.runs.several import run_all

    return run_all(_experiments(names, prog), given, prog, finish=report.write)


def _report(names: list[str], given: dict, prog: str) -> int:
    from analysis import report

    _experiments(names, prog)
    return report.write(_folder(given))


def _status(names: list[str], given: dict, prog: str) -> int:
    from analysis.runs.status import table

    experiments = _experiments(names, prog)
    print(table(experiments, [complete(e, dict(given), prog) for e in experiments], _folder(given)))
    return 0


@contextmanager
def _about_names(prog: str) -> Iterator[None]:
    """What is wrong with a NAME as a usage error."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{prog}: argument NAME: {error}") from None


def _claims(names: list[str], given: dict, prog: str) -> int:
    if all(name in registry.NAMES for name in names):
        return _claims_table(_experiments(names, prog), _folder(given))
    from analysis.statements import claim, show

    with _about_names(prog):
        rows = show.results(_folder(given))
        print("\n\n".join([claim.page(identifier, rows) for name in names for identifier in _ids(name)]))
    return 0


def _ids(name: str) -> list[str]:
    """An experiment stands for its claims."""
    return [c.id for c in registry.load(name).claims] if name in registry.NAMES else [name]


def _claims_table(experiments: list[Experiment], out: Path) -> int:
    from analysis.runs.several import claims_table, not_as_registered

    print(claims_table(out))
    bad = not_as_registered(out, experiments)
    if bad:
        print(f"not as registered, or not decided: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


def _statements(names: list[str], given: dict, prog: str) -> int:
    from analysis.statements import ALL, find, show

    rows = show.results(_folder(given))
    with _about_names(prog):
        print("\n\n".join(show.page(find(name), rows) for name in names) if names else show.table(ALL, rows))
    return 0


def _compare(names: list[str], given: dict, prog: str) -> int:
    from analysis.comparing import command

    with _about_names(prog):
        text, status = command(names)
    print(text)
    return status


COMMANDS = {
    "list": Command(_list, "each experiment with its claims and expected time"),
    "run": Command(_run, "run experiments one after another, then write the report; one exit status"),
    "report": Command(
        _report, "write REPORT.md and index.html from the tables, figures and claims of a results folder"
    ),
    "status": Command(_status, "cells done, failed, stale and missing, and the time left"),
    "claims": Command(
        _claims,
        "the claims of a results folder; exit status 0 only if each is as registered; with an id: that one in full",
        "experiments, or ids of claims to show in full, with the file that holds each",
    ),
    "statements": Command(
        _statements,
        "every numbered statement of the paper and of its neighbours: function, claims, figure, test, separating law",
        "statements to show in full (3.8, fig 9, (16), 2501.12982; default: the table of all)",
    ),
    "compare": Command(
        _compare,
        "two results folders: what differs by more than another machine explains; exit status 0 only if no claim does",
        "two results folders, for instance results/ and one of yours",
    ),
}

if __name__ == "__main__":
    raise SystemExit(main())
