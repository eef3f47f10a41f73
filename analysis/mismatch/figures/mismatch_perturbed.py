"""Wrong schedules: the assumed level, the start level, or the last step is off; who notices."""

from __future__ import annotations

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label

CAPTION = (
    "A wrong assumed or first level hurts the conditional denoiser alone; a long last step hurts all arms. Sliced "
    "distance to the data against the size of the perturbation, mixture, 25 steps; bars: 95 % intervals over "
    "replicates; dash-dotted: floor."
)
ALT = (
    "Three panels: only the conditional curve rises with a wrong level or start; all curves rise with a long last step."
)

_ARMS = {
    "conditional": (ROLES["conditional"]["color"], "s"),
    "informed": (COLORS["orange"], "D"),
    "blind": (ROLES["blind"]["color"], "o"),
}
_STYLES = ("-", "--", ":")
_ASIDE = {"conditional": 0, "informed": -1, "blind": 1}  # curves that agree are drawn a little apart
_NAMES = {"euler": "plain Euler", "exponential_euler": "exponential Euler"}


def draw(tables):
    """One panel a perturbation: error of the arms against its size; line styles are values of a or integrators."""
    found = only(tables, "mismatch_perturbed")
    if found is None or found[0].groupby("perturbation")["size"].nunique().min() < 2:
        return None
    rows = found[0]
    figure, axes = new_figure(3, 1, width="single", row_height=1.9, sharey=True)
    panels = (
        ("told", "a", "assumed level off by"),
        ("start", "a", "start over first level"),
        ("last", "integrator", "last step: ratio of levels"),
    )
    for axis, letter, (kind, by, label) in zip(axes[:, 0], "abc", panels):
        here = rows[rows.perturbation == kind]
        for style, (value, part) in zip(_STYLES, here.groupby(by)):
            for arm, (color, marker) in _ARMS.items():
                line = part[part.arm == arm].sort_values("size")
                aside = _ASIDE[arm]
                x = (100 if kind == "told" else 1) * line["size"] * (1.03 if kind == "start" else 1.06) ** aside
                reach = [(line.error - line.error_low).clip(lower=0), (line.error_high - line.error).clip(lower=0)]
                look = {"color": color, "marker": marker, "linestyle": style}
                axis.errorbar(x, line.error, yerr=reach, **look, label=arm if style == "-" else None)
            axis.plot(
                [],
                [],
                color="black",
                linestyle=style,
                label=f"a = {value:g}" if by == "a" else _NAMES.get(value, value),
            )
        axis.axhline(here.floor.mean(), **ROLES["floor"], label="floor")
        axis.set(xlabel=label + (" (%)" if kind == "told" else ""), yscale="log")
        ticks = sorted(here["size"].unique())
        if kind == "told":
            ticks = [-50, -10, -1, 1, 10, 50]
            axis.set_xscale("symlog", linthresh=1, linscale=0.3)
        else:
            axis.set_xscale("log")
        axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
        axis.set_yticks([0.03, 0.05, 0.1, 0.2], ["0.03", "0.05", "0.1", "0.2"])
        axis.minorticks_off()
        handles, labels = axis.get_legend_handles_labels()
        lines = [pair for pair in zip(handles, labels) if pair[1] not in (*_ARMS, "floor")]
        axis.legend(*zip(*lines), loc="upper center")
        panel_label(axis, letter)
        axis.set_ylabel(r"sliced $W_2$")
    common = [pair for pair in zip(handles, labels) if pair[1] in (*_ARMS, "floor")]
    figure.legend(*zip(*common), loc="outside lower center", ncols=4)
    headline(figure, "A wrong level hurts the conditional denoiser alone; a long last step hurts all")
    return figure
