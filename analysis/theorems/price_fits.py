"""Exponents of the price in 1/sigma_T and along k = d^p, of their controls and of the paper's bound."""

from __future__ import annotations

from collections.abc import Iterator

import pandas

from analysis.metrics.fits import log_log_slope
from analysis.metrics.intervals import standard_error
from analysis.runs.experiment import Tables

__all__ = ["ends", "fits"]

_COLUMNS = ["quantity", "law", "held", "exponent", "low", "high", "points"]


def fits(tables: Tables) -> pandas.DataFrame:
    """Exponents of the price in 1/sigma_T and along k = d^p, of their controls, and of the paper's bound."""
    rows: list[dict] = []
    if "theorems_price" in tables:
        rows += _in_sigma(tables["theorems_price"])
    if "theorems_path" in tables:
        rows += _along_path(tables["theorems_path"])
    return pandas.DataFrame(rows, columns=_COLUMNS)


def _in_sigma(price: pandas.DataFrame) -> Iterator[dict]:
    price = price.assign(inverse=1 / price["sigma_T"], looseness=price["bound"] / price["price"])
    for (law, d), group in price.groupby(["law", "ambient"], sort=True):
        at = (str(law), f"d={d}")
        yield from _row("price against 1/sigma_T", *at, group, "inverse", "price")
        yield from _row(
            "bound of Thm 3.6 over price, against 1/sigma_T", *at, group, "inverse", "looseness", error=False
        )
        known = group[group["growing"].notna()]
        yield from _row("price of levels read worse as sigma_T falls (power)", *at, known, "inverse", "growing")
        yield from _row("J against 1/sigma_T (null)", *at, group, "inverse", "J")


def _along_path(path: pandas.DataFrame) -> Iterator[dict]:
    for (law, p), group in path.groupby(["law", "power"], sort=True):
        at = (str(law), f"p={p:g}")
        yield from _row("price along k = d^p", *at, group, "ambient", "price")
        if law == "random_code":
            for column, quantity in (
                ("price", "price of codes in k"),
                ("J", "J of codes in k (null)"),
                ("misread", "price of codes in k, levels read by n^.85 coordinates (power)"),
            ):
                times = 1.0 if column == "J" else 2 * group["normal"]
                yield from _row(quantity, *at, _scaled(group, column, times), "dim", column)
        elif law != "two_scale":
            over = 1 / group["gaussian_form"]
            yield from _row("price over the Gaussian's along k = d^p", *at, _scaled(group, "price", over))
            wrong = "price over the Gaussian's along k = d^p, levels read by n^.86 coordinates (power)"
            yield from _row(wrong, *at, _scaled(group, "misread", over), y="misread")


def _scaled(group: pandas.DataFrame, column: str, by: pandas.Series | float) -> pandas.DataFrame:
    return group.assign(**{f"{column}{end}": group[f"{column}{end}"] * by for end in ("", "_low", "_high")})


def _row(
    quantity: str,
    law: str,
    held: str,
    group: pandas.DataFrame,
    x: str = "ambient",
    y: str = "price",
    error: bool = True,
) -> Iterator[dict]:
    """One fit, y ~ x^exponent; none over fewer than three abscissae."""
    if group[x].nunique() < 3:
        return
    se = standard_error(group[f"{y}_low"], group[f"{y}_high"]).to_numpy() if error else None
    fit = log_log_slope(group[x].to_numpy(float), group[y].to_numpy(float), standard_error=se)
    slope = {"exponent": fit.slope.value, "low": fit.slope.low, "high": fit.slope.high, "points": fit.points}
    yield {"quantity": quantity, "law": law, "held": held} | slope


def ends(fit: pandas.DataFrame) -> tuple[pandas.Series, pandas.Series, pandas.Series]:
    """Exponents and the ends of their intervals."""
    return fit["exponent"], fit["low"], fit["high"]
