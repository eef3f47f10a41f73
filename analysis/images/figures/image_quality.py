"""Quality of samples of a blind and a conditional network, one sampler a row: denoiser, coefficients, noise, steps."""

from __future__ import annotations

from collections.abc import Mapping

import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "Whether samples of a blind network come as near to the data as those of a conditional one, sampler by sampler, "
    "on equal starts and injected noise (claims I5, I5b, I5c, I7). a: squared Frechet distance; dash-dotted: digits "
    "not seen. b: blind over conditional, with 95 % intervals over blocks of samples, in features of a classifier of"
    " digits and of a random network; shaded: within 10 %."
)
ALT = "A row a sampler: squared Frechet distances of blind and conditional samples, and their ratio with intervals."

_NAMES = {
    "ancestral": "VE-DDPM",
    "exponential_euler": "exp. Euler",
    "ddim": "DDIM",
    "euler": "plain Euler",
    "kadkhodaie_simoncelli": "Kadkhodaie-S.",
}
_SMALL = {"size": 6.5, "color": COLORS["grey"]}


def draw(tables: Mapping) -> Figure | None:
    """Above: squared Frechet distance, blind, conditional, and conditional told an independent estimate of the level.
    Below: blind over conditional on the same starts and noise, 95 % intervals, in features of a classifier of digits
    and of a random network; shaded: within 10 %.
    """
    found = only(tables, "image_samples", "image_comparison")
    if found is None:
        return None
    table, ratios = (rows[rows.training == rows.training.min()] for rows in found)
    samplers = ratios.drop_duplicates("series")
    if len(samplers) < 2:
        return None
    place = samplers.integrator.map(list(_NAMES).index)
    keys = {"place": place, "less": -samplers.a, "other": samplers.grid != "log"}
    order = samplers.assign(**keys).sort_values(["place", "less", "other", "adaptive", "steps"])
    figure, axes = new_figure(2, 1, width="single", row_height=0.7 + 0.15 * len(order), sharex=False)
    axes = axes[:, 0]
    _distances(axes[0], table, list(order.series))
    _ratios(axes[1], ratios, list(order.series))
    for axis, letter in zip(axes, "ab"):
        axis.set_yticks(range(len(order)), [_label(s) for s in order.itertuples()], size=6.5)
        axis.invert_yaxis()
        panel_label(axis, letter)
        axis.grid(axis="y", linewidth=0.3)
    both = [axis.get_legend_handles_labels() for axis in axes]
    figure.legend(*(a + b for a, b in zip(*both, strict=True)), loc="outside lower center", ncols=2)
    own = ratios[ratios.measure == "frechet"]
    worse, better = int((own.low > 0.0).sum()), int((own.high < 0.0).sum())
    finding = (
        f"On equal starts and noise a blind network's samples are farther from the data with {worse} samplers, nearer"
    )
    headline(figure, f"{finding} with {better} of {len(own)}", recipe(found[0]))
    return figure


def _label(sampler) -> str:
    more = ("" if sampler.grid == "log" else f", {sampler.grid}") + (", adaptive" if sampler.adaptive else "")
    return f"{_NAMES[sampler.integrator]}, $a={sampler.a:g}$, $N={sampler.steps}${more}"


def _distances(axis, table: pandas.DataFrame, order: list[str]) -> None:
    table = table[table.measure == "frechet"]
    for kind, prefix, label, style in (
        ("blind", "", "blind", {"marker": "o", **ROLES["blind"]}),
        ("conditional", "", "conditional", {"marker": "x", **ROLES["conditional"]}),
        ("conditional", "estimate: ", "conditional, told an estimate", {"marker": "D", **ROLES["plug-in"]}),
    ):
        rows = table[table.kind == kind].set_index("series")
        at = [i for i, name in enumerate(order) if prefix + name in rows.index]
        rows = rows.loc[[prefix + order[i] for i in at]]
        style = {"linestyle": "none", "markerfacecolor": "none", **style}
        axis.errorbar(rows.value, at, xerr=1.96 * rows.se, label=label, **style)
    floor = table[table.series == "held out"].value
    if len(floor):
        axis.axvline(float(floor.iloc[0]), **ROLES["floor"])
        axis.annotate("digits not seen", (float(floor.iloc[0]), 0.02), xytext=(3, 0), rotation=90, va="bottom",
                      xycoords=axis.get_xaxis_transform(), textcoords="offset points", **_SMALL)  # fmt: skip
    axis.set(xscale="log", xlabel="squared Frechet distance")
    low, high = axis.get_xlim()
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low <= t <= high]
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()


def _ratios(axis, ratios: pandas.DataFrame, order: list[str]) -> None:
    axis.axvspan(-10.0, 10.0, color=COLORS["sky"], alpha=0.15, linewidth=0)
    axis.axvline(0.0, color=COLORS["grey"], linewidth=0.5)
    for measure, label, up, style in (
        ("frechet", "features of a classifier", -0.12, {"marker": "o", "color": COLORS["black"]}),
        ("frechet_random", "random features", 0.12, {"marker": "s", "color": COLORS["grey"]}),
    ):
        rows = ratios[ratios.measure == measure].set_index("series").loc[order]
        bars = [100 * (rows.value - rows.low), 100 * (rows.high - rows.value)]
        places = [i + up for i in range(len(order))]
        axis.errorbar(100 * rows.value, places, xerr=bars, linestyle="none", label=label, **style)
    axis.set_xlabel("100 log(blind/conditional)")
    axis.text(0.99, 1.01, "blind worse", transform=axis.transAxes, ha="right", **_SMALL)
    axis.text(0.01, 1.01, "blind better", transform=axis.transAxes, **_SMALL)
