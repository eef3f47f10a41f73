"""Helpers that run the toy experiments as real processes; used by the tests of the engine."""

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


def environment(toy_folder=None, sleep=0) -> dict:
    """The environment of a process that can import the packages and the toys, whose cells last `sleep` milliseconds."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    changed = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TOY_SLEEP": str(sleep)}
    if toy_folder is not None:
        changed["TOY_FOLDER"] = str(toy_folder)
    return {**os.environ, **changed}


def command(name: str, *arguments) -> list[str]:
    """A command line that runs `toy_runs.<name>`."""
    # a process started in the background of a script inherits that Ctrl-C is ignored: here it must not be
    listens = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listens}; import sys, toy_runs; from analysis.runs import main; sys.exit(main(toy_runs.{name}))"
    return [sys.executable, "-c", code, *map(str, arguments)]


def run(name: str, *arguments, toy_folder=None, cwd=None) -> subprocess.CompletedProcess:
    """Run to the end, at most two minutes."""
    return subprocess.run(
        command(name, *arguments), env=environment(toy_folder), cwd=cwd, capture_output=True, text=True, timeout=120
    )


def start(name: str, *arguments, toy_folder=None, sleep=0) -> subprocess.Popen:
    return subprocess.Popen(
        command(name, *arguments),
        env=environment(toy_folder, sleep),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def executed(toy_folder) -> list[str]:
    """One word for every execution of a cell so far, in order."""
    log = Path(toy_folder, "executed")
    return log.read_text().splitlines() if log.exists() else []


def wait_until(condition, seconds: float = 30.0) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def children(process: subprocess.Popen) -> list[psutil.Process]:
    """Everything below a process; nothing if it has just ended."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def alive(processes) -> list[psutil.Process]:
    def running(process):
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:  # it ended between the two questions
            return False

    return [p for p in processes if running(p)]


def toys():
    """The module of the toy experiments."""
    return importlib.import_module("toy_runs")
