"""The central figure: what blindness costs against d, beside the closed form and the paper's bound."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, PALETTE, ROLES, headline, new_figure, only

__all__ = ["ALT", "CAPTION", "draw"]

CAPTION = (
    "Not being told the noise level costs about k/(2d) nats, on every law, and the cost vanishes as d grows. Points: "
    "price of the exact blind denoiser over the whole run (sigma from 20 to .02, a = 1/2, k = 2; bars: 95 % intervals, "
    "smaller than the mark where none is seen), all laws of the sweep, four by name. Dashed: k/(2(d - k)), exact for a "
    "Gaussian subspace. Dotted: the paper's Theorem 3.6 with C = 1, for the Gaussian (claims B2, B3)."
)
ALT = (
    "Price of blindness against d from 10^3 to 10^9: all laws fall as 1/d near k/(2(d-k)); the bound of Theorem 3.6 "
    "runs four decades above."
)

_NAMED = ("gaussian", "sphere", "mixture", "torus")


def draw(tables: dict[str, pandas.DataFrame]) -> Figure | None:
    """At the smallest k that several laws share; None where there are not two ambient dimensions."""
    found = only(tables, "scaling_price")
    if found is None:
        return None
    (table,) = found
    k = _dimension(table)
    table = table[(table["dim"] == k) & (table["status"] == "ok") if "status" in table else table["dim"] == k]
    if table["ambient"].nunique() < 2:
        return None
    figure, ((axis,),) = new_figure(1, 1, width="single", row_height=2.6)
    others = [law for law in sorted(set(table["law"])) if law not in _NAMED]
    for law in others:
        _points(axis, table[table["law"] == law], COLORS["grey"], ".", 0.75)
    if others:
        axis.plot([], [], ".", color=COLORS["grey"], label=f"{len(others)} more laws")
    for law, color, marker in zip(_NAMED, PALETTE, "osD^"):
        own = table[table["law"] == law].sort_values("ambient")
        if not own.empty:
            _points(axis, own, color, marker, 1.0)
            axis.plot([], [], marker, color=color, label=law.replace("_", " "))
    d = np.geomspace(table["ambient"].min(), table["ambient"].max(), 50)
    axis.plot(d, k / (2 * (d - k)), **ROLES["theory"], label=r"$k/(2(d-k))$")
    bound = table[table["law"] == "gaussian"].sort_values("ambient")
    axis.plot(bound["ambient"], bound["paper_form"], **ROLES["bound"], label="Theorem 3.6, $C=1$")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(f"ambient dimension $d$  ($k={k}$)")
    axis.set_ylabel("price of blindness, nats")
    figure.legend(loc="outside lower center", ncols=3, columnspacing=0.9, fontsize=6.5)
    headline(figure, "Not being told the noise level costs about $k/(2d)$ nats, on every law")
    return figure


def _dimension(table: pandas.DataFrame) -> int:
    """The k that most laws have; the smallest of equals."""
    laws = table.groupby("dim")["law"].nunique()
    return int(laws.index.to_numpy()[laws.to_numpy().argmax()])


def _points(axis, rows: pandas.DataFrame, color: str, marker: str, alpha: float) -> None:
    low, high = rows["price"] - rows["price_low"], rows["price_high"] - rows["price"]
    axis.errorbar(
        rows["ambient"], rows["price"], yerr=[low.clip(lower=0), high.clip(lower=0)], fmt=marker, color=color,
        markersize=3.2, linewidth=0.8, alpha=alpha,
    )  # fmt: skip
