"""Ratios of cost within one run: bars from the least to the largest of the repeats, medians marked, targets dashed."""

from __future__ import annotations

import numpy as np

from analysis.figures.style import COLORS, headline, new_figure, only, panel_label

CAPTION = (
    "What blindness costs in processor time, and other ratios of cost within one run. Points: medians of the "
    "repeats, bars: from the least to the largest; dashed: targets."
)
ALT = "Two panels of cost ratios, a row a case, beside dashed lines of their targets."

_FORMS = (("dense d=1024", "blue", "o"), ("reduced d=1000", "vermillion", "s"), ("reduced d=1e+09", "green", "D"))


def _spread(axis, rows, heights, color: str, marker: str, label: str | None = None) -> None:
    axis.hlines(heights, rows.low, rows.high, color=color, linewidth=1.6, alpha=0.6)
    axis.plot(rows["median"], heights, linestyle="none", marker=marker, color=color, label=label)


def draw(tables):
    found = only(tables, "benchmark")
    if found is None:
        return None
    table = found[0]
    laws = table[(table.subject == "blind / conditional") & table.case.str.contains(" d=")]
    laws = laws.join(laws.case.str.extract(r"^(?P<law>\w+), (?P<form>.+), (?P<where>\w+)$"))
    rest = table[table.unit.str.startswith("ratio") & ~table.index.isin(laws.index)]
    if laws.empty or rest.empty:
        return None
    above, below = 3.9, 0.6 + 0.29 * len(rest)  # inches: labels of two lines
    figure, axes = new_figure(2, 1, "single", row_height=0.5 * (above + below), height_ratios=[above, below])
    left, right = axes[:, 0]
    names = list(dict.fromkeys(laws.law))[::-1]
    places = [(name, where) for name in names for where in ("ends", "inside")]
    for i, (form, color, marker) in enumerate(_FORMS):
        some = laws[laws.form == form].set_index(["law", "where"]).reindex(places).reset_index()
        _spread(
            left,
            some,
            np.arange(len(places)) + 0.2 * (1 - i),
            COLORS[color],
            marker,
            form.replace("1e+09", "$10^9$").replace("d=", "$d=$"),
        )
    left.set_yticks(range(len(places)), [f"{name.replace('_', ' ')}, {where}" for name, where in places])
    left.set_title("blind / conditional")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    heights = np.arange(len(rest))[::-1]
    _spread(right, rest, heights, COLORS["black"], "o")
    for height, row in zip(heights, rest.itertuples()):
        for target in (row.at_least, row.at_most):
            if 0 < target < float("inf"):
                right.plot(
                    [target, target], [height - 0.4, height + 0.4], color=COLORS["grey"], linestyle="--", linewidth=1.0
                )
    right.set_yticks(heights, [f"{row.subject}\n{row.case}" for row in rest.itertuples()], size=6.5)
    right.axvline(1.0, color=COLORS["grey"], linewidth=0.5)
    right.set_title("other ratios")
    right.set_ylim(-0.8, len(rest) - 0.2)
    for axis, letter in zip(axes[:, 0], "ab"):
        axis.set_xscale("log")
        axis.grid(True, axis="x")
        panel_label(axis, letter)
    left.set_xticks([1, 1.5, 2, 3, 5, 8], ["1", "1.5", "2", "3", "5", "8"])
    left.minorticks_off()
    left.set_xlabel("ratio: min, median, max")
    right.set_xlabel("ratio")
    headline(figure, "What blindness costs in processor time")
    return figure
