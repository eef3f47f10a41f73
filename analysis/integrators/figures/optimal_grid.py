"""The best noise levels for a number of steps, and what constant steps lose against them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import COLORS, ROLES, mark, new_figure, only, panel_label

CAPTION = (
    "Constant steps in log sigma cost a factor of 1 to 3 over the best grid on continuous laws, more on discrete "
    "ones (claims D7, D7b). Left: k_eff over the noise level with a marker at each optimal level, 24 steps; "
    "ticks: constant steps. Right: discretisation term of constant steps over the optimal one against the number "
    "of steps, exact or by quadrature; dotted: sqrt(10)."
)
ALT = (
    "Left: k_eff against sigma with markers where levels are best placed. Right: ratios mostly between one and "
    "three, a curve a law."
)


def draw(tables: Mapping):
    """Left: k_eff = mmse/sigma^2 with a tick at every optimal level. Right: disc of constant steps over the optimum."""
    found = only(tables, "levels", "grid")
    if found is None:
        return None
    levels, grid = found
    grid = grid[(grid.grid == "constant") & (grid.sigma_T >= 0.009)]
    if grid.N.nunique() < 2:
        return None
    figure, axes = new_figure(1, 2, width="double", row_height=3.2)
    left, right = axes[0]
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
    left.legend(loc="center right")
    for i, law in enumerate(laws):
        g = grid[grid.law == law].groupby("N").ratio.mean()
        right.loglog(g.index, g, label=law.replace("_", " "), linestyle="-" if i < 8 else "--", **mark(i))
    right.axhline(1, **ROLES["theory"])
    right.axhline(10**0.5, **ROLES["bound"])
    right.set(
        xlabel="steps $N$", ylabel="disc, constant over optimal", title=r"price of constant steps (dotted: $\sqrt{10}$)"
    )
    ticks = [1, 2, 3, 4, 6, 8]
    right.set_yticks(ticks, [str(t) for t in ticks])
    right.minorticks_off()
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    panel_label(left, "a")
    panel_label(right, "b")
    return figure
