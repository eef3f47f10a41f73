"""How many steps does a measured error need? Runs of all step counts share their noise; the finest is their limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pandas
import torch

from analysis.metrics.fits import power_law, steps_to_reach
from analysis.metrics.intervals import Estimate
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.experiment import Tables
from analysis.samplers import BrownianNoise, sample
from analysis.scaling import certified_steps, held_runs, price_of_steps, price_over_d
from analysis.scaling.fits import COLUMNS, control, fit, fit_names, fit_row, fit_rows
from analysis.scaling.settings import (
    ARGUMENTS,
    PAPER,
    SIGMA_END,
    SIGMA_START,
    SIZES,
    A,
    blind_denoiser,
    make_law,
    schedule,
    selection,
    slowness,
    stream_of,
)
from analysis.theory.coefficients import exponential_euler
from analysis.theory.gaussian_run import run_variances
from analysis.theory.grid import constant_levels

# step counts of the runs that share their noise; the finest takes _REFINEMENT times the largest
_STEPS = {"smoke": (8, 16, 32), "paper": (8, 16, 32, 64, 128), "full": (8, 16, 32, 64, 128)}
# an error of first order is then 1/8 too small at the largest
_REFINEMENT = 8
# errors at which runs are compared, in the unit of the data (the laws have scale or radius 1): between those of the
# fewest and most steps
_TARGETS = (0.5, 0.2, 0.1)
# the exact error has no noise, and takes more of them
_EXACT_TARGETS = (0.1, 0.07, 0.05, 0.035, 0.025, 0.018, 0.0125)

CLAIMS = (
    Claim(
        "R1",
        "paper",
        f"{PAPER}, Cor 3.10",
        "steps to reach an error are polynomial: exponent at most 2 in k and in 1/error",
        "largest exponent in k or 1/error of the steps of coupled runs, error E|P(Y_N) - P(Y_fine)| >= D_X, over laws",
        "<= 2",
        (-math.inf, 2.0),
    ),
)


def cells(options: Any) -> list[Cell]:
    """One cell a law, k and d, at both ends of d or in short at the largest; and a sabotaged Gaussian."""
    most, size, found = max(options.ambient), SIZES[options.profile]["coupled"], []
    for law, dim, short in selection(options):
        points = size // (4 if slowness(law, dim) > 20.0 else 2) if short else size
        for ambient in (most,) if short else sorted({min(options.ambient), most}):
            found.append(_coupled(law, dim, ambient, points, options.profile))
    if "gaussian" in options.law:
        found.append(_coupled("gaussian", min(options.dim), most, size, options.profile, scale=0.8))
    return found


def _coupled(law: str, dim: int, ambient: int, points: int, profile: str, scale: float = 1.0) -> Cell:
    counts = _STEPS[profile]
    params = {"law": law, "dim": dim, "ambient": ambient, "steps": " ".join(map(str, counts))}
    cost = 0.3 + 1.5e-6 * slowness(law, dim) * points * _REFINEMENT * counts[-1]
    return Cell("scaling_coupled", params | {"points": points, "scale": scale}, cost=cost)


def cell_coupled(params: dict, seed: int) -> list[dict]:
    """E|P(Y_N) - P(Y_fine)| of blind runs with common start and Brownian path, P the projection onto the support.

    One row a step count. It is at least W_1, hence at least the bounded-Lipschitz distance D_X of arXiv 2602.09639,
    Corollary 3.10, between the projected laws of the two runs; no other sample is needed, so it has no floor. `scale`
    multiplies the denoiser of all runs but the finest (a sabotage: an error that does not fall with the steps).
    """
    law, n = make_law(params["law"], params["dim"], params["ambient"]), params["points"]
    f, stream = blind_denoiser(law), stream_of(seed, "coupled", params)
    counts = sorted(int(steps) for steps in params["steps"].split())
    fine = schedule(law, _REFINEMENT * counts[-1])
    noise = BrownianNoise(fine, stream)

    def projected(denoiser: Callable, steps: int) -> torch.Tensor:
        return law.project(sample(denoiser, law, schedule(law, steps), n, stream, noise=noise).y)

    limit = projected(f, fine.steps)
    rows = []
    for steps in counts:
        gap = law.space.sqnorm(projected(lambda y: params["scale"] * f(y), steps) - limit).sqrt()
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
    for key, group in coupled[coupled["scale"] == 1.0].groupby(["law", "dim", "ambient"], sort=True):
        if len(group) < 2:
            continue
        steps, error, se = (group[c].to_numpy(float) for c in ("N", "error", "error_se"))
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
    for law, group in coupled[(coupled["scale"] == 1.0) & (coupled["error"] > 0)].groupby("law", sort=True):
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
    null = "steps of the exact Gaussian recursion (null)"
    yield from fit_rows(_exact_steps(coupled), null, "steps", "inverse_error", ["dim"])


def _exact_steps(runs: pandas.DataFrame) -> pandas.DataFrame:
    """Steps at which the exact error of a unit Gaussian falls to each target (a fixed law: k does not enter)."""
    grid = [4 * 2**j for j in range(10)]
    errors = [_exact_error(steps) for steps in grid]
    found = {target: steps_to_reach(grid, errors, target).value for target in _EXACT_TARGETS}
    rows = [
        {"law": "gaussian", "dim": dim, "inverse_error": 1 / target, "steps": steps}
        for dim in sorted(set(runs["dim"]))
        for target, steps in found.items()
    ]
    return pandas.DataFrame(rows)


def _exact_error(steps: int) -> float:
    """Sliced W2 of a Gaussian run, the level read without error, from p_{sigma_T}: the gap of standard deviations."""
    levels = constant_levels(SIGMA_START, SIGMA_END, steps)
    c, eta = exponential_euler(levels, A)
    tangential, _ = run_variances(c, eta, levels, 1.0, told="true")
    return abs(math.sqrt(tangential[-1]) - math.hypot(1.0, SIGMA_END))


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """R1; none without the sabotage, which is Gaussian, or with one k alone."""
    coupled, steps = tables["scaling_coupled"], fit(tables, "measured steps")
    table = steps[steps["against"].isin(["dim", "inverse_error"])]
    if "dim" not in set(table["against"]) or not (coupled["scale"] != 1.0).any():
        return []
    # an error that stays above every target however many steps are taken needs infinitely many
    sabotaged = coupled[coupled["scale"] != 1.0]
    never = math.inf if (sabotaged["error"] > max(_TARGETS)).all() else 0.0
    exact = fit(tables, "steps of the exact Gaussian recursion (null)", "inverse_error")
    controls = [
        control("null", "exact variance recursion, Gaussian", exact["low"], exact["high"]),
        Control("power", "a denoiser scaled by 0.8, which never reaches the errors", never, never),
    ]
    in_error, in_k, in_d = (
        ", ".join(f"{r.law} {r.exponent:.2f}" for r in steps[steps["against"] == against].itertuples())
        for against in ("inverse_error", "dim", "ambient")
    )
    note = f"in 1/error: {in_error}; in k: {in_k}; in d: {in_d}"
    value, low, high = (table[column] for column in ("exponent", "low", "high"))
    # of the exponents, the bound's over the largest that was measured
    looser = 2.0 / float(value.max())
    return [every_cell(CLAIMS, "R1", value, low, high, controls, note, fit_names(table), looser_by=looser)]


def show(tables: Tables, options: Any) -> str:
    """The exponents of every question, with their intervals."""
    table = tables["scaling_fits"]
    if table.empty:
        return ""
    exponents = [f"{r.exponent:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in table.itertuples()]
    text = table.assign(exponent=exponents).drop(columns=["low", "high"]).to_string(index=False)
    return f"Exponents with 95 % intervals\n{text}"


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"scaling_coupled": cell_coupled},
    derive=derive,
    decide=decide,
    show=show,
    figures=("exponents_by_law",),
    arguments=ARGUMENTS,
)
