"""reproduce.sh: options that need no set-up, and set-up that is done once. The installation itself is what .ci/run goes
through.
"""

import os
import shutil
import subprocess

import pytest
import toy_process

from analysis import registry

SCRIPT = toy_process.ROOT / "reproduce.sh"


def _call(*arguments, script=SCRIPT, cwd=None, **changes):
    environment = {**os.environ, **changes}
    return subprocess.run(
        ["bash", str(script), *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path):
    """A copy of the script in a folder with a space, whose environment is a stand-in that prints how it was called."""
    root = tmp_path / "a checkout"
    (root / ".ci").mkdir(parents=True)
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("reproduce.sh", "pyproject.toml", ".ci/constraints.txt"):
        shutil.copy(toy_process.ROOT / name, root / name)
    python = root / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\ncase "$1" in -c) exit 0;; esac\necho "$*"\n')
    python.chmod(0o755)
    return root


def test_help_says_what_it_does_without_set_up(tmp_path):
    done = _call("--help", cwd=tmp_path)
    assert done.returncode == 0
    for option in (
        "--profile",
        "--only",
        "--jobs",
        "--out",
        "--seed",
        "--fresh",
        "--dry-run",
        "--list",
        "--tests",
        "--shell",
    ):
        assert option in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bogus",), "unknown option '--bogus'; allowed are --profile --only"),
        (("scaling",), "unknown option 'scaling'"),
        (("--profile",), "option --profile needs a value"),
        (("--only",), "option --only needs at least one experiment name"),
        (("--only", "--fresh"), "option --only needs at least one experiment name"),
    ],
)
def test_bad_options_are_one_line_before_any_set_up(arguments, said, checkout):
    shutil.rmtree(checkout / ".venv")
    done = _call(*arguments, script=checkout / "reproduce.sh")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"reproduce.sh: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert not (checkout / ".venv").exists()


def test_set_up_installs_torch_first_then_the_lock_and_only_once(checkout, tmp_path):
    first = _call("--dry-run", script=checkout / "reproduce.sh", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    torch, rest, command = first.stdout.splitlines()
    assert torch.startswith("-m pip install") and torch.endswith("torch==2.13.0")
    assert rest.startswith("-m pip install") and rest.endswith(f"-e {checkout}[dev]")
    assert f"-c {checkout}/.ci/constraints.txt" in torch and f"-c {checkout}/.ci/constraints.txt" in rest
    assert command == "-P -m analysis run --dry-run"
    second = _call("--dry-run", script=checkout / "reproduce.sh", cwd=tmp_path)
    assert second.stdout.splitlines() == ["-P -m analysis run --dry-run"]


@pytest.mark.parametrize("changed", ["pyproject.toml", ".ci/constraints.txt"])
def test_set_up_is_repeated_when_what_it_was_made_from_changes(checkout, changed):
    _call("--dry-run", script=checkout / "reproduce.sh")
    with open(checkout / changed, "a", encoding="utf-8") as handle:
        handle.write("# another version\n")
    assert len(_call("--dry-run", script=checkout / "reproduce.sh").stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ((), "-P -m analysis run"),
        (("--profile", "smoke", "--jobs", "1"), "-P -m analysis run --profile smoke --jobs 1"),
        (("--only", "scaling", "laws", "--fresh"), "-P -m analysis run scaling laws --fresh"),
        (("--out", "my results", "--dry-run"), "-P -m analysis run --out my results --dry-run"),
        (("--seed=3",), "-P -m analysis run --seed=3"),
        (("--tests", "-k", "runs"), "-P -m pytest -n auto -k runs"),
    ],
)
def test_everything_else_is_handed_to_python(checkout, arguments, command):
    _call("--dry-run", script=checkout / "reproduce.sh")
    done = _call(*arguments, script=checkout / "reproduce.sh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [command]


def test_an_old_python_is_one_clear_line(checkout, tmp_path):
    shutil.rmtree(checkout / ".venv")
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python3.13", "python3.12", "python3.11", "python3.14", "python"):
        (old / name).write_text('#!/bin/sh\ncase "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac\n')
        (old / name).chmod(0o755)
    done = _call("--list", script=checkout / "reproduce.sh", PATH=f"{old}:/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["reproduce.sh: needs Python 3.11 or newer (python3 is Python 3.9.2)"]
    assert not (checkout / ".venv").exists()


def test_the_lock_is_exact_and_holds_the_pinned_torch():
    lines = [
        x for x in (toy_process.ROOT / ".ci" / "constraints.txt").read_text().splitlines() if not x.startswith("#")
    ]
    assert "torch==2.13.0" in lines
    assert all(len(x.split("==")) == 2 and "+" not in x and "@" not in x and "/" not in x for x in lines)


def test_the_list_needs_no_environment(checkout):
    """It is read from the sources, by any Python that there is."""
    shutil.rmtree(checkout / ".venv")
    shutil.copytree(toy_process.ROOT / "analysis", checkout / "analysis", ignore=shutil.ignore_patterns("__pycache__"))
    done = _call("--list", script=checkout / "reproduce.sh")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if line[0] not in " ("] == list(registry.NAMES)
    assert max(map(len, done.stdout.splitlines())) <= 100
    only = _call("--list", "--only", "scaling", script=checkout / "reproduce.sh")
    assert only.stdout.startswith("scaling ")
    assert not (checkout / ".venv").exists()


def test_a_shell_finds_the_python_of_the_environment(checkout, tmp_path):
    done = _call(
        "--shell", "python", "-m", "analysis.scaling", "--dim", "8", script=checkout / "reproduce.sh", cwd=tmp_path
    )
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "-m analysis.scaling --dim 8"
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\ncommand -v python\n")
    shell.chmod(0o755)
    done = _call("--shell", script=checkout / "reproduce.sh", SHELL=str(shell))
    assert done.stdout.splitlines() == [str(checkout / ".venv" / "bin" / "python")]
