"""Where the ideal dynamics end, against p_{sigma_T}: distances fall with the steps to the floor of two equal laws."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.figures.style import ROLES, mark, new_figure, only, panel_label

CAPTION = (
    "The ideal dynamics end in p_{sigma_T}: their distance to it falls with the number of steps to that of two "
    "samples of one law (claim S1). Kolmogorov-Smirnov distances in a direction of the core (a) and in the norm "
    "of the normal coordinates (b, exact at every step count), n samples each; dash-dotted: 95 % point of two "
    "equal laws."
)
ALT = (
    "Two logarithmic panels of distance against steps: curves fall to the floor on the left and lie at it on the right."
)

_PANELS = (("ks_core", "a projection of the core"), ("ks_normal", "norm of the normal coordinates"))


def draw(tables: Mapping):
    """Left: core coordinates, which feel the discretisation. Right: normal coordinates, exact at every step count."""
    found = only(tables, "floor")
    if found is None:
        return None
    rows = found[0]
    moving, still = rows[rows.steps > 0], rows[rows.steps == 0]
    if moving.steps.nunique() < 3 or not len(still):
        return None
    figure, axes = new_figure(1, 2, width="double", row_height=2.4, sharey=True)
    n = int(rows.n.iloc[0])
    for axis, (column, title), letter in zip(axes[0], _PANELS, "ab"):
        for i, (law, g) in enumerate(moving.groupby("law")):
            for a, own in g.groupby("a"):
                own = own.sort_values("steps")
                line = "-" if a < 0.5 else ":"
                axis.loglog(own.steps, own[column], linestyle=line, label=f"{law}, $a={a:g}$", **mark(i))
        # 95 % point of the two-sample statistic at equal sizes n: 1.358 sqrt(2/n)
        axis.axhline(1.358 * (2.0 / n) ** 0.5, **ROLES["floor"])
        axis.annotate(
            "95 % point of two equal laws",
            (moving.steps.min(), 1.358 * (2.0 / n) ** 0.5),
            xytext=(0, 3),
            textcoords="offset points",
            size=6.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
        )
        axis.set(xlabel="steps", title=title)
        axis.set_xticks(sorted(moving.steps.unique()), [str(s) for s in sorted(moving.steps.unique())])
        axis.minorticks_off()
        panel_label(axis, letter)
    axes[0, 0].set_ylabel(f"KS distance, $n={n}$")
    axes[0, 1].legend(loc="upper right", ncol=2)
    return figure
