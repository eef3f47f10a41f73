"""Verdicts of `analysis.integrators`: tables to measurements, each with its null and power controls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.metrics.fits import log_log_slope, observed_order
from analysis.metrics.intervals import Estimate, combine, mean
from analysis.runs import Control, Measurement
from analysis.schedule.readings import across

__all__ = ["decide", "show"]

_LAGS = (0.05, 0.1, 0.2)  # of the fits; 0.4 is for the figure


def decide(tables: dict[str, pd.DataFrame], options) -> list[Measurement]:
    """Measurements of the claims that this selection can decide."""
    readers = (
        ("exact_order", _exact),
        ("coupled", _coupled),
        ("extra", _extra),
        ("marginal_kl", _marginal),
        ("dimension", _dimension),
        ("grid", _grid),
    )
    return [m for name, reader in readers if name in tables for m in reader(tables)]


def _farthest(estimates: list[Estimate], centre: float = 0.0) -> tuple[float, float, float]:
    """The value farthest from `centre`, with the range that covers every interval."""
    value = max((e.value for e in estimates), key=lambda v: abs(v - centre))
    return value, min(e.low for e in estimates), max(e.high for e in estimates)


def _shifted(slope: Estimate, by: float) -> Estimate:
    return Estimate(slope.value - by, slope.low - by, slope.high - by)


# -- orders -----------------------------------------------------------------------------------------------------


def exact_orders(rows: pd.DataFrame) -> dict[tuple, Estimate]:
    """Observed less declared order of |tangential| + |normal| error, by (integrator, a, wrong_scale), over the finest four step counts."""
    found = {}
    for key, g in rows.groupby(["integrator", "a", "wrong_scale"]):
        g = g.sort_values("N").tail(4)
        fit = observed_order(g.h, g.tangential.abs() + g.normal.abs(), floor=1e-12)
        found[key] = _shifted(fit.slope, g.declared.iloc[0])
    return found


def _exact(tables) -> list[Measurement]:
    found = exact_orders(tables["exact_order"])
    true = [e for (_, _, wrong), e in found.items() if wrong == 1.0]
    null = found[("exponential_euler", 0.0, 1.0)]
    broken = _farthest([e for (_, _, wrong), e in found.items() if wrong != 1.0])
    controls = [
        Control("null", "DDIM's closed form (exponential Euler at a = 0)", null.low, null.high),
        Control("power", "target variance of data 5 % too wide", *broken[1:]),
    ]
    worst = max((k for k in found if k[2] == 1.0), key=lambda k: abs(found[k].value))
    return [
        Measurement(
            "O1",
            *_farthest(true),
            controls=controls,
            note=f"{len(true)} pairs of integrator and a; farthest: {worst[0]}, a={worst[1]:g}",
        )
    ]


def coupled_orders(rows: pd.DataFrame) -> dict[tuple, Estimate]:
    """Observed less declared order of the coupled differences, by (integrator, a, offset): a weighted fit a law, then their weighted mean."""
    found: dict[tuple, list[Estimate]] = {}
    for (name, a, offset, _), g in rows.groupby(["integrator", "a", "offset", "law"]):
        fit = log_log_slope(g.h, g.gap.abs(), standard_error=g.gap_se)
        found.setdefault((name, a, offset), []).append(_shifted(fit.slope, g.declared.iloc[0]))
    return {key: combine(estimates) for key, estimates in found.items()}


def _coupled(tables) -> list[Measurement]:
    rows = tables["coupled"]
    if rows.groupby(["law", "integrator", "a", "offset"]).size().min() < 4:
        return []
    found = coupled_orders(rows)
    true, heun = [e for k, e in found.items() if k[2] == 0.0], found[("heun", 0.0, 0.0)]
    broken = _farthest([e for k, e in found.items() if k[2] != 0.0])
    controls = [
        Control("null", "Heun against its own order 2", heun.low, heun.high),
        Control("power", "an error of 5 % of E|u|^2 that does not fall", *broken[1:]),
    ]
    parts = ", ".join(f"{name} a={a:g}: {e.value:+.3f}" for (name, a, offset), e in found.items() if offset == 0.0)
    return [
        Measurement(
            "O2", *_farthest(true), controls=controls, note=f"laws: {', '.join(sorted(rows.law.unique()))}; {parts}"
        )
    ]


# -- the extra term -----------------------------------------------------------------------------------------------


def _pooled(rows: pd.DataFrame, column: str, against: str) -> pd.DataFrame:
    """(batch x lag) table of column/against pooled over laws and a, each weighted by the inverse variance of its own batches."""
    ratio = (rows[column] / rows[against]).rename("ratio")
    table = pd.concat([rows[["law", "a", "batch", "lag"]], ratio], axis=1)
    wide = table.pivot_table(index=["law", "a"], columns=["batch", "lag"], values="ratio")
    lags = sorted(table.lag.unique())
    # one weight a (law, a), from the scatter at the middle lags: the same at every lag, so that slopes are of one mixture
    scatter = np.mean([wide.xs(t, axis=1, level="lag").var(axis=1, ddof=1) for t in lags], axis=0)
    weight = 1.0 / scatter
    return (wide.mul(weight, axis=0).sum() / weight.sum()).unstack("lag")


def _order_in_lag(batches: pd.DataFrame, growth: float) -> Estimate:
    """Slope in log lag of a table of ratios to a quantity that grows like lag^growth: least squares a batch, t-interval over batches."""
    x = np.log(np.array(batches.columns, dtype=float))
    means = batches.mean()
    slope = float(np.polyfit(x, np.log(means.abs()), 1)[0])
    # delta method: each batch's contribution to the slope of the mean curve
    pull = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    parts = ((batches / means - 1.0) * pull).sum(axis=1)
    error = mean(parts.to_numpy())
    return Estimate(growth + slope, growth + slope + error.low, growth + slope + error.high)


def _extra(tables) -> list[Measurement]:
    rows = tables["extra"]
    if rows.batch.nunique() < 4:
        return []
    fitted = rows[rows.lag.isin(_LAGS)]
    order = _order_in_lag(_pooled(fitted, "extra", "predicted"), 2.0)
    lead = _order_in_lag(_pooled(fitted.assign(size=fitted.predicted.abs()), "leading", "size"), 2.0)
    closed = _closed_orders(tables.get("extra_exact"))
    controls = [Control("power", "the martingale part itself", lead.low, lead.high)]
    if closed:
        controls.append(Control("null", "Gaussian subspace in closed form", *_farthest(closed, 2.0)[1:]))
    laws = ", ".join(sorted(rows.law.unique()))
    found = [Measurement("D4", order.value, order.low, order.high, controls, f"laws: {laws}")]
    near = rows[rows.lag.isin((0.1, 0.2))]
    ratio = across(_pooled(near, "extra", "predicted").mean(axis=1))
    controls = [Control("null", "Gaussian data alone", *_range(near[near.law == "gaussian"], "predicted"))]
    for a in (0.25, 0.75):
        controls.append(
            Control("power", f"drift squared alone, (2a-1)^2, a = {a}", *_range(near[near.a == a], "naive"))
        )
    parts = ", ".join(
        f"a={a}: {across(_pooled(near[near.a == a], 'extra', 'predicted').mean(axis=1)).value:.3f}"
        for a in (0.25, 0.75)
    )
    found.append(Measurement("D4b", ratio.value, ratio.low, ratio.high, controls, parts))
    return found


def _range(rows: pd.DataFrame, against: str) -> tuple[float, float]:
    estimate = across(_pooled(rows, "extra", against).mean(axis=1))
    return estimate.low, estimate.high


def _closed_orders(rows: pd.DataFrame | None) -> list[Estimate]:
    """Order in h of the closed-form extra term of a whole run, divided by its 1/h steps: disc is a sum of 1/h terms of order 3."""
    if rows is None:
        return []
    return [observed_order(g.lag, g.extra.abs()).slope for _, g in rows[rows.lag < 0.15].groupby("a")]


# -- marginal errors ------------------------------------------------------------------------------------------------


def _marginal(tables) -> list[Measurement]:
    rows = tables["marginal_kl"]
    own = rows.integrator == "exponential_euler"
    true, wrong, other = rows[own & (rows.wrong_target == 1.0)], rows[own & (rows.wrong_target != 1.0)], rows[~own]
    finest = true[true.h == true.h.min()].ratio
    value = float(true.ratio.iloc[(true.ratio - 1.0).abs().argmax()])
    controls = [
        Control("null", "the smallest step alone", finest.min(), finest.max()),
        Control("power", "compared with a variance 2 % too large", *_outside(wrong.ratio)),
        Control("power", "score freezing at a = 0", *_outside(other[other.a == 0.0].ratio)),
    ]
    parts = ", ".join(f"a={a:g}: {g.ratio.min():.4f}..{g.ratio.max():.4f}" for a, g in true.groupby("a"))
    return [Measurement("D5", value, true.ratio.min(), true.ratio.max(), controls, parts)]


def _outside(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def dimension_slopes(rows: pd.DataFrame, column: str = "kl") -> dict[tuple, Estimate]:
    """Slope of log KL on log d by (integrator, a, consistent)."""
    found = {}
    for key, g in rows.groupby(["integrator", "a", "consistent"]):
        value = g[column]
        flat = value.max() - value.min() <= 1e-12 * value.max()
        found[key] = Estimate(0.0, 0.0, 0.0) if flat else log_log_slope(g.d.astype(float), value).slope
    return found


def _dimension(tables) -> list[Measurement]:
    rows = tables["dimension"]
    slopes = dimension_slopes(rows)
    consistent = [e for k, e in slopes.items() if k[2]]
    others = {k: e for k, e in slopes.items() if not k[2]}
    core = _farthest(list(dimension_slopes(rows, "tangential").values()))
    controls = [Control("null", "the tangential part alone", *core[1:])]
    controls += [Control("power", f"{name}, a = {a:g}", e.low, e.high) for (name, a, _), e in others.items()]
    names = ", ".join(sorted({k[0] for k in slopes if k[2]}))
    return [
        Measurement(
            "D6",
            *_farthest(consistent),
            controls=controls,
            note=f"consistent: {names}; others: slopes {', '.join(f'{e.value:.3f}' for e in others.values())}",
        )
    ]


# -- grids ------------------------------------------------------------------------------------------------------------


def _grid(tables) -> list[Measurement]:
    rows = tables["grid"]
    main = rows[(rows.N == 64) & (rows.sigma_T >= 0.009)]
    found = []
    if rows.batch.nunique() < 3:
        return found
    smooth = main[~main.discrete]
    if len(smooth):
        constant = smooth[smooth.grid == "constant"].groupby("law").ratio
        value, low, high = _largest(smooth, "constant")
        controls = [
            Control("null", "levels of equal sqrt(-d mmse/d lambda)", *_largest(smooth, "equidistributed")[1:]),
            Control("power", "levels equally spaced in sigma", *_largest(smooth, "linear")[1:]),
        ]
        parts = ", ".join(f"{law} {g.mean():.2f}" for law, g in constant)
        found.append(Measurement("D7", value, low, high, controls, parts))
    discrete = rows[(rows.N == 64) & (rows.grid == "constant") & (rows.discrete | (rows.law == "gaussian"))]
    table = discrete.pivot_table(index=["law", "discrete", "batch"], columns="sigma_T", values="ratio")
    if table.shape[1] == 2 and True in table.index.get_level_values("discrete"):
        growth = table.iloc[:, 0] / table.iloc[:, 1]
        own, plain = growth.xs(True, level="discrete"), growth.xs("gaussian", level="law")
        value, low, high = _batches(own)
        half = rows[(rows.grid == "constant") & (rows.discrete) & (rows.N == 256)].pivot_table(
            index=["law", "batch"], columns="sigma_T", values="ratio"
        )
        null = _batches(half.iloc[:, 0] / half.iloc[:, 1])
        controls = [
            Control("null", "N = 256 instead of 64", null[1], null[2]),
            Control("power", "Gaussian data", float(plain.min()), float(plain.max())),
        ]
        laws = ", ".join(sorted(own.index.get_level_values("law").unique()))
        found.append(Measurement("D7b", value, low, high, controls, f"laws: {laws}"))
    return found


def _batches(values: pd.Series) -> tuple[float, float, float]:
    """Mean over batches of the MMSE curve with its t-interval; a closed-form curve has no spread."""
    if values.max() - values.min() <= 1e-9 * values.max():
        return float(values.mean()), float(values.min()), float(values.max())
    estimate = across(values)
    return estimate.value, estimate.low, estimate.high


def _largest(rows: pd.DataFrame, grid: str) -> tuple[float, float, float]:
    """The ratio of the law for which it is largest."""
    return max((_batches(g) for _, g in rows[rows.grid == grid].groupby("law").ratio), key=lambda e: e[0])


def show(tables: dict[str, pd.DataFrame], options) -> str | None:
    """The extra term law by law, and the clean outputs of blind runs against d."""
    parts = []
    if "extra" in tables:
        lines = []
        for (law, a), g in tables["extra"][tables["extra"].lag == 0.2].groupby(["law", "a"]):
            ratio = across(g.extra / g.predicted) if len(g) > 1 else Estimate(float("nan"), float("nan"), float("nan"))
            lines.append(
                {
                    "law": law,
                    "a": a,
                    "extra": f"{g.extra.mean():+.4f}",
                    "extra/predicted": f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]",
                    "extra/leading": f"{g.extra.mean() / g.leading.mean():+.3f}",
                }
            )
        parts.append("what a adds at lag 0.2\n" + pd.DataFrame(lines).to_string(index=False))
    if "clean" in tables:
        parts.append(
            "blind runs, clean outputs\n"
            + tables["clean"][
                ["integrator", "ambient", "w1", "floor", "excess", "true_level_over_scheduled"]
            ].to_string(index=False)
        )
    return "\n\n".join(parts) or None
