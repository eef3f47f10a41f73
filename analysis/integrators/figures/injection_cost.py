"""What a other than 1/2 adds to the discretisation error: (1 - 2a) E|G|^2 lag^2, a cost below 1/2 and a gain above."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "a below 1/2 costs and a above 1/2 gains, at second order in the step (claims D4, D4b). a: added term of a "
    "whole Gaussian run over the leading one, exact. b: measured over predicted (1 - 2a) E|G|^2 tau^2, law by "
    "law, at lag 0.2; bars: 95 % intervals over replicates."
)
ALT = (
    "Above: curves fan out from zero with the step, up for small a and down for large a. Below: ratios of all laws "
    "around one."
)


def draw(tables: Mapping):
    """Above: added term of a whole Gaussian run against h, exact. Below: measured over predicted, law by law."""
    found = only(tables, "extra", "extra_exact")
    if found is None:
        return None
    rows, exact = found
    figure, axes = new_figure(2, 1, width="single", row_height=2.4)
    left, right = axes[:, 0]
    for i, (a, g) in enumerate(exact.groupby("a")):
        g = g.sort_values("lag")
        left.plot(g.lag, g.extra / g.leading, label=f"$a={a:g}$", **mark(i))
    left.axhline(0, color=COLORS["black"], linewidth=0.6)
    left.set(
        xscale="log",
        xlabel="step $h$",
        ylabel="added / leading term",
        title="Gaussian subspace, whole run, exact",
    )
    ticks = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
    left.set_xticks(ticks, [f"{t:g}" for t in ticks])
    left.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    left.legend()
    near = rows[(rows.lag == 0.2) & (rows.dose == 1.0)]
    laws = sorted(near.law.unique())
    for shift, (a, g) in zip((-0.15, 0.15), near.groupby("a")):
        centre, width = [], []
        for law in laws:
            ratio = (g[g.law == law].extra / g[g.law == law].predicted).to_numpy()
            centre.append(ratio.mean())
            width.append(1.96 * ratio.std(ddof=1) / np.sqrt(len(ratio)) if len(ratio) > 1 else np.nan)
        style = mark(0 if a < 0.5 else 1)
        right.errorbar(np.arange(len(laws)) + shift, centre, width, linestyle="none", label=f"$a={a:g}$", **style)
    low, high = right.get_ylim()
    right.set_ylim(min(-1.5, low), max(4.0, high))
    right.axhline(1, **ROLES["theory"])
    right.axhline(0, color=COLORS["black"], linewidth=0.6)
    right.set(ylabel="measured / predicted", title=r"lag $\tau=0.2$, 95 % intervals")
    right.set_xticks(np.arange(len(laws)), [law.replace("_", " ") for law in laws], rotation=60, ha="right")
    right.legend()
    panel_label(left, "a")
    panel_label(right, "b")
    headline(figure, "$a<1/2$ costs and $a>1/2$ gains, at second order in the step")
    return figure
