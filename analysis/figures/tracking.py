"""Blind runs beside the implicit schedule: what figures 3 and 11 of arXiv 2602.09639 show for trained networks, for exact denoisers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import COLORS, ROLES, mark, new_figure, only, panel_label, short_number

_PLANE = {"plane_gaussian": "Gaussian", "plane_mixture": "mixture"}


def draw(tables: Mapping):
    """Left: sigma_hat and sigma_t along a run, k = 2 in d = 2 and 500. Right: sqrt(d) times the mean deviation, every law, every step."""
    found = only(tables, "tracking")
    if found is None:
        return None
    rows = found[0]
    rows = rows[rows.sabotage == "none"]
    plane, others = rows[rows.law.isin(list(_PLANE))], rows[~rows.law.isin(list(_PLANE))]
    if not len(plane) or not len(others):
        return None
    figure, axes = new_figure(1, 2, width="double", row_height=2.7)
    left, right = axes[0]
    _levels(left, plane)
    _deviations(right, others)
    panel_label(left, "a")
    panel_label(right, "b")
    return figure


def _levels(axis, rows) -> None:
    schedule = rows[rows.law == rows.law.iloc[0]].drop_duplicates("step").sort_values("step")
    axis.semilogy(schedule.step, schedule.sigma, label=r"schedule $\sigma_t$", **ROLES["theory"])
    for i, ((law, d), g) in enumerate(rows.groupby(["law", "ambient"])):
        g = g.sort_values("step")
        centre = g.sigma * np.exp(g.log_ratio)
        style = mark(i)
        axis.semilogy(g.step, centre, markevery=4, label=f"{_PLANE[law]}, $d={d}$", **style)
        axis.fill_between(g.step, centre * np.exp(-g.log_ratio_sd), centre * np.exp(g.log_ratio_sd), color=style["color"], alpha=0.15, linewidth=0)
    axis.set(xlabel="step", ylabel=r"residual estimate $\hat\sigma$", title="$k=2$: mean and one sd over samples")
    axis.legend(loc="lower left")


def _deviations(axis, rows) -> None:
    for i, (law, g) in enumerate(rows.groupby("law")):
        for (k, d), own in g.groupby(["dim", "ambient"]):
            own = own.sort_values("step")
            label = law.replace("_", " ") if (k, d) == min(g[["dim", "ambient"]].itertuples(index=False, name=None)) else None
            axis.plot(own.sigma, np.sqrt(d) * own.log_ratio, color=mark(i)["color"], linestyle="-" if i < 8 else "--", linewidth=0.7, alpha=0.7, label=label)
    bound = np.sqrt(0.5)
    axis.axhspan(-bound, bound, color=COLORS["grey"], alpha=0.12, linewidth=0)
    axis.annotate("one sd of a single sample", (0.02, bound), xycoords=("axes fraction", "data"), xytext=(0, -8), textcoords="offset points", size=6.5, color=COLORS["grey"])
    axis.set_xscale("log")
    axis.invert_xaxis()
    low, high = rows.ambient.min(), rows.ambient.max()
    axis.set(xlabel=r"noise level $\sigma_t$ (falls along the run)", ylabel=r"$\sqrt{d}\;\overline{\log(\hat\sigma/\sigma_t)}$", ylim=(-0.95, 0.95))
    axis.set_title(f"every law, $d$ from {short_number(low)} to {short_number(high)}")
    axis.legend(loc="lower center", ncol=4, columnspacing=0.9)
