"""Where the ideal dynamics end, against p_{sigma_T}: distances fall with the steps to the floor of two equal laws."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.figures.style import ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "The ideal dynamics end in p_{sigma_T}: their distance to it falls with the number of steps to that of two "
    "samples of one law (claim S1). Kolmogorov-Smirnov distances in a direction of the core (a) and in the norm "
    "of the normal coordinates (b, exact at every step count), n samples each; dash-dotted: 95 % point of two "
    "equal laws."
)
ALT = "Two logarithmic panels of distance against steps: curves fall to the floor above and lie at it below."

_PANELS = (("ks_core", "a projection of the core"), ("ks_normal", "norm of the normal coordinates"))


def draw(tables: Mapping):
    """Above: core coordinates, which feel the discretisation. Below: normal coordinates, exact at every step count."""
    found = only(tables, "floor")
    if found is None:
        return None
    rows = found[0]
    moving, still = rows[rows.steps > 0], rows[rows.steps == 0]
    if moving.steps.nunique() < 3 or not len(still):
        return None
    figure, axes = new_figure(2, 1, width="single", row_height=2.1, sharex=True, sharey=True)
    n = int(rows.n.iloc[0])
    for axis, (column, title), letter in zip(axes[:, 0], _PANELS, "ab"):
        for i, (law, g) in enumerate(moving.groupby("law")):
            for a, own in g.groupby("a"):
                own = own.sort_values("steps")
                line = "-" if a < 0.5 else ":"
                axis.loglog(own.steps, own[column], linestyle=line, label=f"{law}, $a={a:g}$", **mark(i))
        # 95 % point of the two-sample statistic at equal sizes n: 1.358 sqrt(2/n)
        axis.axhline(1.358 * (2.0 / n) ** 0.5, label="95 %, two equal laws", **ROLES["floor"])
        axis.set_title(title)
        axis.set_xticks(sorted(moving.steps.unique()), [str(s) for s in sorted(moving.steps.unique())])
        axis.minorticks_off()
        panel_label(axis, letter)
        axis.set_ylabel(f"KS distance, $n={n}$")
    axes[1, 0].set_xlabel("steps")
    figure.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    headline(figure, r"The ideal dynamics end in $p_{\sigma_T}$: more steps bring them to the floor")
    return figure
