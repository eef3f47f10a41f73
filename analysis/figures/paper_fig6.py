"""Figure 6 of arXiv 2602.09639 on exact denoisers: the error of a conditional denoiser that is told a wrong noise level."""

from __future__ import annotations

from analysis.figures.style import ROLES, mark, new_figure, only, panel_label


def draw(tables):
    """One panel a true level: MSE over the MMSE against told/true level, a curve a law; the blind one as a line."""
    found = only(tables, "mismatch_argument")
    if found is None:
        return None
    rows = found[0]
    levels = sorted(rows.sigma.unique())
    figure, axes = new_figure(1, len(levels), width="double", sharey=True, row_height=2.2)
    for axis, letter, sigma in zip(axes[0], "abcdef", levels):
        here = rows[rows.sigma == sigma]
        for i, (law, part) in enumerate(here[here.arm == "conditional"].groupby("law")):
            axis.plot(part.factor, 1 + part.excess / part.mmse, label=law, **mark(i))
            axis.fill_between(part.factor, 1 + part.excess_low / part.mmse, 1 + part.excess_high / part.mmse, color=mark(i)["color"], alpha=0.2, linewidth=0)
            axis.plot(part.factor, 1 + part.expected_excess / part.mmse, **{**ROLES["theory"], "linewidth": 0.7}, label="theory" if i == 0 else None)
        blind = here[(here.arm == "blind") & (here.factor == 1)]
        if len(blind):
            axis.axhline(float((blind.mse / here[(here.arm == "conditional") & (here.law == blind.law.iloc[0]) & (here.factor == 1)].mse.iloc[0]).iloc[0]), **ROLES["blind"], label="blind (mixture)")
        axis.axvline(1.0, color="grey", linewidth=0.5)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xlabel("told / true noise level")
        axis.set_title(rf"true $\sigma$ = {sigma:g}")
        panel_label(axis, letter)
    axes[0, 0].set_ylabel("mean squared error / MMSE")
    axes[0, 0].legend()
    return figure
