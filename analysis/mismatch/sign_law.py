"""At which injection does plain Euler change the sign of blindness, and is it where its level does?

Below a*(h) a run of plain Euler ends under its schedule, and a blind denoiser, which reads the level that is there,
does better than one that is told the schedule; above a*(h) it does worse (theory.coefficients.sign_change_injection).
Both are run at a* - DELTA and a* + DELTA with the same start and noise; a line through the two differences of their
squared errors crosses 0 at the injection that is measured. The floor of the sliced distance is in both and drops out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

import manifolds
from analysis.mismatch.compare import squared_errors
from analysis.mismatch.settings import (
    AMBIENT,
    LAW,
    LAWS,
    SIGMA_END,
    SIGMA_START,
    columns,
    cost,
    decided,
    ends,
    farthest,
    law_of,
    listed,
    with_rows,
)
from analysis.mismatch.variants import Run, gaussian_excess, jackknife, output
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.samplers import Schedule
from analysis.theory import coefficients as theory
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["CLAIMS", "QUESTION", "cell_sign", "contradictions", "decide", "schedule_at"]

DELTA = 0.03  # the line through both ends then bends by .003 in closed form, a quarter of the allowed range

CLAIMS = (
    # a line through two points DELTA away bends by .003 in closed form; injection x 1.1 moves it by .022 and more
    Claim(
        "M7",
        "finding",
        "derived here",
        "under plain Euler the sign of blindness changes at a*(h), (1-a*)(1-h)^2 = e^{-2(1-a*)h} - a*: Gaussian data "
        "at d = 200, 2000, 20000 (h = .5, .75, 1), a cube (h = .5, 1) and a mixture (h = 1) at d = 2000, k = 4 (limit "
        "set after a pilot)",
        "injection at which the errors of blind and conditional are equal, less a*(h): the farthest from 0",
        "0",
        (-0.012, 0.012),
        seeds=3,
    ),
    # 95 % intervals of 35 cells: one may lie on the wrong side; the rival that ignores h is contradicted by three
    Claim(
        "M7b",
        "finding",
        "derived here",
        "in the phase diagram of a mixture (k = 4, seven a, five h) blindness wins below a*(h) and loses above it",
        "decided cells that lie on the other side of a*(h)",
        "0, at most one",
        (0.0, 1.5),
        wide="a count has no interval",
    ),
)

_SIZE = {"smoke": (300, 4), "paper": (2400, 6), "full": (4000, 12)}  # samples, replicates of one seed
_INJECTS = 1.1


def cells(options) -> list[Cell]:
    """Three step lengths; Gaussian data over d; two other laws; and runs that are spoilt."""
    smoke = options.profile == "smoke"
    samples, replicates = _SIZE[options.profile]
    chosen = [("gaussian", d, h, 1.0) for d in (200, 2000, 20_000) for h in (0.5, 0.75, 1.0)]
    # a mixture's error at h = .5 is all floor: nothing to see the sign of
    chosen += [("cube", 2000, 0.5, 1.0), ("cube", 2000, 1.0, 1.0), ("mixture", 2000, 1.0, 1.0)]
    chosen += [("gaussian", 2000, h, _INJECTS) for h in (0.5, 0.75, 1.0)]
    if smoke:
        chosen = [c for c in chosen if c[:3] == ("gaussian", 2000, 0.75)]
    found = []
    for law, ambient, h, injects in chosen:
        if law in options.law:
            n = samples if law == "gaussian" else samples // 3
            params = {"law": law, "ambient": ambient, "h": h, "injects": injects}
            params |= {"samples": n, "replicates": replicates}
            found.append(Cell("mismatch_sign", params, 0.7 * cost(law, n, replicates, 11 / h), 1 if smoke else 3))
    return found


def schedule_at(a: float, h: float) -> Schedule:
    """Levels of whole steps h from the first level to about the last one."""
    ratio = (1 - a) * h
    steps = max(round(math.log(SIGMA_START / SIGMA_END) / ratio), 1)
    return Schedule.from_levels(SIGMA_START * torch.exp(-ratio * torch.arange(steps + 1, dtype=torch.float64)), a)


def cell_sign(params: dict, seed: int) -> list[dict]:
    """`crossing` less a*(h), from squared errors of conditional less blind at a* - DELTA and a* + DELTA; and that of
    the closed form for isotropic Gaussian data at d -> inf, which the line bends away from 0.
    """
    law, star = law_of(params["law"], params["ambient"]), theory.sign_change_injection(params["h"])
    gaps = np.empty((params["replicates"], 2))
    for r in range(params["replicates"]):
        source = manifolds.stream(seed, "mismatch sign", params["law"], params["ambient"], params["h"], r)
        gaps[r] = [_gap(law, a, params, source) for a in (star - DELTA, star + DELTA)]
    shift = columns("shift", jackknife(_crossing, *gaps.T))
    row = {"star": star, "gap_below": gaps[:, 0].mean(), "gap_above": gaps[:, 1].mean(), **shift}
    return [row | {"shift_closed_form": _closed_form(params, star), "k": law.intrinsic_dim}]


def _runs(a: float, injects: float) -> tuple[Run, Run]:
    return Run("conditional", "euler", a, injects=injects), Run("blind", "euler", a, injects=injects)


def _gap(law: Law, a: float, params: Mapping, source: Stream) -> float:
    """Squared error of the conditional run less that of the blind one."""
    schedule = schedule_at(a, params["h"])
    found = [output(run, law, schedule, params["samples"], source) for run in _runs(a, params["injects"])]
    _, conditional, blind = squared_errors(law, found, source)
    return conditional - blind


def _crossing(below: float, above: float) -> float:
    """Where a line through (-DELTA, below) and (DELTA, above) is 0."""
    return DELTA * (below + above) / (below - above)


def _closed_form(params: Mapping, star: float) -> float:
    if params["law"] != "gaussian":
        return math.nan
    gaps = []
    for a in (star - DELTA, star + DELTA):
        levels = schedule_at(a, params["h"]).sigma.numpy()
        told, blind = (gaussian_excess(run, LAWS["gaussian"]["scale"], levels) for run in _runs(a, params["injects"]))
        gaps.append(told - blind)
    return _crossing(*gaps)


def contradictions(rows: pd.DataFrame, star) -> int:
    """Decided cells of the phase diagram on the other side of star(h)."""
    where = rows.h.map(star)
    wrong = ((rows.outcome == "wins") & (rows.a > where)) | ((rows.outcome == "loses") & (rows.a < where))
    return int(wrong.sum())


def decide(tables, options) -> list[Measurement]:
    """M7 by the law, d and h that are farthest; M7b from the phase diagram, where that is large enough."""
    found = []
    if rows := with_rows(tables, "mismatch_sign"):
        found.append(_shift(*rows))
    if rows := with_rows(tables, "mismatch_phase"):
        found.append(_phase(*rows))
    return decided(found, options)


def _shift(rows: pd.DataFrame) -> Measurement | None:
    true, spoilt = rows[rows.injects == 1], rows[rows.injects != 1]
    if not len(true) or not len(spoilt):
        return None
    bend = float(true.shift_closed_form.iloc[int(true.shift_closed_form.abs().argmax())])
    # the sabotage must be seen at every h: where it moves the crossing least counts
    least = ends(spoilt.iloc[int(spoilt["shift"].abs().argmin())], "shift")
    most = farthest(spoilt, "shift", 0.0)
    controls = [
        Control("null", "closed form, no sampling: how far the line bends", bend, bend),
        Control("power", f"injected variance x {_INJECTS:g}, the h that notices least", *least[1:]),
    ]
    names = [f"{r.law}, d = {r.ambient}, h = {r.h:g}" for r in true.itertuples()]
    note = f"farthest of the sabotage {most[0]:.3f}" if most else ""
    return every_cell(
        CLAIMS, "M7", true["shift"], true.shift_low, true.shift_high, controls, f"judged by k = 4; {note}", names
    )


def _phase(rows: pd.DataFrame) -> Measurement:
    def star(h: float) -> float:
        return theory.sign_change_injection(h) if h < 1.27 else 0.0

    count, rival = contradictions(rows, star), contradictions(rows, lambda h: 0.5)
    level = int(((rows.log_mismatch_end < 0) != (rows.a < rows.h.map(star))).sum())
    controls = [
        Control("null", "cells whose true level ends on the other side of the schedule, in closed form", level, level),
        Control("power", "a* = 1/2 at every h, its limit as h -> 0", rival, rival),
    ]
    note = f"{int((rows.outcome != 'ties').sum())} of {len(rows)} cells are decided"
    return Measurement("M7b", count, count, count, controls, note, span="number")


def show(tables, options) -> str | None:
    """The crossing of every law, d and h."""
    shown = ["law", "ambient", "h", "injects", "star", "shift", "shift_low", "shift_high", "shift_closed_form"]
    return listed(tables, "mismatch_sign", "injection at which blindness changes sign, less a*(h)", shown)


QUESTION = Question(
    cells=cells,
    parts={"mismatch_sign": cell_sign},
    claims=CLAIMS,
    arguments=(LAW, AMBIENT),
    decide=decide,
    show=show,
)
