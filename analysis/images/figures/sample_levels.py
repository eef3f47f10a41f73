"""Figure 9 of arXiv 2602.09639 on digits: the true noise level against the scheduled one along runs of the networks."""

from __future__ import annotations

from collections.abc import Mapping

import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "The true over the scheduled noise level along runs of networks on digits, beside what coefficients and the "
    "radial error give (figure 9 of the paper; claims I6, M9). 28 steps, blind and conditional; bars: 95 % "
    "intervals; line: formula with the radial error of one-shot denoising; dashed: coefficients alone; grey: read "
    "with the estimator's bias on photographed digits."
)
ALT = (
    "Four panels, a sampler each: levels read along the run, as points with intervals, beside the line of the formula."
)

_EULER = "euler a=0 N=28"
_RUNS = {
    "ancestral a=0.5 N=28": "VE-DDPM",
    "exponential_euler a=0.2 N=28": r"exp. Euler, $a=.2$",
    "ddim a=0 N=28": "DDIM",
    _EULER: "plain Euler, $a=0$",
}


def draw(tables: Mapping) -> Figure | None:
    """Level read over scheduled level in 28 steps, beside the run's own outputs with noise of known level (bars: 95 %).

    The line is the formula with the radial error of the conditional network's one-shot denoising; coefficients alone
    give 0 in the first three panels, and the dashed line for plain Euler (note its axis). Grey: read with the bias that
    the estimator has on photographed digits.
    """
    found = only(tables, "image_samples")
    if found is None:
        return None
    table = found[0][found[0].training == found[0].training.min()]
    told, blind = (table[table.kind == kind] for kind in ("conditional", "blind"))
    if any(_of(told, "shift", name).empty for name in _RUNS):
        return None
    figure, axes = new_figure(2, 2, width="single", row_height=1.8)
    axes = axes.ravel()
    for axis, (name, title) in zip(axes, _RUNS.items(), strict=True):
        axis.axhline(0.0, color=COLORS["grey"], linewidth=0.5)
        raw = _of(told, "reading", name)
        axis.plot(raw.level, 100 * raw.value, color=COLORS["grey"], linewidth=0.8, label="bias of photographed digits")
        for rows, label, style in (
            (blind, "blind", {"marker": "o", "markerfacecolor": "none", **ROLES["blind"]}),
            (told, "conditional", {"marker": "x", **ROLES["conditional"]}),
        ):
            read = _of(rows, "shift", name)
            axis.errorbar(
                read.level, 100 * read.value, yerr=196 * read.se, linestyle="none", label=label, linewidth=0.7, **style
            )
        formula = _of(told, "formula", name)
        axis.plot(formula.level, 100 * formula.value, color=COLORS["vermillion"], label="formula, conditional")
        if name == _EULER:
            alone = _of(told, "coefficients", name)
            axis.plot(alone.level, 100 * alone.value, label="coefficients alone", **ROLES["theory"])
        axis.set(xscale="log", title=title, xlabel=r"scheduled $\sigma$")
        axis.set_xticks([0.05, 0.2, 1, 4], ["0.05", "0.2", "1", "4"])
        axis.minorticks_off()
    for axis, letter in zip(axes, "abcd"):
        panel_label(axis, letter)
    limits = [max(abs(v) for axis in axes[:3] for v in axis.get_ylim())] * 3
    for axis, limit in zip(axes[:3], limits, strict=True):
        axis.set_ylim(-limit, limit)
    for axis in axes[::2]:
        axis.set_ylabel("100 log ratio")
    handles = {label: h for axis in axes for h, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    kept = [_of(rows, "shift", name).value.abs().max() for rows in (told, blind) for name in _RUNS if name != _EULER]
    finding = f"Along runs of networks the true noise level stays within {100 * max(kept):.1f} % of the scheduled"
    headline(figure, f"{finding} one, but for plain Euler", recipe(table))
    return figure


def _of(rows: pandas.DataFrame, measure: str, series: str) -> pandas.DataFrame:
    return rows[(rows.measure == measure) & (rows.series == series)].sort_values("level")
