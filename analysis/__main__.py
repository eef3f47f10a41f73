"""python -m analysis [list|run|report|status|claims]: the registered experiments together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from analysis import registry
from analysis.runs.command import guarded
from analysis.runs.options import Parser, UsageError, add_shared, complete

PROG = "python -m analysis"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 (a claim is not as registered, or something failed) or 2 (a bad argument)."""
    return guarded(lambda: _dispatch(sys.argv[1:] if argv is None else list(argv)))


def _dispatch(argv: list[str]) -> int:
    argv = argv or ["list"]
    if argv[0] not in COMMANDS and not argv[0].startswith("-"):
        raise UsageError(f"{PROG}: argument COMMAND: must be one of {', '.join(COMMANDS)}, got {argv[0]!r}")
    parser = Parser(prog=PROG, description="The registered experiments together.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="{list,run,report,status,claims}")
    for name, (_, description) in COMMANDS.items():
        sub = commands.add_parser(name, help=description, description=description, allow_abbrev=False)
        sub.add_argument("names", nargs="*", metavar="NAME", help="experiments (default: all that are registered)")
        add_shared(sub)
    given = vars(parser.parse_args(argv))
    command, names = given.pop("command"), given.pop("names")
    prog = f"{PROG} {command}"
    for name in names:
        if name not in registry.NAMES:
            raise UsageError(f"{prog}: argument NAME: must be one of {', '.join(registry.NAMES)}, got {name!r}")
    from analysis.runs.several import named

    return COMMANDS[command][0](named(names), given, prog)


def _folder(given: dict) -> Path:
    from analysis.runs.places import results_root

    return given["out"] or results_root()


def _list(experiments, given: dict, prog: str) -> int:
    from analysis.runs.planning import expected_seconds, plan
    from analysis.runs.screen import columns, duration

    rows = []
    for experiment in experiments:
        cells = plan(experiment, complete(experiment, dict(given), prog))
        seconds = duration(expected_seconds(cells, given["jobs"]))
        claims = " ".join(c.id for c in experiment.claims) or "-"
        rows.append((experiment.name, len(cells), seconds, claims, experiment.summary.strip().splitlines()[0]))
    print(columns(("experiment", "cells", f"time ({given['jobs']} jobs)", "claims", "what it does"), rows))
    return 0


def _run(experiments, given: dict, prog: str) -> int:
    from analysis import report
    from analysis.runs.several import run_all

    return run_all(experiments, given, prog, finish=report.write)


def _report(experiments, given: dict, prog: str) -> int:
    from analysis import report

    return report.write(_folder(given))


def _status(experiments, given: dict, prog: str) -> int:
    from analysis.runs.status import table

    print(table(experiments, [complete(e, dict(given), prog) for e in experiments], _folder(given)))
    return 0


def _claims(experiments, given: dict, prog: str) -> int:
    from analysis.runs.several import claims_table, not_as_registered

    out = _folder(given)
    print(claims_table(out))
    bad = not_as_registered(out, experiments)
    if bad:
        print(f"not as registered, or not decided: {', '.join(bad)}", file=sys.stderr)
    return 1 if bad else 0


COMMANDS = {
    "list": (_list, "each experiment with its claims and expected time"),
    "run": (_run, "run experiments one after another, then write the report; one exit status"),
    "report": (_report, "write REPORT.md and index.html from the tables, figures and claims of a results folder"),
    "status": (_status, "cells done, failed, stale and missing, and the time left"),
    "claims": (_claims, "the claims of a results folder; exit status 0 only if each registered one is as registered"),
}

if __name__ == "__main__":
    raise SystemExit(main())
