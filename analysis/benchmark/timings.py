"""What do blindness, dimension, worker processes and neighbours' ways cost? Ratios within one run, and no verdict."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import manifolds
from analysis.benchmark.costs import batch_rows, copy_rows, loop_rows, start_rows
from analysis.benchmark.functions import (
    LAWS,
    PRIOR,
    atoms_rows,
    blind_over_conditional,
    over_ambient_dimensions,
    sliced_rows,
)
from analysis.benchmark.programs import experiment_rows, jobs_rows, memory_rows
from analysis.runs import Cell, Question
from analysis.runs.experiment import Tables
from analysis.runs.manifest import machine, versions
from analysis.runs.worker import one_thread
from manifolds.denoisers import BlindDenoiser, NoisePrior

SIZES = {
    "smoke": {
        "laws": ("gaussian",),
        "points": 300,
        "dense": 300,
        "loops": (),
        "repeats": 1,
        "atoms": (1000,),
        "grid_points": 5,
        "cells": 0,
        "programs": (),
    },
    "paper": {
        "laws": LAWS,
        "points": 4000,
        "dense": 10_000,
        "loops": LAWS,
        "repeats": 3,
        "atoms": (1000, 10000),
        "grid_points": 200,
        "cells": 48,
        "programs": ("smoke",),
    },
    "full": {
        "laws": LAWS,
        "points": 4000,
        "dense": 10_000,
        "loops": LAWS,
        "repeats": 15,
        "atoms": (1000, 10000),
        "grid_points": 1000,
        "cells": 48,
        "programs": ("smoke", "paper"),
    },
}
REFERENCE = "analysis.benchmark:EXPERIMENT"  # where workers find the units of work that they are timed on


def cells(options: Any) -> list[Cell]:
    """One cell: timings must not disturb each other. It is stored like any other; --fresh measures again."""
    return [
        Cell(
            "benchmark",
            {"profile": options.profile},
            cost={"smoke": 5.0, "paper": 180.0, "full": 550.0}[options.profile],
        )
    ]


def cell_benchmark(params: dict, seed: int) -> list[dict]:
    """All measurements, one after the other, with the machine that they were taken on in every row; in a process of
    their own: what a process has done before leaves memory behind that makes some of them faster and others slower."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measure, SIZES[params["profile"]], seed).result()


def _measure(size: dict, seed: int) -> list[dict]:
    from joblib.externals.loky import get_reusable_executor

    with one_thread():
        rows = _rows(size, seed)
    get_reusable_executor().shutdown()  # or this process would wait for its idle workers
    return rows


def _rows(size: dict, seed: int) -> list[dict]:
    points, repeats = size["points"], size["repeats"]
    # first: one job is this process itself, and reuses the memory that earlier work has left behind, which workers do
    # not (a smoke run has no time for a series that is long against the start of its workers)
    rows = (
        jobs_rows(REFERENCE, "benchmark_unit", "benchmark_bare", size["cells"], max(repeats // 2, 1))
        if size["cells"]
        else []
    )
    rows += blind_over_conditional(size["laws"], points, repeats, seed)
    rows += over_ambient_dimensions(size["laws"], points, repeats, seed)
    rows += atoms_rows(size["atoms"], min(points, 1000), repeats, size["grid_points"], seed)
    rows += sliced_rows(points, repeats, seed)
    rows += copy_rows(size["laws"], size["dense"], repeats, seed)
    if size["loops"]:
        rows += batch_rows(repeats, seed) + loop_rows(size["loops"], repeats, seed) + start_rows(repeats)
    rows += memory_rows()
    if size["programs"]:
        rows += experiment_rows(size["programs"], max(repeats // 3, 2))
    where, used = machine(), versions()
    described = {"cpu": where["cpu"], "cores": where["cores"], "torch": used.get("torch"), "python": used.get("python")}
    return [{"milliseconds": None, **row, **described} for row in rows]


def cell_unit(params: dict, seed: int) -> list[dict]:
    """A fraction of a second of typical work, for measuring cells a second; no plan holds it."""
    law = manifolds.make("mixture", dim=8, ambient=10**6, reduced=True)
    source = manifolds.stream(seed, "benchmark unit")
    y = law.add_noise(law.sample(20000, source), 0.3, source)
    f = BlindDenoiser(law, NoisePrior.power(*PRIOR))
    return [{"sum": sum(float(f(y).sum()) for _ in range(5))}]


def cell_bare(params: dict, seed: int) -> list[dict]:
    """As long a piece of plain arithmetic, without libraries or memory; no plan holds it."""
    total = 0
    for i in range(1_500_000):
        total += i
    return [{"sum": total}]


def show(tables: Tables, options: Any) -> str:
    """The table, with targets."""
    rows = tables["benchmark"]
    lines = [
        f"{rows.cpu.iloc[0]}, {rows.cores.iloc[0]} cores, torch {rows.torch.iloc[0]}; min, median, max over repeats"
    ]
    for row in rows.itertuples():
        target = (
            f"<= {row.at_most:g}" if row.at_most < float("inf") else f">= {row.at_least:g}" if row.at_least > 0 else ""
        )
        lines.append(
            f"{row.subject:28s} {row.case:48s} {row.low:9.3g} {row.median:9.3g} {row.high:9.3g} {row.unit:24s} {target}"
        )
    return "\n".join(lines)


QUESTION = Question(
    cells=cells,
    parts={"benchmark": cell_benchmark, "benchmark_unit": cell_unit, "benchmark_bare": cell_bare},
    figures=("benchmark",),
    show=show,
)
