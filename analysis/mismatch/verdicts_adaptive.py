"""Measurements of the claims about the adaptive scheme and about the loose ends; every control is a row that a cell computed."""

from __future__ import annotations

import pandas as pd

from analysis.mismatch.claims import NARROW_AT
from analysis.mismatch.intervals import ends, farthest
from analysis.runs import Control, Measurement

__all__ = ["bias", "level_shift", "level_variance", "start", "step_counts", "stop", "truncated"]


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    """The row of the last time of each run."""
    return rows.loc[rows.groupby(["ambient", "dim", "a", "scheme", "predict"]).t.idxmax()]


def level_variance(rows: pd.DataFrame) -> Measurement | None:
    last = _last(rows)
    large = last[last.ambient == last.ambient.max()]
    kinds = (("adaptive", "adaptive"), ("scheduled", "scheduled"), ("scheduled", "adaptive"))  # (run, prediction)
    parts = [large[(large.scheme == run) & (large.predict == predict)] for run, predict in kinds]
    measured, null, power = (farthest(part, "variance_ratio", 1.0) for part in parts)
    if measured is None or null is None or power is None:
        return None
    controls = [
        Control("null", "scheduled noise against 1/(2d)", *null[1:]),
        Control("power", "scheduled noise against the adaptive prediction", *power[1:]),
    ]
    return Measurement("A1", *measured, controls)


def level_shift(rows: pd.DataFrame) -> Measurement | None:
    last = _last(rows)
    small = last[(last.ambient == last.ambient.min()) & (last.predict == "adaptive")].copy()
    for end in ("", "_low", "_high"):
        small[f"ratio{end}"] = small[f"shift{end}"] / small.shift_predicted
        small[f"ito{end}"] = small[f"shift{end}"] / small.shift_ito
    # both shifts are negative: the ends change places
    small = small.rename(
        columns={"ratio_low": "ratio_high", "ratio_high": "ratio_low", "ito_low": "ito_high", "ito_high": "ito_low"}
    )
    adaptive, corrected = (
        small[(small.scheme == "adaptive") & (small.dim == 4)],
        small[(small.scheme == "adaptive") & (small.dim == 1)],
    )
    measured, null, power = (
        farthest(adaptive, "ratio", 1.0),
        farthest(corrected, "ratio", 1.0),
        farthest(small[small.scheme == "scheduled"], "ratio", 1.0),
    )
    if measured is None or null is None or power is None:
        return None
    controls = [
        Control("null", "k = 1, where the residual is nearly unbiased", *null[1:]),
        Control("power", "scheduled noise against the adaptive prediction", *power[1:]),
    ]
    return Measurement(
        "A1b", *measured, controls, f"over -2at/d alone: {farthest(adaptive, 'ito', 1.0)[0]:.2f} at k = 4"
    )


def start(rows: pd.DataFrame) -> Measurement | None:
    right = rows[(rows.scheme == rows.predict) & (rows.factor != 1)]
    measured, null = (
        farthest(right, "deviation", 0.0),
        farthest(rows[(rows.scheme == rows.predict) & (rows.factor == 1)], "deviation", 0.0),
    )
    crossed = rows[(rows.scheme != rows.predict) & (rows.factor != 1)]
    if measured is None or null is None or not len(crossed):
        return None
    least = crossed.loc[crossed.deviation.abs().idxmin()]
    controls = [
        Control("null", "a start at the right level", *null[1:]),
        Control("power", "one scheme against the prediction of the other", *ends(least, "deviation")[1:]),
    ]
    return Measurement("A2", *measured, controls)


def stop(rows: pd.DataFrame) -> Measurement | None:
    by_d = {int(d): ends(row, "ratio") for d, row in rows.set_index("ambient").iterrows()}
    if NARROW_AT not in by_d or len(by_d) < 3:
        return None
    controls = [
        Control("null", f"d = {min(by_d)}", *by_d[min(by_d)][1:]),
        Control("power", f"d = {max(by_d)}, above the crossover", *by_d[max(by_d)][1:]),
    ]
    note = f"crossover predicted at d = {rows.narrows_below_d.iloc[0]:.0f}; ratios " + ", ".join(
        f"{d}: {v[0]:.3g}" for d, v in sorted(by_d.items())
    )
    return Measurement("A3", *by_d[NARROW_AT], controls, note)


def bias(rows: pd.DataFrame) -> Measurement | None:
    static = rows[rows.kind == "static"].copy()
    residual, corrected = static[static.estimator == "residual"].copy(), static[static.estimator != "residual"]
    if not len(residual) or not len(corrected):
        return None
    power = farthest(residual, "ratio", 1.0)
    for end in ("", "_low", "_high"):
        residual[f"ratio{end}"] /= residual.predicted
    controls = [
        Control(
            "null", "the uncorrected estimate over its exact mean 1 - k_eff/d", *farthest(residual, "ratio", 1.0)[1:]
        ),
        Control("power", "the uncorrected estimate", *power[1:]),
    ]
    runs = rows[rows.kind == "run"].set_index("estimator")
    note = "true over nominal level after an adaptive run: " + ", ".join(
        f"{e} {r.ratio:.3f} (predicted {r.predicted:.3f})" for e, r in runs.iterrows()
    )
    return Measurement("A4", *farthest(corrected, "ratio", 1.0), controls, note)


def step_counts(rows: pd.DataFrame) -> Measurement | None:
    by = rows.set_index("variant")
    if not {"squared", "beta_constant", "unsquared"} <= set(by.index):
        return None
    steps = {name: tuple(float(row[f"steps_{end}"]) for end in ("mean", "low", "high")) for name, row in by.iterrows()}
    recursion = float(by.loc["squared", "steps_recursion"])
    controls = [
        Control("null", "the recursion of the variance, no sampling", recursion, recursion),
        Control("power", "beta = .2 in place of a = .2", *steps["beta_constant"][1:]),
        Control("power", "a_t = a sigma_hat, which has a fixed point", *steps["unsquared"][1:]),
    ]
    fixed = by.loc["unsquared"]
    note = f"beta = .2: {steps['beta_constant'][0]:.1f} steps; unsquared: {fixed.run_status} at level {fixed.level_end:.3f}, fixed point {fixed.fixed_point:.3f}"
    return Measurement("K2", *steps["squared"], controls, note)


def truncated(rows: pd.DataFrame) -> Measurement | None:
    by = {high: ends(row, "ratio") for high, row in rows.set_index("prior_high").iterrows()}
    if not {0.3, 3.0, 4.0} <= set(by):
        return None
    controls = [Control("null", "trained to 4", *by[4.0][1:]), Control("power", "trained to .3", *by[0.3][1:])]
    return Measurement("K3", *by[3.0], controls)
