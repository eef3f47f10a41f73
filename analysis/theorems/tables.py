"""Tables derived from the ledger's cells: the terms of a run beside their bounds, and fitted exponents."""

from __future__ import annotations

import math

import numpy as np
import pandas

from analysis.metrics.fits import log_log_slope
from analysis.metrics.intervals import standard_error
from analysis.theory.rates import total_variation_bound, total_variation_bound_large

__all__ = ["fits", "local_exponents", "terms"]

_RUN = ["law", "dim", "ambient", "steps", "a", "denoiser", "sigma_start", "sigma_end"]
_STEPWISE = ("blind", "discretisation", "learning", "cross", "total")
_FIT_COLUMNS = ["quantity", "law", "held", "exponent", "low", "high", "points"]


def terms(steps: pandas.DataFrame, runs: pandas.DataFrame) -> pandas.DataFrame:
    """One row a term of each run: nats, standard error, the paper's bound with constant 1, and for the total its certificate."""
    rows = []
    for key, group in steps.groupby(_RUN, sort=False):
        run = runs[np.logical_and.reduce([runs[c] == v for c, v in zip(_RUN, key)])].iloc[0]
        init = float(group["init"].iloc[0])
        found = {"init": (init, float(group["init_se"].iloc[0]))}
        for name in _STEPWISE:
            found[name] = (float(group[name].sum()), math.sqrt(float((group[f"{name}_se"] ** 2).sum())))
        found["total"] = (found["total"][0] + init, math.hypot(found["total"][1], found["init"][1]))
        kl = max(found["total"][0], 0.0)
        tv = min(total_variation_bound(kl), total_variation_bound_large(kl))
        for name, (value, error) in found.items():
            row = dict(zip(_RUN, key)) | {
                "term": name,
                "nats": value,
                "nats_se": error,
                "bound": run.get(f"bound_{name}", math.nan),
            }
            last = name == "total"
            rows.append(
                row
                | {
                    "tv_certified": tv if last else math.nan,
                    "tv_measured": run["tv_lower"] if last else math.nan,
                    "tv_truth": run["tv_lower_truth"] if last else math.nan,
                }
            )
    return pandas.DataFrame(rows)


def _slope(group: pandas.DataFrame, x: str, y: str, error: bool = True) -> dict | None:
    if group[x].nunique() < 3:
        return None
    se = standard_error(group[f"{y}_low"], group[f"{y}_high"]).to_numpy() if error else None
    fit = log_log_slope(group[x].to_numpy(float), group[y].to_numpy(float), standard_error=se)
    return {"exponent": fit.slope.value, "low": fit.slope.low, "high": fit.slope.high, "points": fit.points}


def fits(tables: dict[str, pandas.DataFrame]) -> pandas.DataFrame:
    """Exponents of the price in 1/sigma_T and along k = d^p, of their controls, and of the paper's bound."""
    rows: list[dict] = []

    def add(quantity: str, law: str, held: str, found: dict | None) -> None:
        if found is not None:
            rows.append({"quantity": quantity, "law": law, "held": held, **found})

    price, path = tables.get("theorems_price"), tables.get("theorems_path")
    if price is not None:
        price = price.assign(
            inverse=1 / price["sigma_T"], gaussian=_gaussian_growth(price), looseness=price["bound"] / price["price"]
        )
        for (law, d), group in price.groupby(["law", "ambient"], sort=True):
            add("price against 1/sigma_T", law, f"d={d}", _slope(group, "inverse", "price"))
            add(
                "bound of Thm 3.6 over price, against 1/sigma_T",
                law,
                f"d={d}",
                _slope(group, "inverse", "looseness", error=False),
            )
            add("price of a constant error (power)", law, f"d={d}", _slope(group, "inverse", "offset", error=False))
            if law == "gaussian":
                add(
                    "Gaussian closed form against 1/sigma_T (null)",
                    law,
                    f"d={d}",
                    _slope(group, "inverse", "gaussian", error=False),
                )
    if path is not None:
        for (law, p), group in path.groupby(["law", "power"], sort=True):
            add("price along k = d^p", law, f"p={p:g}", _slope(group, "ambient", "price"))
            add(
                "Gaussian closed form along k = d^p (null)",
                law,
                f"p={p:g}",
                _slope(group, "ambient", "gaussian_form", error=False) if law == "gaussian" else None,
            )
    return pandas.DataFrame(rows, columns=_FIT_COLUMNS)


def _gaussian_growth(price: pandas.DataFrame) -> pandas.Series:
    """int 4 v/(1+v)^3 d log sigma over the range, v = (sigma/s)^2, s^2 = spread/k: J/k of a Gaussian with the data's size."""
    s2 = (price["sigma_0"] / 20.0) ** 2 / price["dim"]
    ends = [1 / (1 + price[c] ** 2 / s2) ** 2 for c in ("sigma_T", "sigma_0")]
    return ends[0] - ends[1]


def local_exponents(marginal: pandas.DataFrame, column: str, last: int = 2) -> pandas.DataFrame:
    """log(N'/N)/log(TV/TV') between neighbouring step counts, the last pairs of each law: steps ~ TV^-exponent."""
    rows = []
    for (law, dim), group in marginal.groupby(["law", "dim"], sort=True):
        group = group.sort_values("steps")
        n, tv = np.log(group["steps"].to_numpy(float)), np.log(group[column].to_numpy(float))
        found = (np.diff(n) / -np.diff(tv))[-last:]
        rows += [
            {"law": law, "dim": dim, "steps": int(s), "exponent": float(e)}
            for s, e in zip(group["steps"].to_numpy()[-len(found) :], found)
        ]
    return pandas.DataFrame(rows, columns=["law", "dim", "steps", "exponent"])
