"""Small experiments for tests of the engine; in a module of its own so that worker processes can import it.

The environment variable TOY_FOLDER names a folder where cells leave one line per execution, and where hazards keep
marks; TOY_SLEEP makes each cell of `waves` last that many milliseconds.
"""

import os
import signal
import time
from pathlib import Path

import numpy as np

from analysis.runs import Argument, Cell, Claim, Control, Experiment, Measurement, Question, main, positive_int

ALLOWED = (0.9, 1.1)


def _log(word: str) -> None:
    folder = os.environ.get("TOY_FOLDER")
    if folder:
        with open(Path(folder, "executed"), "a", encoding="utf-8") as log:
            log.write(f"{word}\n")


def _first_time(mark: str) -> bool:
    path = Path(os.environ["TOY_FOLDER"], mark)
    if path.exists():
        return False
    path.touch()
    return True


def waves(params: dict, seed: int) -> list[dict]:
    """Two rows a cell; the numbers go through BLAS, so that they would show a change of threads."""
    time.sleep(float(os.environ.get("TOY_SLEEP", "0")) / 1000)
    x = params["x"]
    draws = np.random.default_rng([seed, x]).standard_normal((64, 64))
    _log(f"waves {x}")
    product = draws @ draws.T
    return [
        {"row": 0, "trace": np.trace(product), "limit": float("inf")},
        {"row": 1, "trace": product.sum() / 3.0, "limit": float("nan")},
    ]


def plan_waves(options):
    return [Cell("waves", {"x": x}, cost=1.0 + x % 5) for x in range(options.cells)]


def decide_waves(tables, options):
    rows = tables["waves"]
    if len(rows) < 8:
        return []
    ratio = float(rows[rows.row == 0].trace.mean() / 64**2)
    controls = [
        Control("null", "identity", 1.0, 1.0),
        Control("power", "stretched", 1.13, 1.17),
    ]
    return [Measurement("Q1", ratio, ratio - 0.02, ratio + 0.02, controls)]


def waves_experiment(**changes) -> Experiment:
    fields = {
        "name": "waves",
        "summary": "traces of random matrices",
        "parts": {"waves": waves},
        "cells": plan_waves,
        "decide": decide_waves,
        "claims": (Claim("Q1", "toy", "derived here", "the trace is d^2", "trace / d^2", "1", ALLOWED),),
        "arguments": (
            Argument("--cells", type=positive_int, default=24, help="number of cells", by_profile={"smoke": 6}),
        ),
    }
    ours = {"reference": "toy_runs:WAVES", "figure_package": changes.pop("figure_package", "")}
    for name in ("name", "summary"):
        ours[name] = changes.pop(name, fields.pop(name))
    return Experiment(**ours, questions=(Question(**{**fields, **changes}),))


WAVES = waves_experiment()


def noisy(params: dict, seed: int) -> list[dict]:
    """A mean of draws with its interval; `shift` moves it for every other seed."""
    draws = np.random.default_rng([seed, params["x"]]).standard_normal(400) + 1.0 + params["shift"] * (seed % 2)
    half = 1.96 * draws.std() / 20
    _log(f"noisy {seed}")
    return [{"mean": draws.mean(), "mean_low": draws.mean() - half, "mean_high": draws.mean() + half}]


def decide_noisy(tables, options):
    row = tables["noisy"].iloc[0]
    controls = [Control("null", "truth", 0.99, 1.01), Control("power", "shifted by .35", 1.31, 1.39)]
    return [Measurement("Q2", row["mean"], row["mean_low"], row["mean_high"], controls)]


SEEDED = Experiment(
    name="seeded",
    summary="the mean of normal draws, by three seeds",
    questions=(
        Question(
            cells=lambda options: [Cell("noisy", {"x": 1, "shift": options.shift}, seeds=3)],
            parts={"noisy": noisy},
            claims=(Claim("Q2", "toy", "derived here", "the mean is 1", "mean", "1", (0.7, 1.3), seeds=3),),
            arguments=(Argument("--shift", type=float, default=0.0, help="of every other seed"),),
            decide=decide_noisy,
        ),
    ),
    reference="toy_runs:SEEDED",
)


def hazard(params: dict, seed: int) -> list[dict]:
    """A cell that fails, kills its worker once, or kills it always, as its parameters say."""
    time.sleep(0.02)
    kind, x = params["kind"], params["x"]
    _log(f"hazard {x}")
    if kind == "fails" and _first_time(f"failed-{x}"):
        raise ValueError("the first attempt fails")
    if kind == "kills once" and _first_time(f"killed-{x}"):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "kills":
        os.kill(os.getpid(), signal.SIGKILL)
    return [{"square": x * x}]


def hazards(kind: str) -> Experiment:
    return Experiment(
        name=kind.replace(" ", "_"),
        summary=f"one cell {kind}",
        questions=(
            Question(
                parts={"hazard": hazard},
                cells=lambda options: [Cell("hazard", {"x": x, "kind": kind if x == 3 else "well"}) for x in range(12)],
            ),
        ),
        reference=f"toy_runs:{kind.replace(' ', '_').upper()}",
    )


def threads(params: dict, seed: int) -> list[dict]:
    """Threads that torch and BLAS would use; torch is loaded late on purpose."""
    import threadpoolctl
    import torch

    torch.ones(64, 64) @ torch.ones(64, 64)
    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return [{"torch": torch.get_num_threads(), "largest_pool": max(pools)}]


THREADS = Experiment(
    name="threads",
    summary="threads of a worker",
    questions=(
        Question(
            parts={"threads": threads}, cells=lambda options: [Cell("threads", {"x": x}, cost=2.0) for x in range(4)]
        ),
    ),
    reference="toy_runs:THREADS",
)
FAILS, KILLS_ONCE, KILLS = hazards("fails"), hazards("kills once"), hazards("kills")


def strange(params: dict, seed: int) -> list[dict]:
    """A cell that hangs, exits, or says what cannot be written down."""
    kind = params["kind"]
    if kind == "hangs":
        time.sleep(600)
    if kind == "hangs deaf":  # as inside a library that never comes back
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(600)
    if kind == "exits":
        raise SystemExit(5)
    if kind == "surrogate error":
        raise ValueError("\udcff")
    return [{"y": "\udcff" if kind == "surrogate row" else "y"}]


def hopeless(params: dict, seed: int) -> list[dict]:
    raise ValueError("no hope")


def small(name: str, part, kinds: tuple[str, ...], **more) -> Experiment:
    """An experiment of one part with a cell for each kind, long enough for workers."""

    def cells(options):
        return [Cell(part.__name__, {"kind": kind}, cost=2.0) for kind in kinds]

    figures = more.pop("figures", ())
    question = Question(parts={part.__name__: part}, cells=cells, figures=figures, **more)
    return Experiment(name, name, (question,), reference=f"toy_runs:{name.upper()}", figure_package="toy_drawn")


KINDS = ("well", "hangs", "exits", "surrogate error", "surrogate row")
STRANGE = small("strange", strange, KINDS)
DEAF = small("deaf", strange, ("hangs deaf", "well"))
HOPELESS = small("hopeless", hopeless, ("one", "two"), show=lambda tables, options: str(tables["hopeless"].y))
DRAWN = small("drawn", strange, ("well", "also well"), figures=("toy_curve", "toy_killing"))

if __name__ == "__main__":
    raise SystemExit(main(WAVES))
