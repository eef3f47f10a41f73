"""The best noise levels for a number of steps, and what constant steps lose against them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "Constant steps in log sigma cost a factor of 1 to 3 over the best grid on continuous laws, more on discrete "
    "ones (claims D7, D7b). a: k_eff over the noise level with a marker at each optimal level, 24 steps; ticks: "
    "constant steps. b: discretisation term of constant steps over the optimal one, a row a law, a mark a number of "
    "steps, exact or by quadrature; dotted: sqrt(10)."
)
ALT = (
    "Above: k_eff against sigma with markers where levels are best placed. Below: ratios mostly between one and "
    "three, a row a law."
)


def draw(tables: Mapping):
    """Above: k_eff = mmse/sigma^2 at every optimal level. Below: disc of constant steps over the optimum."""
    found = only(tables, "levels", "grid")
    if found is None:
        return None
    levels, grid = found
    grid = grid[(grid.grid == "constant") & (grid.sigma_T >= 0.009)]
    if grid.N.nunique() < 2:
        return None
    figure, axes = new_figure(2, 1, width="single", row_height=2.6, height_ratios=[1.0, 1.15])
    left, right = axes[:, 0]
    laws = sorted(grid.law.unique())
    for law, g in levels.groupby("law"):
        g = g.sort_values("step")
        left.semilogx(g.optimal, g.k_eff, label=law.replace("_", " "), **mark(laws.index(law)))
    constant = levels[levels.law == levels.law.iloc[0]].constant
    left.plot(constant, np.full(len(constant), -0.12), "|", color=COLORS["black"], markersize=6, label="constant steps")
    left.invert_xaxis()
    left.set(
        xlabel=r"noise level $\sigma$",
        ylabel=r"$k_{\mathrm{eff}}=\mathrm{mmse}/\sigma^2$",
        title="optimal levels, $N=24$",
    )
    left.legend(loc="center right", bbox_to_anchor=(1.0, 0.45))
    counts = sorted(grid.N.unique())
    shown = sorted({counts[0], counts[len(counts) // 2], counts[-1]})
    ratios = grid.groupby(["law", "N"]).ratio.mean().unstack("N")[shown].sort_values(shown[-1])
    places = range(len(ratios))
    right.hlines(places, ratios.min(axis=1), ratios.max(axis=1), color=COLORS["grey"], linewidth=0.6)
    for i, n in enumerate(shown):
        right.plot(ratios[n], places, label=f"$N={n}$", linestyle="", **mark(i))
    right.axvline(1, **ROLES["theory"])
    right.axvline(10**0.5, **ROLES["bound"])
    right.set(
        xscale="log",
        xlabel="discretisation term, constant over optimal",
        title=r"price of constant steps (dotted: $\sqrt{10}$)",
    )
    ticks = [1, 2, 3, 4, 6, 8]
    right.set_xticks(ticks, [str(t) for t in ticks])
    right.minorticks_off()
    right.set_yticks(places, [law.replace("_", " ") for law in ratios.index])
    right.legend(loc="center right")
    headline(figure, "Constant steps in $\\log\\sigma$ cost a factor 1 to 3 over the best grid on continuous laws")
    panel_label(left, "a")
    panel_label(right, "b")
    return figure
