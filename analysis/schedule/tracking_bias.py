"""By how much is the residual estimate of a blind run off, on average: -(k_eff + 1)/(2d) in the logarithm? (S3b)"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.integrators.catalogue import cases
from analysis.metrics.intervals import Estimate, from_standard_error
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.schedule.settings import measured, size
from analysis.schedule.tracking import cell_tracking

CLAIMS = (
    Claim(
        id="S3b",
        kind="sharper",
        source="derived here: E|f - y|^2 = sigma^2 (d - k_eff), and the logarithm of a chi-square mean",
        statement="the residual estimate is off by -(k_eff + 1)/(2d) in the logarithm, on average, all along a blind "
        "run",
        quantity="slope of mean log(sigma_hat/sigma_t) on -(k_eff + 1)/(2d) over laws and steps, d = 1024, "
        "k_eff = mmse/sigma^2",
        predicted="1",
        allowed=(0.75, 1.25),  # leaving out the 1 gives 1.5 for k = 2, leaving out k_eff gives 3
    ),
)
_LAWS = ("cube", "gaussian", "mixture", "product", "sphere", "torus")


def cells(options) -> list[Cell]:
    """Where the bias stands out: small d, many samples."""
    if options.profile == "smoke":
        return []
    shared = {"sigma_0": 10.0, "a": 0.5, "steps": 16, "posteriors": 400}
    shared |= {"n": 4000 * size(options.profile), "sigma_T": 0.01}
    return [
        Cell("bias", shared | {"law": law, "dim": dim, "ambient": 1024, "sabotage": "none"}, 4.0)
        for k in (2, 8)
        for law, dim in cases((k,), 1024, _LAWS)
    ]


def decide(tables, options) -> list[Measurement]:
    """The slope over all laws; every other step must give the same, and -(k_eff - 1)/(2d) another."""
    runs = tables["bias"]
    if runs.groupby(["law", "dim"]).ngroups < 6:
        return []
    small, large = runs[runs.dim == runs.dim.min()], runs[runs.dim == runs.dim.max()]
    half, bare = _slope(runs[runs.step % 2 == 0]), _slope(small, offset=-1.0)
    controls = [
        Control("null", "every other step", half.low, half.high),
        Control("power", "-(k_eff - 1)/(2d) at the smallest k", bare.low, bare.high),
    ]
    note = (
        f"smallest k alone {_slope(small).value:.3f}, largest k alone {_slope(large).value:.3f}; "
        f"laws: {', '.join(sorted(runs.law.unique()))}"
    )
    return [measured("S3b", _slope(runs), controls, note)]


def _slope(runs, offset: float = 1.0) -> Estimate:
    """Slope through 0 of the mean deviation on -(k_eff + offset)/(2d).

    The interval is by runs, since the steps of one run are dependent.
    """
    predicted, weight = -(runs.k_eff + offset) / (2.0 * runs.ambient), runs.log_ratio_se**-2.0
    sums = pd.DataFrame({"xy": weight * predicted * runs.log_ratio, "xx": weight * predicted**2})
    by_run = sums.groupby([runs.law, runs.dim, runs.ambient]).sum()
    slope = by_run.xy.sum() / by_run.xx.sum()
    scatter = ((by_run.xy - slope * by_run.xx) ** 2).sum() * len(by_run) / (len(by_run) - 1)
    return from_standard_error(slope, np.sqrt(scatter) / by_run.xx.sum(), len(by_run) - 1)


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"bias": cell_tracking}, decide=decide)
