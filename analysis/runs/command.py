"""`main(EXPERIMENT)`: the command line of one experiment, with one-line errors and exit status 0, 1 or 2."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence

from analysis.runs.experiment import Experiment, resolve

INTERRUPTED = 130


def main(experiment: Experiment, argv: Sequence[str] | None = None) -> int:
    """Run an experiment from the command line; returns the exit status.

    0: every decided claim has the verdict it registers. 1: one has not, a cell failed, or results could not be written.
    2: a bad argument. 130: interrupted; finished cells are kept.
    """
    from analysis.runs.options import parse

    # Under `python -m` this module is __main__; workers know it by its real name, and so does everything below.
    experiment = resolve(experiment.address)
    return guarded(lambda: _run(experiment, parse(experiment, argv)))


def _run(experiment: Experiment, options) -> int:
    from analysis.runs.run import execute

    return execute(experiment, options, refresh_report=True)


def guarded(action: Callable[[], int], keep_going: bool = False) -> int:
    """Run `action` and turn the errors a user can cause into one line on standard error and an exit status.

    With `keep_going` a programming error is shown in full and counts as a failure, so that what comes next still runs.
    """
    from analysis.runs.output import interruptible, tolerant

    with tolerant() as out:
        with interruptible():
            status = _answered(action, keep_going)
        out.flush()
        if out.failure is not None and not isinstance(out.failure, BrokenPipeError):
            status = max(status, _say(f"cannot write to standard output: {out.failure.strerror}", 1))
    return status


def _answered(action: Callable[[], int], keep_going: bool) -> int:
    from analysis.runs.files import ClusterLostError, StorageError
    from analysis.runs.options import UsageError

    try:
        return action()
    except UsageError as error:
        return _say(str(error), 2)
    except StorageError as error:
        return _say(str(error), 1)
    except ClusterLostError as error:
        return _say(f"{error}: finished cells are kept, the same command continues", 1)
    except KeyboardInterrupt:
        return _say("interrupted: finished cells are kept, the same command continues", INTERRUPTED)
    except Exception:
        if not keep_going:
            raise
        traceback.print_exc()
        return _say("stopped by the error above", 1)


def _say(line: str, status: int) -> int:
    print(f"{' '.join(line.split())}", file=sys.stderr)
    return status
