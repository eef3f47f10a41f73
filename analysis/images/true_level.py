"""Does the noise on a sample fall below the noise that the schedule says, along runs of a trained conditional network?

An estimator that shares nothing with the denoiser reads the level of every point of a run, beside the run's own outputs
with noise of known level: what is left is no bias of the estimator, nor one of images that a network has drawn. A shift
has two causes. The coefficients: in directions normal to the data the variance obeys v+ = c^2 v + eta^2 whatever the
denoiser, and VE-DDPM, exponential Euler and DDIM have eta^2 = sigma_+^2 - c^2 sigma^2: none. And the network, by the
radial error of its one-shot denoising (`analysis.images.radial`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas

from analysis.images.quality import BLOCKS, quantile
from analysis.images.real import DIGITS
from analysis.images.sampling import cell_samples
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.training.intervals import Interval

_PAPER = "arXiv 2602.09639"

CLAIMS = (
    # -.05: a shift that would be seen in figure 9, and twice what the estimator's calibration can hide
    Claim(
        id="I6",
        kind="paper",
        source=f"{_PAPER}, figure 9 and the abstract's last sentence",
        statement="the true noise level along a VE-DDPM run of a trained conditional network falls below the scheduled "
        "one by 5 % or more: handwritten digits, the level read against the run's own outputs with noise of known "
        "level",
        quantity="least log(true/scheduled) over the 28 levels from 4 to .05 after the start, read by an estimator "
        "(chosen after a pilot), simultaneous interval; MNIST 14 x 14, U-Net",
        predicted="<= -.05 if the paper's reason holds; 0 by the coefficients",
        allowed=(float("-inf"), -0.05),
        expected="violated",
        wide="its null is a level 10 % off, twice the limit",
    ),
    # .03: half of the shift that DDIM had in a pilot with other networks
    Claim(
        id="M9",
        kind="finding",
        source="derived here (docstring of analysis/images/radial.py)",
        statement="what is left of the shift under coefficients that keep the level is the network's: v+ = c^2 v + "
        "eta^2 + 2 c (1 - c) tau sigma^2 with the radial error tau of one-shot denoising gives it to 3 %, "
        "the level read against the run's own outputs with noise of known level (limit set after a pilot)",
        quantity="largest |log(true level read/level of the formula)| over 28 levels of VE-DDPM, exponential Euler "
        "(a = .2) and DDIM; a conditional U-Net on MNIST 14 x 14",
        predicted="<= .03",
        allowed=(float("-inf"), 0.03),
        expected="violated",
        revised=Revision(
            was="the same, registered as holds",
            why="the first run found .06 at the least level, and its sabotage, 5 % above, lay more than two limits off",
        ),
    ),
)


# -- verdicts -----------------------------------------------------------------------------------------------------


def _at(rows: pandas.DataFrame, measure: str, series: str = "") -> pandas.DataFrame:
    found = rows[(rows.measure == measure) & (rows.series == series)].sort_values("level", ascending=False)
    return found.set_index("level")[["value", "se"]].iloc[1:]  # the start is drawn at its level


def _least(rows: pandas.DataFrame) -> Interval:
    z = quantile(BLOCKS, len(rows))
    return float(rows.value.min()), float((rows.value - z * rows.se).min()), float((rows.value + z * rows.se).min())


def _largest(rows: pandas.DataFrame) -> Interval:
    z, size = quantile(BLOCKS, len(rows)), rows.value.abs()
    return float(size.max()), float((size - z * rows.se).max()), float((size + z * rows.se).max())


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """I6 and M9, of the conditional network on the digits; a smoke run trains too little."""
    table = tables["image_samples"]
    table = table[(table.images == DIGITS) & (table.kind == "conditional")]
    rows = table[table.training == table.training.min()] if len(table) else table
    if options.profile == "smoke" or not len(rows[rows.measure == "shift"]):
        return []
    known = {name: _at(rows, name) for name in ("known", "known below", "known above")}
    ancestral = "ancestral a=0.5 N=28"
    read, raw = _at(rows, "shift", ancestral), _at(rows, "reading", ancestral)
    controls = [
        Control("null", "held-out digits with noise 10 % below the level", *_least(known["known below"])[1:]),
        Control("power", "held-out digits with noise of the level", *_least(known["known"])[1:]),
    ]
    note = f"at sigma = {read.value.idxmin():.3g}; at the end {read.value.iloc[-1]:+.3f}; with the estimator's bias on "
    note += f"photographed digits in place of the run's own {raw.value.min():+.3f} to {raw.value.max():+.3f}"
    found = [Measurement("I6", *_least(read), controls=controls, note=note)]

    gaps, names = [], ("ancestral a=0.5 N=28", "exponential_euler a=0.2 N=28", "ddim a=0 N=28")
    for name in names:
        read, formula = _at(rows, "shift", name), _at(rows, "formula", name)
        gap = pandas.DataFrame({"value": read.value - formula.value, "se": np.hypot(read.se, formula.se)})
        gaps.append(gap.assign(run=name, formula=formula.value))
    every = pandas.concat(gaps)
    controls = [
        Control("null", "held-out digits with noise of the level", *_largest(known["known"])[1:]),
        Control("power", "held-out digits with noise 4 % above the level", *_largest(known["known above"])[1:]),
    ]
    worst = every.iloc[int(every.value.abs().to_numpy().argmax())]
    note = f"{worst.run} at sigma = {worst.name:.3g}; the formula's shifts: " + ", ".join(
        f"{name} {gap.formula.min():+.3f} to {gap.formula.max():+.3f}" for name, gap in zip(names, gaps, strict=True)
    )
    return [*found, Measurement("M9", *_largest(every), controls=controls, note=note)]


def cells(options: Any) -> Sequence[Cell]:
    """None: read along the runs of `analysis.images.factorial`."""
    return []


QUESTION = Question(
    cells=cells,
    parts={"image_samples": cell_samples},
    claims=CLAIMS,
    decide=decide,
    figures=("sample_levels",),
)
