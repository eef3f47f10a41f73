"""The price of blindness: its information form for every law, its growth as sigma_T falls, and k against d."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

__all__ = ["draw"]

CAPTION = (
    "Not being told the noise level costs a price that every law pays as its information says, that hardly grows "
    "as sigma_T falls, and that the paper's bound overstates by orders of magnitude (claims B4, B6). a: price "
    "over its information form J/(2d), with the interval of its quadrature and draws. b: price (solid) and the "
    "bound of Theorem 3.6 with constant 1 (dotted) against the size of the data over sigma_T. c: price along k = "
    "d^p: it falls for every p < 1 on Gaussian data, not for the two-scale worst case."
)
ALT = (
    "Three panels: ratios of all laws at one; prices that stay flat under dotted bounds that rise steeply; lines "
    "that fall with d for Gaussian data."
)

_SHOWN = ("gaussian", "sphere", "torus", "mixture", "random_code", "cantor")


def draw(tables: dict[str, pandas.DataFrame]) -> Figure | None:
    """Price over J/(2d) for every law; price against 1/sigma_T beside the bound; price along k = d^p."""
    found = only(tables, "theorems_price", "theorems_path")
    if found is None:
        return None
    price, path = found
    figure, axes = new_figure(3, 1, width="single", row_height=2.5)
    _information(axes[0, 0], price)
    _growth(axes[1, 0], price)
    _path(axes[2, 0], path)
    for axis, letter in zip(axes[:, 0], "abc"):
        panel_label(axis, letter)
    headline(figure, "Every law pays for blindness what its information says, far below the paper's bound")
    return figure


def _information(axis, price: pandas.DataFrame) -> None:
    laws = sorted(set(price["law"]), key=str, reverse=True)
    for d, color, shift in ((1e3, COLORS["sky"], 0.16), (1e5, COLORS["blue"], -0.16)):
        at = price[(price["ambient"] == d) & (price["end"] == 0.05)]
        row = np.array([laws.index(law) for law in at["law"]]) + shift
        value = at["price_over"]
        error = [(value - at["price_over_low"]).clip(lower=0), (at["price_over_high"] - value).clip(lower=0)]
        axis.errorbar(
            value,
            row,
            xerr=error,
            fmt="o",
            color=color,
            markersize=2.8,
            linewidth=0.9,
            label=rf"$d=10^{int(np.log10(d))}$",
        )
    axis.axvline(1.0, **ROLES["theory"])
    axis.set_yticks(range(len(laws)), [law.replace("_", " ") for law in laws])
    shown = price[price["ambient"].isin([1e3, 1e5]) & (price["end"] == 0.05)]
    # every interval inside, and a tenth on each side at least
    reach = max(0.1, *(1.05 * abs(shown[c] - 1.0).max() for c in ("price_over_low", "price_over_high")))
    axis.set_xlim(1.0 - reach, 1.0 + reach)
    axis.set_xlabel(r"price / $(J/2d)$")
    axis.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, columnspacing=0.8, borderaxespad=0.1)


def _growth(axis, price: pandas.DataFrame) -> None:
    d = price["ambient"].min()
    for i, law in enumerate(_SHOWN):
        at = price[(price["law"] == law) & (price["ambient"] == d)].sort_values("end", ascending=False)
        if at.empty:
            continue
        axis.plot(1 / at["end"], at["price"], label=law.replace("_", " "), **mark(i))
        axis.plot(1 / at["end"], at["bound"], color=mark(i)["color"], linestyle=":", linewidth=0.9)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(r"data size / $\sigma_T$")
    axis.set_ylabel(rf"nats, $d=10^{int(np.log10(d))}$ ($\cdots$ Thm 3.6)")
    axis.legend(loc="center left", bbox_to_anchor=(0.0, 0.42), ncols=3, columnspacing=0.8)


def _path(axis, path: pandas.DataFrame) -> None:
    powers = sorted(set(path["power"]))
    for i, p in enumerate(powers):
        for law, style in (("gaussian", "-"), ("two_scale", "--")):
            at = path[(path["law"] == law) & (path["power"] == p)].sort_values("ambient")
            axis.plot(
                at["ambient"],
                at["price"],
                color=mark(i)["color"],
                marker=mark(i)["marker"],
                linestyle=style,
                label=rf"$k=d^{{{p:g}}}$" if law == "gaussian" else None,
            )
    axis.plot([], [], color=COLORS["grey"], linestyle="-", label="Gaussian")
    axis.plot([], [], color=COLORS["grey"], linestyle="--", label="two-scale worst case")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("ambient dimension $d$")
    axis.set_ylabel("price of blindness, nats")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high * (high / low) ** 0.4)  # room for the legend
    axis.legend(loc="upper left", ncols=2, columnspacing=0.8)
