"""Sweeps as processes of their own, on workers of this machine or on a dask cluster of two workers."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from analysis.faults.toy import LOG, SLEEP

__all__ = ["FILES", "Sweep", "Tick", "cluster", "never", "wait_until"]

Tick = Callable[[], None]  # told of each attempt that is over


def never() -> None:
    """The tick of nobody."""


FILES = ("tables/trace.csv", "claims.csv", "tables/controls.csv")


class Sweep:
    """The tormented sweep in one results folder."""

    def __init__(self, folder: Path, cells: int = 40, sleep: float = 0.0, arguments: tuple[str, ...] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.out, self.log, self.cells = folder / "out", folder / "log", cells
        self.command = [sys.executable, "-P", "-m", "analysis.faults.toy", "--out", str(self.out)]
        self.command += ["--cells", str(cells), *arguments]
        self.environment = {**os.environ, LOG: str(self.log), SLEEP: str(sleep)}

    def start(self, *arguments: str, limit: int | None = None) -> subprocess.Popen[str]:
        """Begin, and return at once; with a `limit` no file may grow beyond so many bytes."""
        return subprocess.Popen(
            [*self.command, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Python ignores the signal and sees an error
            preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)) if limit else None,
        )

    def finish(self, *arguments: str, limit: int | None = None) -> tuple[int, str]:
        """Run to the end; status and what was said on standard error."""
        process = self.start(*arguments, limit=limit)
        _, errors = process.communicate(timeout=300)
        return process.returncode, errors

    def executed(self) -> list[str]:
        """A word for every execution of a cell so far."""
        return self.log.read_text(encoding="utf-8").split() if self.log.exists() else []

    def files(self) -> dict[str, bytes]:
        """What is published so far."""
        return {name: (self.out / name).read_bytes() for name in FILES if (self.out / name).exists()}


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def cluster(folder: Path, sleep: float) -> Iterator[tuple[str, Path]]:
    """A scheduler and two workers with nannies on this machine: the address, and the log that their cells write to."""
    log = folder / "log"
    environment = {
        **os.environ,
        LOG: str(log),
        SLEEP: str(sleep),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "20",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        said = folder / f"{name}-{len(started)}.txt"
        command = [sys.executable, "-m", f"distributed.cli.{name}", "--no-dashboard", *arguments]
        with open(said, "wb") as handle:
            started.append(subprocess.Popen(command, env=environment, cwd=folder, stdout=handle, stderr=handle))
        return said

    try:
        said = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        if not wait_until(lambda: "Scheduler at:" in said.read_text()):
            raise RuntimeError("the dask scheduler does not start")
        found = re.search(r"Scheduler at:\s*(tcp://\S+)", said.read_text())
        address = found.group(1) if found else ""
        logs = [start("dask_worker", address, "--nthreads", "1", "--nanny") for _ in range(2)]
        for each in logs:
            if not wait_until(lambda each=each: "Registered to:" in each.read_text()):  # type: ignore[misc]
                raise RuntimeError("a dask worker does not start")
        yield address, log
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=60)
