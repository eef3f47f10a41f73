"""From tables to measurements: one function a claim. Every control is a row that a cell computed."""

from __future__ import annotations

import pandas as pd

from analysis.mismatch import verdicts_adaptive as adaptive
from analysis.mismatch.claims import LEAST_RATIO
from analysis.mismatch.intervals import ends, farthest
from analysis.runs import Control, Measurement

__all__ = ["decide"]

SMOKE = ("M2", "M4", "A2", "A3", "A4", "K2")
COARSE = (0.25, 0.5, 2.0, 4.0)  # factors that M1 is judged on


def decide(tables, options) -> list[Measurement]:
    """The measurements that the selection allows; of a smoke run only those that its small samples can decide."""
    found = []
    for table, functions in _RULES.items():
        rows = [tables.get(name) for name in table.split()]
        if all(part is not None and len(part) for part in rows):
            found += [m for m in (f(*rows) for f in functions) if m is not None]
    return [m for m in found if options.profile != "smoke" or m.claim in SMOKE]


def _argument(rows: pd.DataFrame, trained: pd.DataFrame) -> Measurement | None:
    """M1 from the exact denoisers (`mismatch_argument`) and the trained ones with their exact counterparts (`mismatch_trained`)."""
    rows = pd.concat([rows.assign(denoiser="exact"), trained], ignore_index=True)
    wrong = rows[rows.factor.isin(COARSE)].copy()
    for name in ("excess", "excess_low", "excess_high", "expected_excess"):
        wrong[name] /= wrong.mmse
    told, shifted = wrong[wrong.arm == "conditional"], wrong[wrong.arm == "shifted"]
    kinds = [told[told.denoiser == kind] for kind in ("exact", "trained")]
    if not all(map(len, kinds)) or not len(shifted):
        return None
    least = [part.loc[part.excess_low.idxmin()] for part in kinds]
    worst = min(least, key=lambda row: row.excess_low)
    # the sabotage must be seen for every law and level, exact and trained: its best-looking case counts
    seen = shifted.loc[shifted.groupby(["denoiser", "law", "sigma"]).excess.idxmin()]
    hidden = seen.loc[seen.excess_high.idxmax()]
    truth = float(told.expected_excess.min())
    controls = [
        Control("null", "E|f_told - f_true|^2, without the clean x", truth, truth),
        Control("power", "a denoiser that reads its argument as twice too large", *ends(hidden, "excess")[1:]),
    ]
    note = "; ".join(
        f"{row.denoiser}: {row.excess:.2g}, {row.law}, sigma = {row.sigma:g}, factor {row.factor:g}" for row in least
    )
    return Measurement("M1", *ends(worst, "excess"), controls, note)


def _levels(rows: pd.DataFrame) -> Measurement | None:
    rows = rows.assign(
        relative_low=rows.relative - 1.96 * rows.relative_se, relative_high=rows.relative + 1.96 * rows.relative_se
    )
    clean, broken = rows[~rows.sabotage], rows[rows.sabotage]
    kept = clean[clean.integrator != "euler"].copy()
    for name in ("relative", "relative_low", "relative_high"):
        kept[name] *= kept.predicted / kept.scheduled
    measured, null, power = (
        farthest(clean, "relative", 1.0),
        farthest(kept, "relative", 1.0),
        farthest(broken, "relative", 1.0),
    )
    if measured is None or null is None or power is None:
        return None
    controls = [
        Control("null", "measured over scheduled level, coefficients that keep it", *null[1:]),
        Control("power", "a denoiser that leaves 2 % of the noise in", *power[1:]),
    ]
    last = (
        clean[(clean.integrator == "euler") & (clean.a == 0)]
        .groupby("grid")
        .apply(lambda g: (g.measured / g.scheduled).iloc[-1], include_groups=False)
    )
    note = "plain Euler, a = 0, true over scheduled level at the end: " + ", ".join(
        f"{grid} {v:.3f}" for grid, v in last.items()
    )
    return Measurement("M2", *measured, controls, note)


def _headline(rows: pd.DataFrame, integrator: str, arm: str) -> pd.DataFrame:
    """Rows at a = 0, geometric grid, 25 steps, each law in the dimension of most of its rows."""
    chosen = (rows.a == 0) & (rows.grid == "geometric") & (rows.steps == 25) & (rows.ambient == _usual(rows))
    return rows[chosen & (rows.integrator == integrator) & (rows.arm == arm)]


def _usual(rows: pd.DataFrame) -> pd.Series:
    """The dimension of most rows of a row's law: images have their own, and one law is run in a second one too."""
    return rows.groupby("law").ambient.transform(lambda of_law: of_law.mode()[0])


def _count(rows: pd.DataFrame, name: str) -> tuple[int, int, int]:
    """Laws on which a ratio is at least 2: by its estimate, by its lower and by its upper end."""
    return tuple(int((rows[name + end] >= LEAST_RATIO).sum()) for end in ("", "_low", "_high"))


def _blind_beats_conditional(rows: pd.DataFrame) -> Measurement | None:
    conditional, informed = _headline(rows, "euler", "conditional"), _headline(rows, "euler", "informed")
    consistent = _headline(rows, "exponential_euler", "conditional")
    if len(conditional) < 4 or len(consistent) < 4:
        return None
    controls = [
        Control(
            "null",
            "a conditional denoiser told the true level in place of the blind one",
            *_count(informed, "conditional_over_own")[1:],
        ),
        Control("power", "exponential Euler, whose coefficients keep the level", *_count(consistent, "ratio")[1:]),
    ]
    listed = ", ".join(f"{r.law} {r.ratio:.2f}" for r in conditional.sort_values("ratio", ascending=False).itertuples())
    return Measurement("M3", *_count(conditional, "ratio"), controls, f"conditional/blind error: {listed}")


def _price(rows: pd.DataFrame) -> Measurement | None:
    kept = farthest(rows[rows.consistent & (rows.arm == "conditional")], "over_price", 0.0)
    informed, power = _headline(rows, "euler", "informed"), _headline(rows, "euler", "conditional")
    null, power = farthest(informed, "over_price", 0.0), farthest(power, "over_price", 0.0)
    if kept is None or null is None or power is None:
        return None
    controls = [
        Control("null", "plain Euler, conditional denoiser told the true level", *null[1:]),
        Control("power", "plain Euler, a = 0, conditional denoiser told the schedule", *power[1:]),
    ]
    return Measurement("M4", *kept, controls)


def _share(rows: pd.DataFrame) -> Measurement | None:
    informed, conditional = _headline(rows, "euler", "informed"), _headline(rows, "euler", "conditional")
    gaps = set(conditional[conditional.ratio_low >= 1.5].law)
    measured = farthest(informed[informed.law.isin(gaps)], "remaining_share", 0.0)
    other = rows[(rows.ambient != _usual(rows)) & (rows.arm == "informed") & (rows.integrator == "euler")]
    null = farthest(other, "remaining_share", 0.0)
    power = farthest(conditional[conditional.law.isin(gaps)], "remaining_share", 0.0)
    if measured is None or null is None or power is None:
        return None
    controls = [
        Control("null", "another ambient dimension, where the price is ten times smaller", *null[1:]),
        Control("power", "told the level of the schedule, not the true one", *power[1:]),
    ]
    return Measurement("M5", *measured, controls, f"laws with a gap: {', '.join(sorted(gaps))}")


# the tables that a claim needs (all of them), and its functions
_RULES = {
    "mismatch_argument mismatch_trained": (_argument,),
    "mismatch_levels": (_levels,),
    "mismatch_factorial": (_blind_beats_conditional, _price, _share),
    "adaptive_level": (adaptive.level_variance, adaptive.level_shift),
    "adaptive_start": (adaptive.start,),
    "adaptive_stop": (adaptive.stop,),
    "adaptive_bias": (adaptive.bias,),
    "step_counts": (adaptive.step_counts,),
    "truncated_training": (adaptive.truncated,),
}
