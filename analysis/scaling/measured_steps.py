"""How many steps does a measured error need? Runs of all step counts share their noise; the finest is their limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas
import torch

from analysis.metrics.fits import power_law, steps_to_reach
from analysis.metrics.intervals import Estimate
from analysis.runs import Cell, Question
from analysis.runs.experiment import Tables
from analysis.samplers import BrownianNoise, sample
from analysis.scaling import certified_steps, held_runs, price_of_steps, price_over_d
from analysis.scaling.fits import COLUMNS, fit_row
from analysis.scaling.settings import (
    ARGUMENTS,
    SIZES,
    blind_denoiser,
    make_law,
    schedule,
    selection,
    slowness,
    stream_of,
)

# step counts of the runs that share their noise; the finest takes _REFINEMENT times the largest
_STEPS = {"smoke": (8, 16), "paper": (8, 16, 32, 64, 128), "full": (8, 16, 32, 64, 128)}
# an error of first order is then 1/8 too small at the largest
_REFINEMENT = 8
# errors at which runs are compared, in the unit of the data (the laws have scale or radius 1): between those of the
# fewest and most steps
_TARGETS = (0.5, 0.2, 0.1)
_UNSEEN = 1e-9  # of R: an error that no run shows


def cells(options: Any) -> list[Cell]:
    """One cell a law, k and d, at both ends of d or in short at the largest."""
    most, size, found = max(options.ambient), SIZES[options.profile]["coupled"], []
    for law, dim, short in selection(options):
        points = size // (4 if slowness(law, dim) > 20.0 else 2) if short else size
        for ambient in (most,) if short else sorted({min(options.ambient), most}):
            found.append(_coupled(law, dim, ambient, points, options.profile))
    return found


def _coupled(law: str, dim: int, ambient: int, points: int, profile: str) -> Cell:
    counts = _STEPS[profile]
    params = {"law": law, "dim": dim, "ambient": ambient, "steps": " ".join(map(str, counts))}
    cost = 0.3 + 1.5e-6 * slowness(law, dim) * points * _REFINEMENT * counts[-1]
    return Cell("scaling_coupled", params | {"points": points}, cost=cost)


def cell_coupled(params: dict, seed: int) -> list[dict]:
    """E|P(Y_N) - P(Y_fine)| of blind runs with common start and Brownian path, P the projection onto the support.

    One row a step count. It is at least W_1, hence at least the bounded-Lipschitz distance D_X of arXiv 2602.09639,
    Corollary 3.10, between the projected laws of the two runs; no other sample is needed, so it has no floor. A bias
    that all runs share does not show: true_error.py has the distance from the truth.
    """
    law, n = make_law(params["law"], params["dim"], params["ambient"]), params["points"]
    f, stream = blind_denoiser(law), stream_of(seed, "coupled", params)
    counts = sorted(int(steps) for steps in params["steps"].split())
    fine = schedule(law, _REFINEMENT * counts[-1])
    noise = BrownianNoise(fine, stream)

    def projected(steps: int) -> torch.Tensor:
        return law.project(sample(f, law, schedule(law, steps), n, stream, noise=noise).y)

    limit = projected(fine.steps)
    rows = []
    for steps in counts:
        gap = law.space.sqnorm(projected(steps) - limit).sqrt()
        rows.append({"N": steps, "error": float(gap.mean()), "error_se": float(gap.std()) / math.sqrt(n)})
    return rows


def derive(tables: Tables, options: Any) -> Tables:
    """The steps that measured runs need; and the exponents of every question in one table."""
    return {"scaling_fits": fits(tables), "scaling_steps": measured_steps(tables["scaling_coupled"])}


def fits(tables: Tables) -> pandas.DataFrame:
    """All exponents that the tables at hand allow."""
    asked: dict[str, Callable[[pandas.DataFrame], Iterator[dict]]] = {
        "scaling_price": price_over_d.exponents,
        "scaling_certificate": certified_steps.exponents,
        "scaling_telescope": price_of_steps.exponents,
        "scaling": held_runs.exponents,
        "scaling_coupled": exponents,
    }
    found = chain.from_iterable(exponents_of(tables[name]) for name, exponents_of in asked.items() if name in tables)
    return pandas.DataFrame(list(found), columns=COLUMNS)


def measured_steps(coupled: pandas.DataFrame) -> pandas.DataFrame:
    """Steps at which the error of coupled runs falls to each target: one row a law, k, d, target."""
    rows = []
    for key, group in coupled.groupby(["law", "dim", "ambient"], sort=True):
        if len(group) < 2:
            continue
        steps, error, se = (group[c].to_numpy(float) for c in ("N", "error", "error_se"))
        # runs of a discrete set that all project onto the same points: at most the least that was seen, or nothing
        unseen, least = error <= 0, error[error > 0].min(initial=math.inf)
        error, se = (np.where(unseen, least if math.isfinite(least) else _UNSEEN, v) for v in (error, se))
        for target in _TARGETS:
            found = steps_to_reach(steps, error, target, se)
            row = {"target": target, "steps": found.value, "low": found.low, "high": found.high}
            rows.append(dict(zip(("law", "dim", "ambient"), key)) | row | {"reached": found.status})
    columns = ["law", "dim", "ambient", "target", "steps", "low", "high", "reached"]
    return pandas.DataFrame(rows, columns=columns)


def exponents(coupled: pandas.DataFrame) -> Iterator[dict]:
    """Error of coupled runs ~ N^p k^q d^r for each law; and the steps that follow, N ~ error^{1/p} k^{-q/p} d^{-r/p}.

    The interval of a ratio is that of its ends, which is conservative.
    """
    # (runs that project onto the same point of a discrete set have no error that a logarithm could be taken of)
    for law, group in coupled[coupled["error"] > 0].groupby("law", sort=True):
        columns = {
            name: group[of].to_numpy(float)
            for name, of in (("steps", "N"), ("dim", "dim"), ("ambient", "ambient"))
            if group[of].nunique() > 1
        }
        if "steps" not in columns or len(group) < len(columns) + 3:
            continue
        found = power_law(columns, group["error"].to_numpy(float))
        for name, exponent in found.items():
            yield fit_row("error of coupled runs", str(law), name, exponent, len(group))
        order = found.pop("steps")
        if order.high >= 0:  # an error that does not certainly fall needs no finite number of steps
            continue
        inverse = Estimate(-1 / order.value, -1 / order.low, -1 / order.high)
        yield fit_row("measured steps", str(law), "inverse_error", inverse, len(group))
        for name, exponent in found.items():
            ends = [-f / o for f in (exponent.low, exponent.high) for o in (order.low, order.high)]
            ratio = Estimate(-exponent.value / order.value, min(ends), max(ends))
            yield fit_row("measured steps", str(law), name, ratio, len(group))


def show(tables: Tables, options: Any) -> str:
    """The exponents of every question, with their intervals."""
    table = tables["scaling_fits"]
    if table.empty:
        return ""
    exponents = [f"{r.exponent:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in table.itertuples()]
    text = table.assign(exponent=exponents).drop(columns=["low", "high"]).to_string(index=False)
    return f"Exponents with 95 % intervals\n{text}"


QUESTION = Question(
    cells=cells,
    parts={"scaling_coupled": cell_coupled},
    derive=derive,
    show=show,
    figures=("exponents_by_law",),
    arguments=ARGUMENTS,
)
