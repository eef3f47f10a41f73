"""A folder outside the repository: somebody's own law, a module beside it, and an experiment that uses them."""

import itertools
import subprocess
import sys
from pathlib import Path

import toy_process

_numbers = itertools.count()

LAW = '''
import torch
from manifolds import Core, Posterior
from {helper} import place

class Coin(Core):
    """A fair coin at -1, 1."""

    name, intrinsic_dim, core_dim, radius, second_moment = "coin", 1, 1, 1.0, 1.0

    def __init__(self, dim=1, offset=0.0):
        self.offset = offset

    def sample(self, n, stream):
        return place() + self.offset + 2.0 * stream.integers(2, n)[:, None].double() - 1.0

    def statistics(self, u):
        return (u,)

    def posterior(self, stats, sigma, order):
        return Posterior(stats[0])

    def assemble(self, stats, coef):
        return coef

    def project(self, u):
        return u


def number(dim):
    return 3


def broken(dim):
    raise TypeError("no such thing")


VALUE = 3
'''
EXPERIMENT = """
import os
from pathlib import Path

import manifolds
from analysis.runs import Cell, Experiment, Question
from manifolds.references import cached, path


@cached(maxsize=4)
def law(name):
    return manifolds.make(name, dim=1, ambient=9)


def mean(params, seed):
    with open(Path(os.environ["TOY_FOLDER"], "executed"), "a", encoding="utf-8") as log:
        log.write(params["law"] + "\\n")
    if params["law"] == "file":
        return {"mean": len(path(Path(__file__).with_name("data.txt")).read_text())}
    if params["law"] == "none":
        return {"mean": 0}
    return {"mean": float(law(params["law"]).sample(4, manifolds.stream(seed, "x"))[:, 0].mean())}


LAWS = ("{own}:Coin", "sphere", "torus", "file", "none")
EXPERIMENT = Experiment(
    name="means",
    summary="means of laws",
    questions=(Question(parts={"means": mean}, cells=lambda options: [
        Cell("means", {"law": name, "x": x}, cost=2.0) for name in LAWS for x in range(2)
    ]),),
    reference="{experiment}:EXPERIMENT",
)
"""


class Outside:
    """A folder outside the repository with a law, what it imports, and an experiment that uses it."""

    def __init__(self, folder, log=None):
        number = next(_numbers)
        self.folder, self.log = folder / "code", log or folder / "log"
        self.names = {word: f"toy_{word}_{number}" for word in ("own", "helper", "experiment")}
        self.log.mkdir(exist_ok=True)
        self.folder.mkdir()
        self.write("own", LAW)
        self.write("helper", "def place():\n    return 0.0\n")
        self.write("experiment", EXPERIMENT)
        (self.folder / "data.txt").write_text("data")

    def write(self, word, text):
        for other, name in self.names.items():
            text = text.replace("{" + other + "}", name)
        (self.folder / f"{self.names[word]}.py").write_text(text)

    def run(self, out, *arguments, script="", cwd=None):
        """Runs the experiment in the folder; returns the laws of the cells that were computed."""
        name = self.names["experiment"]
        code = (
            f"import sys; sys.path.append('.'); from analysis.runs import main; from {name} import EXPERIMENT; {script}"
        )
        code += "sys.exit(main(EXPERIMENT))"
        before = len(toy_process.executed(self.log))
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, "--out", str(out), *arguments],
            env=toy_process.environment(self.log), cwd=cwd or self.folder,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return sorted(toy_process.executed(self.log)[before:])

    def means(self, out):
        lines = (Path(out) / "tables" / "means.csv").read_text().splitlines()[1:]
        return {line.split(",")[0]: float(line.split(",")[2]) for line in lines}
