"""Networks trained on n points: from the optimum on the training set to that of the law as n grows."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label, recipe

CAPTION = (
    "With 5000 training points of a 2-sphere a network sits at the optimum of the law, with 20 near that of its "
    "training set (claim T4). a: position of the network between the two exact optima (0: the law, 1: the "
    "training set), fresh (solid) and training points (dotted), bars: 95 % intervals. b: excess risk of the "
    "network and of the training set's optimum."
)
ALT = (
    "Above: positions fall from one to zero as the training set grows. Below: excess risks fall, the network's faster."
)


def draw(tables: Mapping) -> Figure | None:
    """Above: position between the optima against n. Below: excess risk of network and of the training set's optimum."""
    found = only(tables, "training_memory")
    if found is None:
        return None
    table = found[0]
    figure, axes = new_figure(2, 1, width="single", row_height=2.4)
    left, right = axes[:, 0]
    levels = sorted(table.level.dropna().unique())
    for number, level in enumerate(levels):
        for series, line in (("fresh", "-"), ("training", ":")):
            rows = table[(table.measure == "position") & (table.level == level) & (table.series == series)].sort_values(
                "n"
            )
            label = rf"$\sigma$ = {level:g}" if series == "fresh" else None
            left.errorbar(rows.n, rows.value, yerr=1.96 * rows.se, label=label, linestyle=line, **mark(number))
        for measure, line in (("excess", "-"), ("memory_excess", "--")):
            rows = table[(table.measure == measure) & (table.level == level) & (table.series == "fresh")].sort_values(
                "n"
            )
            right.errorbar(rows.n, rows.value, yerr=1.96 * rows.se, linestyle=line, **mark(number))
    for height, text, up in ((0.0, "optimum of the law", -8), (1.0, "optimum on the training set", 2)):
        left.axhline(height, **ROLES["bound"])
        left.annotate(
            text,
            (table.n.max(), height),
            xytext=(0, up),
            textcoords="offset points",
            size=6.5,
            ha="right",
            color=COLORS["grey"],
        )
    shown, half = (table[table.measure == "position"][name] for name in ("value", "se"))
    left.set_ylim(min(-0.15, float((shown - 2 * half).min())), max(1.1, float((shown + 2 * half).max())))
    left.set_ylabel("position between the optima")
    left.legend(
        title="solid: fresh, dotted: training points",
        title_fontsize=6.5,
        loc="center right",
        bbox_to_anchor=(1.0, 0.6),
    )
    right.set_yscale("log")
    right.set_ylabel("excess risk / Bayes risk")
    right.plot([], [], color=COLORS["black"], linestyle="-", label="network")
    right.plot([], [], color=COLORS["black"], linestyle="--", label="training set's optimum")
    right.legend()
    for axis, letter in ((left, "a"), (right, "b")):
        axis.set_xscale("log")
        axis.set_xlabel("training points n")
        panel_label(axis, letter)
    headline(figure, "More training points take a network from the optimum of its training set to that of the law",
             recipe(table))  # fmt: skip
    return figure
