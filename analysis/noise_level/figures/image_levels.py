"""Relative error of the noise level of one image against the level, beside the Cramer-Rao bound (figure 12)."""

from __future__ import annotations

import math

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only

CAPTION = (
    "The noise level of one image is estimated as well as the Cramer-Rao bound allows (figure 12 of the paper; "
    "claim I1). Root mean square relative error of the maximum-likelihood estimate against the true level, images "
    "on 2-dimensional manifolds; open: the estimate that takes the image for noise; bars: 95 % intervals over "
    "images."
)
ALT = (
    "Relative errors of three families of images lie on the dashed Cramer-Rao bound; those of the naive estimate "
    "are larger at small noise."
)


def draw(tables):
    found = only(tables, "image_levels")
    if found is None or found[0].sigma.nunique() < 2:
        return None
    rows = found[0][found[0].law != "gaussian"]  # the claim's null
    sizes = sorted(rows.ambient.unique())
    figure, axes = new_figure(len(sizes), 1, "single", row_height=2.1, sharey=True)
    for axis, d in zip(axes[:, 0], sizes):
        at = rows[rows.ambient == d]
        for i, (name, part) in enumerate(at.groupby("law")):
            part = part.sort_values("sigma")
            x = part.sigma * 1.03 ** (i - 1)
            axis.errorbar(x, part.mle, 1.96 * part.mle_se, linestyle="none", label=f"{name}, MLE", **mark(i))
            axis.plot(
                x,
                part.naive,
                linestyle=":",
                linewidth=0.8,
                markerfacecolor="none",
                **mark(i),
                label="image taken for noise" if i == 0 else None,
            )
        bound = at.groupby("sigma").cramer_rao.mean()
        axis.plot(bound.index, bound, **ROLES["theory"], label="Cramér-Rao bound")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks(sorted(at.sigma.unique()), [f"{s:g}" for s in sorted(at.sigma.unique())])
        axis.minorticks_off()
        axis.set_yticks([0.01, 0.02, 0.05, 0.1, 0.2], ["1 %", "2 %", "5 %", "10 %", "20 %"])
        axis.grid(True, color=COLORS["grey"])
        axis.set_title(rf"${math.isqrt(d)}\times{math.isqrt(d)}$ pixels, $k=2$")
        axis.set_ylabel(r"rms relative error of $\hat\sigma$")
    axes[-1, 0].set_xlabel(r"noise level $\sigma$ (pixels in $[0,1]$)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    headline(figure, "The noise level of one image is estimated as well as the Cramér-Rao bound allows")
    return figure
