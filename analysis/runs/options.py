"""The options that every experiment shares, and parsing that answers a bad argument with one line and exit status 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from analysis import registry
from analysis.runs.arguments import one_of, positive_float, positive_int, seed
from analysis.runs.experiment import Experiment

PROFILES = ("smoke", "paper", "full")
BACKENDS = ("loky", "dask")


class UsageError(Exception):
    """A bad argument; the message is one line that names it and what is allowed."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions with a one-line message."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("must be a folder, got an empty name")
    return Path(text)


def _scheduler(text: str) -> str:
    protocol, separator, host = text.partition("://")
    if not separator or protocol not in ("tcp", "tls", "ucx", "ws", "wss") or ":" not in host:
        raise argparse.ArgumentTypeError(f"must look like tcp://host:port, got {text!r}")
    return text


def _device(text: str) -> str:
    kind, _, number = text.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
        raise argparse.ArgumentTypeError(f"must be cpu, cuda, cuda:N or mps, got {text!r}")
    return text


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Add the shared options to a parser."""
    group = parser.add_argument_group("options of every experiment")
    group.add_argument(
        "--profile",
        type=one_of(*PROFILES),
        default="paper",
        metavar="{smoke,paper,full}",
        help="size of the sweep (default: paper; smoke draws no PDFs)",
    )
    group.add_argument("--seed", type=seed, default=0, help="seed of all random streams (default: 0)")
    group.add_argument(
        "--jobs", type=positive_int, default=cores(), help="cells computed at once (default: cores, %(default)s)"
    )
    group.add_argument(
        "--out",
        type=_folder,
        help="results folder (default: results/ of the checkout for the paper profile with default arguments, "
        "results/custom/... or results/full/ otherwise, a new temporary folder for smoke)",
    )
    again = group.add_mutually_exclusive_group()
    again.add_argument(
        "--resume", dest="fresh", action="store_false", default=False, help="use finished cells of the folder (default)"
    )
    again.add_argument("--fresh", dest="fresh", action="store_true", help="compute every cell again")
    group.add_argument("--backend", type=one_of(*BACKENDS), default="loky", metavar="{loky,dask}",
                       help="where cells are computed (default: loky, processes on this machine)")  # fmt: skip
    group.add_argument(
        "--address",
        type=_scheduler,
        help="dask scheduler, e.g. tcp://host:8786 (to start one, on SLURM too: analysis/runs/dask_backend.py)",
    )
    group.add_argument(
        "--device", type=_device, default="cpu", help="torch device for cells that can use one (default: cpu)"
    )
    group.add_argument(
        "--cell-timeout",
        type=positive_float,
        metavar="SECONDS",
        help="a cell that takes longer is a failed one (default: none is stopped)",
    )
    group.add_argument("--dry-run", action="store_true", help="show the cells and the expected time; compute nothing")


def check_shared(options: Any, prog: str) -> None:
    """What no single option can tell by itself."""
    if options.backend == "dask" and not options.address:
        raise UsageError(f"{prog}: argument --address: required with --backend dask, e.g. tcp://host:8786")
    if options.address and options.backend != "dask":
        raise UsageError(f"{prog}: argument --address: allowed only with --backend dask")
    if options.device != "cpu" and not _available(options.device):
        raise UsageError(f"{prog}: argument --device: {options.device} is not available here; cpu always is")


def _available(device: str) -> bool:
    import torch

    kind, _, number = device.partition(":")
    if kind == "cuda":
        return torch.cuda.is_available() and int(number or 0) < torch.cuda.device_count()
    return torch.backends.mps.is_available()


def parse(experiment: Experiment, argv: Sequence[str] | None = None) -> SimpleNamespace:
    """Options of one experiment from the command line."""
    prog = f"python -m {experiment.module}"
    parser = Parser(prog=prog, description=experiment.summary, allow_abbrev=False)
    if experiment.arguments:
        own = parser.add_argument_group("options of this experiment")
        for argument in experiment.arguments:
            argument.add_to(own)
    add_shared(parser)
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        given = vars(parser.parse_args(words))
    except UsageError as error:
        if moved := registry.moved([experiment.name, *(part for word in words for part in word.split("=", 1))]):
            raise UsageError(f"{prog}: {moved}") from error
        raise
    return complete(experiment, given, prog)


def complete(experiment: Experiment, given: dict[str, Any], prog: str) -> SimpleNamespace:
    """Options with the experiment's defaults filled in. `changed` holds what differs from the defaults and changes
    numbers.
    """
    options = SimpleNamespace(**given)
    check_shared(options, prog)
    changed: dict[str, Any] = {}
    for argument in experiment.arguments:
        default = argument.default_for(options.profile)
        value = given.get(argument.attribute, default)
        if isinstance(value, list):  # where there may be any number, a value given twice is one selection
            value = tuple(value) if isinstance(argument.nargs, int) else tuple(dict.fromkeys(value))
        setattr(options, argument.attribute, value)
        if value != default:
            changed[argument.attribute] = value
    if options.seed != 0:
        changed["seed"] = options.seed
    if options.device != "cpu":
        changed["device"] = options.device
    options.changed = changed
    return options


def command(experiment: Experiment, options: Any) -> str:
    """The command that gives the same numbers: no machine paths, no number of jobs."""
    words = ["python", "-m", experiment.module]
    if options.profile != "paper":
        words += ["--profile", options.profile]
    for name, value in sorted(options.changed.items()):
        values = value if isinstance(value, tuple) else [value]
        words += [f"--{name.replace('_', '-')}", *(str(v) for v in values)]
    return " ".join(words)
