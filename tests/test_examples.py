"""The gallery of examples runs, says what its readers are told, and is a target of the command lines that it names."""

import importlib
import pkgutil
import re

import house
import pytest

from analysis import examples
from analysis.certify import command
from analysis.examples import data, network, sampler
from analysis.plan import command as plan_command
from analysis.runs import main as scaling_main
from analysis.scaling import EXPERIMENT

SAID = {
    "law": [r"share at -1, 0, 1: 0\.2\d 0\.[45]\d 0\.2\d"],
    "network": [r"no finding", r"1 finding\n  wrong_prediction_type"],
    "sampler": [r"level_not_kept", r"grow as d\^inf"],
    "data": [r"no finding", r"cannot be known"],
    "steps": [r"D_X = -?0\.[012]"],
}


def test_every_example_is_listed_and_tested():
    names = sorted(info.name for info in pkgutil.iter_modules(examples.__path__))
    assert names == sorted(SAID)
    assert all(re.search(rf"^{name} ", examples.__doc__, flags=re.M) for name in names)


@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(name, capsys):
    importlib.import_module(f"analysis.examples.{name}").main()
    out = capsys.readouterr().out
    for words in SAID[name]:
        assert re.search(words, out), out


@pytest.mark.parametrize(
    ("name", "status"),
    [("network", 0), ("sampler", 1), ("data", 0)],
)
def test_the_command_line_that_it_names_works(name, status, capsys):
    doc = importlib.import_module(f"analysis.examples.{name}").__doc__
    words = " ".join(re.search(r"`python -m analysis\.certify (.*?)`", doc, flags=re.S).group(1).split()).split()
    extra = [] if name == "sampler" else ["--points", "64", "--levels", "4", "--no-runs"]
    assert command.main([*words, *extra]) == status, capsys.readouterr().out


README = (house.ROOT / "README.md").read_text().split("## Your own denoiser, sampler, data, law")[1].split("\n## ")[0]
COMMANDS = re.findall(r"^python -m analysis\.(\w+) (.*)$", README, flags=re.M)


def test_every_path_of_the_readme_is_one_that_is_tried_here():
    """A network, data, a sampler: above; a law and a package: tests/test_install.py; a plan: tests/test_plan.py."""
    assert [name for name, _ in COMMANDS] == ["scaling", "certify", "certify", "certify", "plan"]
    for name, words in COMMANDS:
        if name == "scaling":
            assert scaling_main(EXPERIMENT, [*words.split(), "--dry-run"]) == 0
        else:
            (command if name == "certify" else plan_command)._parser().parse_args(words.split())
    documented = [
        re.search(r"`python -m analysis\.certify (.*?)`", m.__doc__, flags=re.S) for m in (network, data, sampler)
    ]
    said = [" ".join(found.group(1).split()) for found in documented if found]
    assert said[0] == COMMANDS[1][1] and said[1] == COMMANDS[2][1]
