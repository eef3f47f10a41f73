"""Figure 9 of arXiv 2602.09639 on exact denoisers: true against scheduled noise, the closed form through the points."""

from __future__ import annotations

from analysis.figures.style import ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "The true noise level of a run follows v+ = c^2 v + eta^2, so plain Euler steps leave the schedule and "
    "exponential ones keep it (figure 9 of the paper; claim M2). Left: true against scheduled level; right: "
    "their ratio against the step. Points: runs of exact denoisers, conditional (filled) and blind (open); "
    "dashed: closed form."
)
ALT = "Rows a grid: points lie on their closed-form lines; only exponential Euler stays at the scheduled level."

_TITLES = {"geometric": "logarithmic grid", "karras": "Karras grid", "cosine": "cosine grid"}
_CURVES = (
    ("exponential_euler", 0.5, "exponential Euler, a = .5"),
    ("euler", 0.0, "plain Euler, a = 0"),
    ("euler", 0.2, "plain Euler, a = .2"),
    ("euler", 0.5, "plain Euler, a = .5"),
)


def draw(tables):
    """Left: true against scheduled level, conditional (filled) and blind (open). Right: their ratio."""
    found = only(tables, "mismatch_levels")
    if found is None:
        return None
    rows = found[0][~found[0].sabotage]
    grids = [g for g in _TITLES if g in set(rows.grid)]
    figure, axes = new_figure(len(grids), 2, width="single", row_height=1.6, sharex="col", sharey="col")
    for row, grid in enumerate(grids):
        above, below = axes[row]
        here = rows[rows.grid == grid]
        ends = [here.scheduled.min(), here.scheduled.max()]
        above.plot(ends, ends, color="grey", linewidth=0.6)
        below.axhline(1.0, color="grey", linewidth=0.6)
        for i, (integrator, a, label) in enumerate(_CURVES):
            style = mark(i)
            for arm, fill, name in (("conditional", style["color"], f"{label}"), ("blind", "none", None)):
                part = here[(here.integrator == integrator) & (here.a == a) & (here.arm == arm)].sort_values("step")
                if not len(part):
                    continue
                shift = slice(0, None, 5) if arm == "conditional" else slice(2, None, 5)
                dots = {
                    "marker": style["marker"],
                    "color": style["color"],
                    "markerfacecolor": fill,
                    "linestyle": "",
                    "markersize": 3.2,
                }
                above.plot(part.scheduled.iloc[shift], part.measured.iloc[shift], **dots, label=name)
                below.plot(part.step.iloc[shift], (part.measured / part.scheduled).iloc[shift], **dots)
                if arm == "conditional":
                    line = {**ROLES["theory"], "label": "closed form" if i == 0 else None}
                    above.plot(part.scheduled, part.predicted, **line)
                    below.plot(part.step, part.predicted / part.scheduled, **ROLES["theory"])
        above.set(xscale="log", yscale="log", ylabel="true level")
        above.set_title(_TITLES[grid], loc="left")
        below.set(yscale="log", ylabel="ratio")
        below.set_yticks([0.1, 0.25, 0.5, 1, 2, 4], ["0.1", "0.25", "0.5", "1", "2", "4"])
        below.minorticks_off()
        panel_label(above, "ace"[row])
        panel_label(below, "bdf"[row])
    axes[-1, 0].set_xlabel(r"scheduled level $\sigma_i$")
    axes[-1, 1].set_xlabel("step")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    axes[0, 1].annotate("filled: conditional\nopen: blind", (0.03, 0.05), xycoords="axes fraction", size=6.5)
    headline(figure, "Plain Euler steps leave the schedule, exponential ones keep it")
    return figure
