"""Where blindness wins, ties and loses under plain Euler, over injection a and step length h."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Normalize

from analysis.figures.style import headline, new_figure, only, panel_label

CAPTION = (
    "Under plain Euler steps blind wins where a is small and loses where a and the step are large, in step with "
    "the mismatch of the level. a: conditional over blind error and the outcome of its 95 % interval, over "
    "injection a and step length h; mixture. b: true over scheduled level at the end, in closed form."
)
ALT = (
    "Two maps over injection and step length with one pattern: blind wins on the left, where the true level ends "
    "below the schedule."
)


def draw(tables):
    """Above: conditional over blind error, with the outcome; below: the level mismatch at the end, in closed form."""
    found = only(tables, "mismatch_phase")
    if found is None or found[0].a.nunique() < 3 or found[0].step_length.nunique() < 3:
        return None
    rows = found[0]
    figure, axes = new_figure(2, 1, width="single", row_height=2.5)
    for axis, letter, column, title in (
        (axes[0, 0], "a", "ratio", "conditional / blind error"),
        (axes[1, 0], "b", "log_mismatch_end", "true / scheduled level at the end"),
    ):
        table = rows.pivot(index="step_length", columns="a", values=column)
        values = np.log2(table.to_numpy()) if column == "ratio" else table.to_numpy() / np.log(2)
        norm = Normalize(-1.5, 1.5, clip=True)
        image = axis.imshow(
            values, origin="lower", aspect="auto", cmap="RdBu" if column == "ratio" else "PuOr", norm=norm
        )
        outcome = rows.pivot(index="step_length", columns="a", values="outcome")
        for i in range(len(table.index)):
            for j in range(len(table.columns)):
                number = 2 ** values[i, j]
                text = ("<.01" if number < 0.01 else f"{number:.2f}") + (
                    "\n" + outcome.iloc[i, j] if column == "ratio" else ""
                )
                dark = abs(norm(values[i, j]) - 0.5) > 0.3
                axis.text(
                    j, i, text, ha="center", va="center", size=6.2, color="white" if dark else "black", linespacing=0.9
                )
        axis.set_xticks(range(len(table.columns)), [f"{a:g}" for a in table.columns])
        axis.set_yticks(range(len(table.index)), [f"{h:g}" for h in table.index])
        axis.set(xlabel="injection a", ylabel="step length h")
        axis.set_title(title)
        figure.colorbar(image, ax=axis, label=r"$\log_2$", extend="both")
        panel_label(axis, letter)
    headline(
        figure, "Under plain Euler steps blind wins where $a$ is small, and loses where $a$ and the step are large"
    )
    return figure
