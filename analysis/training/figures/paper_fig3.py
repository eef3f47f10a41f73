"""Figure 3 of arXiv 2602.09639: a blind network trained on a Gaussian of intrinsic dimension 2, for d large and d = 2.

Outputs against the law, noise estimates against sigma_t; figure 11 has the same panels of another law.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, new_figure, only, panel_label

CAPTION = (
    "A blind network trained on a Gaussian, k = 2, tracks the implicit schedule for d large and not for d = 2 "
    "(figure 3 of the paper; claims T1, T1b, T1c). Locally linear network of the shorter recipe (T1d). Outputs "
    "over data; sigma_hat of single samples against the step; mean log ratio to the schedule with 95 % intervals."
)
ALT = "Rows for large d and d = 2: outputs cover the data and estimates lie on the schedule above, and not below."

READING = "as stated"
OTHER_READING = "as plotted"


def draw(tables: Mapping) -> Figure | None:
    """Outputs, noise estimates of single samples with both readings of the step size, and mean tracking error."""
    return runs_figure(tables, "figure3")


def runs_figure(tables: Mapping, law: str) -> Figure | None:
    """Rows: d large and d = k; columns: outputs, sigma_hat of single samples against the step, mean log ratio.

    The recipe as stated in the paper is shown where it was trained, else the short one.
    """
    found = only(tables, "training_figures")
    if found is None:
        return None
    rows = found[0][found[0].law == law]
    if rows.empty:
        return None
    recipe = "stated" if "stated" in set(rows.recipe) else "short"
    rows = rows[rows.recipe == recipe]
    ambients = sorted(rows.ambient.unique(), reverse=True)
    figure, axes = new_figure(len(ambients), 3, width="double", row_height=2.1)
    for i, (d, panels) in enumerate(zip(ambients, axes)):
        net = rows[rows.ambient == d]
        _outputs(panels[0], net)
        _paths(panels[1], net)
        _log_ratio(panels[2], net)
        panels[0].set_title(f"d = {d}, k = {net.dim.iloc[0]}: outputs")
        panels[1].set_title("noise estimates")
        panels[2].set_title("tracking")
        for j, panel in enumerate(panels):
            panel_label(panel, "abcdefghi"[3 * i + j])
    # room for the legend above the points
    data = axes[0][0].dataLim
    axes[0][0].update_datalim([(data.x0, data.y1 + 0.4 * data.height)])
    axes[0][0].autoscale_view()
    axes[0][0].legend(loc="upper right", markerscale=3)
    axes[0][1].legend()
    axes[0][2].legend()
    return figure


def _points(axis, rows: pandas.DataFrame, **look) -> None:
    axis.plot(rows.u1, rows.u2, linestyle="none", marker=".", markersize=1.6, **look)


def _outputs(axis, net: pandas.DataFrame) -> None:
    own = net[net.series == f"trained {READING}"]
    _points(axis, own[own.measure == "truth"], color=COLORS["grey"], label="data law", alpha=0.5)
    _points(axis, own[own.measure == "output"], color=COLORS["blue"], label="trained blind network")
    axis.set_xlabel("$u_1$")
    axis.set_ylabel("$u_2$")
    axis.set_aspect("equal", adjustable="datalim")


def _paths(axis, net: pandas.DataFrame) -> None:
    for reading, look in ((OTHER_READING, {"color": COLORS["sky"]}), (READING, {"color": COLORS["blue"]})):
        paths = net[(net.measure == "path") & net.series.str.startswith(f"trained {reading}")]
        for number, (_, path) in enumerate(paths.groupby("series")):
            label = f"$\\hat\\sigma$, {len(path) - 1} steps" if number == 0 else None
            axis.plot(range(len(path)), path.value, linewidth=0.8, alpha=0.8, label=label, **look)
        if len(paths):
            levels = paths[paths.series == paths.series.iloc[0]].level
            label = r"schedule $\sigma_t$" if reading == READING else None
            axis.plot(range(len(levels)), levels, label=label, **ROLES["theory"])
    axis.set_yscale("log")
    axis.set_xlabel("step")
    axis.set_ylabel("noise level")


def _log_ratio(axis, net: pandas.DataFrame) -> None:
    for name, look in (("exact", {"color": COLORS["grey"], "linestyle": "--"}), ("trained", {"color": COLORS["blue"]})):
        run = net[(net.measure == "log_ratio") & (net.series == f"{name} {READING}")]
        label = "exact blind optimum" if name == "exact" else "trained"
        axis.errorbar(run.level, run.value, yerr=1.96 * run.se, label=label, linewidth=1.0, **look)
    axis.axhspan(-0.0953, 0.0953, color=COLORS["green"], alpha=0.15, linewidth=0)
    axis.annotate(
        "within 10 %",
        (0.98, -0.0953),
        xycoords=("axes fraction", "data"),
        xytext=(0, 2),
        textcoords="offset points",
        size=6.5,
        ha="right",
        color=COLORS["green"],
    )
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.set_xlabel(r"$\sigma_t$")
    axis.set_ylabel(r"mean $\log(\hat\sigma/\sigma_t)$")
    shown = net[(net.measure == "log_ratio") & net.series.str.endswith(READING)]
    reach = max(0.2, 1.1 * float(shown.value.abs().max()))
    axis.set_ylim(-reach, reach)
