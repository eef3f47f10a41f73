"""Blind runs beside the implicit schedule: figures 3 and 11 of arXiv 2602.09639 with exact denoisers for networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "Blind runs follow the implicit schedule where d is large and lose it where the data fill the plane (figures "
    "3 and 11 of the paper with exact denoisers; claim S4). a: residual estimate of the level along runs, k = "
    "2, mean and one standard deviation over samples. b: sqrt(d) times its mean log deviation, a line a law; "
    "grey: one standard deviation of one sample."
)
ALT = (
    "Above: estimates lie on the schedule for d = 500 and leave it for d = 2. Below: deviations of all laws stay "
    "well within the grey band."
)

_PLANE = {"plane_gaussian": "Gaussian", "plane_mixture": "mixture"}


def draw(tables: Mapping):
    """Above: sigma_hat and sigma_t along a run, k = 2 in d = 2 and 500.

    Below: sqrt(d) times the mean deviation, every law, every step.
    """
    found = only(tables, "tracking")
    if found is None:
        return None
    rows = found[0]
    rows = rows[rows.sabotage == "none"]
    plane, others = rows[rows.law.isin(list(_PLANE))], rows[~rows.law.isin(list(_PLANE))]
    if not len(plane) or not len(others):
        return None
    figure, axes = new_figure(2, 1, width="single", row_height=2.4)
    left, right = axes[:, 0]
    _levels(left, plane)
    _deviations(right, others)
    panel_label(left, "a")
    panel_label(right, "b")
    headline(figure, "Blind runs follow the implicit schedule where $d$ is large, and lose it in $d=2$")
    return figure


def _levels(axis, rows) -> None:
    schedule = rows[rows.law == rows.law.iloc[0]].drop_duplicates("step").sort_values("step")
    axis.semilogy(schedule.step, schedule.sigma, label=r"schedule $\sigma_t$", **ROLES["theory"])
    for i, ((law, d), g) in enumerate(rows.groupby(["law", "ambient"])):
        g = g.sort_values("step")
        centre = g.sigma * np.exp(g.log_ratio)
        style = mark(i)
        axis.semilogy(g.step, centre, markevery=4, label=f"{_PLANE[law]}, $d={d}$", **style)
        axis.fill_between(
            g.step,
            centre * np.exp(-g.log_ratio_sd),
            centre * np.exp(g.log_ratio_sd),
            color=style["color"],
            alpha=0.15,
            linewidth=0,
        )
    axis.set(xlabel="step", ylabel=r"residual estimate $\hat\sigma$", title="$k=2$: mean and one sd over samples")
    axis.legend(loc="lower left")


def _deviations(axis, rows) -> None:
    dims = sorted(rows.ambient.unique())
    for i, d in enumerate(dims):
        for j, (_, own) in enumerate(rows[rows.ambient == d].groupby(["law", "dim"])):
            own = own.sort_values("step")
            label = f"$d={d}$" if j == 0 else None
            axis.plot(
                own.sigma, np.sqrt(d) * own.log_ratio, color=mark(i)["color"], linewidth=0.6, alpha=0.7, label=label
            )
    bound = np.sqrt(0.5)
    axis.axhspan(-bound, bound, color=COLORS["grey"], alpha=0.12, linewidth=0)
    axis.annotate(
        "one sd of a single sample",
        (0.02, bound),
        xycoords=("axes fraction", "data"),
        xytext=(0, -8),
        textcoords="offset points",
        size=6.5,
        color=COLORS["grey"],
    )
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.set(
        xlabel=r"noise level $\sigma_t$ (falls along the run)",
        ylabel=r"$\sqrt{d}$ mean $\log(\hat\sigma/\sigma_t)$",
        ylim=(-0.95, 0.95),
    )
    axis.set_title(f"{rows.law.nunique()} laws")
    axis.legend(loc="lower right", ncol=2)
