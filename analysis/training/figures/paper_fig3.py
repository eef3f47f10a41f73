"""Figure 3 of arXiv 2602.09639: a blind network trained on a Gaussian of intrinsic dimension 2, for d large and d = 2.

Outputs against the law, noise estimates against sigma_t; figure 11 has the same panels of another law.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "A blind network trained on a Gaussian, k = 2, tracks the implicit schedule for d large and not for d = 2 "
    "(figure 3 of the paper; claims T1, T1b, T1c). Locally linear network of the shorter recipe (T1d). Outputs "
    "over data; sigma_hat of single samples against the step; mean log ratio to the schedule with 95 % intervals."
)
ALT = "Columns for large d and d = 2: outputs cover the data and estimates lie on the schedule left, and not right."

_LAWS = {"figure3": "Gaussian", "figure11": "mixture"}
READING = "as stated"
OTHER_READING = "as plotted"


def draw(tables: Mapping) -> Figure | None:
    """Outputs, noise estimates of single samples with both readings of the step size, and mean tracking error."""
    return runs_figure(tables, "figure3")


def runs_figure(tables: Mapping, law: str) -> Figure | None:
    """Columns: d large and d = k; rows: outputs, sigma_hat of single samples against the step, mean log ratio.

    The recipe as stated in the paper is shown where it was trained, else the short one.
    """
    found = only(tables, "training_figures")
    if found is None:
        return None
    rows = found[0][found[0].law == law]
    if rows.empty:
        return None
    shown = "stated" if "stated" in set(rows.recipe) else "short"
    rows = rows[rows.recipe == shown]
    ambients = sorted(rows.ambient.unique(), reverse=True)
    figure, axes = new_figure(3, len(ambients), width="single", row_height=1.75)
    for i, (d, panels) in enumerate(zip(ambients, axes.T)):
        net = rows[rows.ambient == d]
        _outputs(panels[0], net)
        _paths(panels[1], net)
        _log_ratio(panels[2], net)
        panels[0].set_title(f"$d={d}$: outputs")
        panels[1].set_title("noise estimates")
        panels[2].set_title("tracking")
        for j, panel in enumerate(panels):
            panel_label(panel, "abcdefghi"[len(ambients) * j + i])
    entries: dict = {}
    for panel in axes[:, 0]:
        handles, labels = panel.get_legend_handles_labels()
        entries |= dict(zip(labels, handles))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2)
    finding = f"A blind network tracks the schedule in $d={ambients[0]}$"
    if len(ambients) > 1:
        finding += f" and not in $d={ambients[-1]}$"
    headline(figure, f"{finding} ({_LAWS[law]}, $k={rows.dim.iloc[0]}$)", f"recipe {shown}: {recipe(rows)}")
    return figure


def _points(axis, rows: pandas.DataFrame, **look) -> None:
    axis.plot(rows.u1, rows.u2, linestyle="none", marker=".", markersize=2.0, **look)


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
    axis.axhspan(-0.0953, 0.0953, color=COLORS["green"], alpha=0.15, linewidth=0, label="within 10 %")
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.set_xlabel(r"$\sigma_t$")
    axis.set_ylabel(r"mean $\log(\hat\sigma/\sigma_t)$")
    shown = net[(net.measure == "log_ratio") & net.series.str.endswith(READING)]
    reach = max(0.2, 1.1 * float((shown.value.abs() + 1.96 * shown.se).max()))
    axis.set_ylim(-reach, reach)
