"""Verdicts of `analysis.schedule`: tables to measurements, each with its null and power controls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.metrics.intervals import Estimate, from_standard_error
from analysis.runs import Control, Measurement
from analysis.schedule.readings import across, largest_deviation, rejection_rate
from analysis.schedule.tracking import PLANE

__all__ = ["decide", "show"]

_TRIALS = 60  # fewer give a binomial interval too wide for the rule


def decide(tables: dict[str, pd.DataFrame], options) -> list[Measurement]:
    """Measurements of the claims that this selection can decide."""
    found = []
    for name, reader in _READERS:
        table = tables.get(name)
        if table is not None:
            found += [m for m in reader(table) if m is not None]
    return found


def _measure(claim: str, estimate, controls: list[Control], note: str = "") -> Measurement:
    return Measurement(claim, estimate.value, estimate.low, estimate.high, controls, note)


def _marginals(rows) -> list[Measurement | None]:
    honest, overdosed = rows[~rows.overdose], rows[rows.overdose]
    trials = {name: honest[honest.trial == name] for name in ("run", "truth", "late")}
    over = overdosed[overdosed.trial == "run"]
    if len(trials["run"]) < _TRIALS or len(over) < 5:
        return []
    null, late, dose = rejection_rate(trials["truth"]), rejection_rate(trials["late"]), rejection_rate(over)
    controls = [
        Control("null", "two exact draws", null.low, null.high),
        Control("power", "compared with the law at 1.1 sigma_T", late.low, late.high),
        Control("power", "a tenth more variance injected", dose.low, dose.high),
    ]
    laws = ", ".join(sorted(rows.law.unique()))
    note = f"{len(trials['run'])} runs; laws: {laws}; smallest p-value {trials['run'].p_value.min():.2g}"
    return [_measure("S1", rejection_rate(trials["run"]), controls, note)]


def _continuous(rows) -> list[Measurement | None]:
    truth, wrong = rows[rows.factor == 1.0].largest_gap, rows[rows.factor != 1.0].largest_gap
    no_noise = float(rows[(rows.injection.astype(str) == "0")].largest_gap.max())
    controls = [
        Control("null", "no injection: e^{-2t} sigma_0^2", no_noise, no_noise),
        Control("power", "5 % more injection", wrong.min(), wrong.max()),
    ]
    return [Measurement("S1b", truth.max(), truth.max(), truth.max(), controls)]


def _implicit(rows) -> list[Measurement | None]:
    smooth = rows[rows.kind.isin(["power", "exponential"])]
    decreasing = rows[rows.kind.isin(["power", "exponential", "staircase", "constant"])]
    waning = rows[rows.kind.isin(["power", "exponential", "staircase"])]
    bad = rows[rows.kind.isin(["rising", "oversized"])]
    forever = rows[rows.kind == "constant"].sigma_end_over_start
    top = decreasing.largest_rise.max()
    fast = rows[rows.kind == "exponential"]
    rise = [
        Control("null", "a_t exponential: closed form decreasing", fast.largest_rise.max(), fast.largest_rise.max()),
        Control(
            "power", "premise broken: rising a_t, or a_0 > sigma_0^2", bad.largest_rise.min(), bad.largest_rise.max()
        ),
    ]
    end = waning.sigma_end_over_start.max()
    level = [
        Control("null", "a_t exponential", fast.sigma_end_over_start.min(), fast.sigma_end_over_start.max()),
        Control("power", "a_t constant", forever.min(), forever.max()),
    ]
    note = f"recursion and convolution of Prop 3.2 differ by {smooth.gap.max():.1e}; sigma_t^2 over the explicit bound: {waning.bound_ratio.max():.6f}"
    return [Measurement("S2", top, top, top, rise, note), Measurement("S2b", end, end, end, level, note)]


def _scaled(rows):
    root = np.sqrt(rows.ambient.astype(float))
    return largest_deviation(root * rows.log_ratio, root * rows.log_ratio_se)


def _tracking(rows) -> list[Measurement | None]:
    plane = rows.law.isin(PLANE)
    runs = rows[~plane & (rows.sabotage == "none")]
    truth, injected = rows[~plane & (rows.sabotage == "truth")], rows[~plane & (rows.sabotage == "injection")]
    full, thin = rows[plane & (rows.ambient == 2)], rows[plane & (rows.ambient == 500) & (rows.sabotage == "none")]
    found: list[Measurement | None] = []
    if len(runs) and len(truth) and len(injected) and len(full):
        null, wrong, same = _scaled(truth), _scaled(injected), _scaled(full[full.sabotage == "none"])
        controls = [
            Control("null", "fresh draws of p_{sigma_t} instead of a run", null.low, null.high),
            Control("power", "a run at a = .3 read on the schedule of a = .5", wrong.low, wrong.high),
            Control("power", "k = d = 2", same.low, same.high),
        ]
        found.append(_measure("S3", _scaled(runs), controls, _tracking_note(runs)))
    if len(full) and len(thin):
        by_law = {s: [_deviation(g) for _, g in full[full.sabotage == s].groupby("law")] for s in ("none", "truth")}
        least = min(by_law["none"], key=lambda e: e.value)
        fresh = min(by_law["truth"], key=lambda e: e.value)
        tracked = [_deviation(g) for _, g in thin.groupby("law")]
        controls = [
            Control(
                "null",
                "fresh draws of p_{sigma_t}: the level cannot be read at k = d, run or no run",
                fresh.low,
                fresh.high,
            ),
            Control("power", "the same laws in d = 500", min(e.low for e in tracked), max(e.high for e in tracked)),
        ]
        found.append(_measure("S4", least, controls))
    return found


def _bias(runs) -> list[Measurement | None]:
    if runs.groupby(["law", "dim"]).ngroups < 6:
        return []
    small, large = runs[runs.dim == runs.dim.min()], runs[runs.dim == runs.dim.max()]
    half, bare = _bias_slope(runs[runs.step % 2 == 0]), _bias_slope(small, offset=-1.0)
    controls = [
        Control("null", "every other step", half.low, half.high),
        Control("power", "-(k_eff - 1)/(2d) at the smallest k", bare.low, bare.high),
    ]
    note = f"smallest k alone {_bias_slope(small).value:.3f}, largest k alone {_bias_slope(large).value:.3f}; laws: {', '.join(sorted(runs.law.unique()))}"
    return [_measure("S3b", _bias_slope(runs), controls, note)]


def _deviation(rows):
    return largest_deviation(rows.log_ratio, rows.log_ratio_se)


def _bias_slope(runs, offset: float = 1.0) -> Estimate:
    """Slope through 0 of the mean deviation on -(k_eff + offset)/(2d); the interval by runs, since the steps of one run are dependent."""
    predicted, weight = -(runs.k_eff + offset) / (2.0 * runs.ambient), runs.log_ratio_se**-2.0
    sums = pd.DataFrame({"xy": weight * predicted * runs.log_ratio, "xx": weight * predicted**2})
    by_run = sums.groupby([runs.law, runs.dim, runs.ambient]).sum()
    slope = by_run.xy.sum() / by_run.xx.sum()
    scatter = ((by_run.xy - slope * by_run.xx) ** 2).sum() * len(by_run) / (len(by_run) - 1)
    return from_standard_error(slope, np.sqrt(scatter) / by_run.xx.sum(), len(by_run) - 1)


def _tracking_note(runs) -> str:
    """Where the largest deviation is, and how far off the other estimate is."""
    root = np.sqrt(runs.ambient.astype(float))
    worst = runs.loc[(root * runs.log_ratio).abs().idxmax()]
    inner = runs[(runs.step > 2) & (runs.step < runs.step.max() - 2)]
    posterior = float((np.sqrt(inner.ambient.astype(float)) * inner.posterior_log_ratio).abs().max())
    return (
        f"worst: {worst.law}, k={worst.dim}, d={worst.ambient}, step {worst.step}; the same with the posterior mean of log sigma, away from "
        f"the prior's ends: {posterior:.2f}; laws: {', '.join(sorted(runs.law.unique()))}"
    )


def _rate(rows) -> list[Measurement | None]:
    def steps(h, a, denoiser):
        r = rows[(rows.h == h) & (rows.a == a) & (rows.denoiser == denoiser)].iloc[0]
        return r.steps_needed, r.steps_needed - 1.96 * r.steps_needed_se, r.steps_needed + 1.96 * r.steps_needed_se

    stated, told, no_noise, small = (
        steps(0.5, 0.5, "blind"),
        steps(0.5, 0.5, "conditional"),
        steps(0.5, 0.0, "blind"),
        steps(0.3, 0.5, "blind"),
    )
    plotted = [Control("null", "h = .5, a = 0", *no_noise[1:]), Control("power", "h = .3, a = .5", *small[1:])]
    needed = [
        Control("null", "conditional run, h = .5, a = .5", *told[1:]),
        Control("power", "h = .5, a = 0", *no_noise[1:]),
    ]
    return [Measurement("K1", *stated, controls=plotted), Measurement("K1b", *stated, controls=needed)]


def _figure2(rows) -> list[Measurement | None]:
    quality = rows[rows.row == "quality"]
    wide = quality.pivot_table(index="replicate", columns=["ambient", "denoiser"], values="ks").astype(float)
    if len(wide) < 3:
        return []
    gap = {d: across(wide[(d, "plug-in")] - wide[(d, "conditional")]) for d in (2, 500)}
    # conditional runs in d = 2 and 500 differ in their random numbers only: the core is autonomous
    null = across(wide[(500, "conditional")] - wide[(2, "conditional")])
    controls = [
        Control("null", "conditional in d = 500 less conditional in d = 2", null.low, null.high),
        Control("power", "d = 2", gap[2].low, gap[2].high),
    ]
    stopped = quality[quality.denoiser == "plug-in"].groupby("ambient").stopped.mean()
    distance = quality.groupby(["ambient", "denoiser"]).ks.mean()
    note = (
        f"runs that stop before half time: {stopped[2]:.3f} in d = 2, {stopped[500]:.3f} in d = 500; KS distance "
        + ", ".join(f"{kind} d={d}: {value:.3f}" for (d, kind), value in distance.items())
    )
    return [_measure("S5", gap[500], controls, note)]


_READERS = (
    ("marginals", _marginals),
    ("continuous", _continuous),
    ("implicit", _implicit),
    ("tracking", _tracking),
    ("bias", _bias),
    ("figure2", _figure2),
    ("rate", _rate),
)


def show(tables: dict[str, pd.DataFrame], options) -> str | None:
    """Tracking, law by law: the largest deviation and where the estimate's bias puts it."""
    rows = tables.get("tracking")
    if rows is None:
        return None
    lines = []
    for (law, k, d, sabotage), g in rows.groupby(["law", "dim", "ambient", "sabotage"]):
        e = _scaled(g)
        bias = float((g.k_eff / (2.0 * np.sqrt(float(d)))).max())
        lines.append(
            {
                "law": law,
                "k": k,
                "d": d,
                "run": sabotage,
                "sqrt(d) max|mean log ratio|": f"{e.value:.3f}",
                "k_eff/(2 sqrt d)": f"{bias:.3f}",
            }
        )
    return pd.DataFrame(lines).to_string(index=False)
