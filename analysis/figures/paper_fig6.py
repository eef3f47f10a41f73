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
            low, high, theory = (1 + part[name] / part.mmse for name in ("excess_low", "excess_high", "expected_excess"))
            axis.fill_between(part.factor, low, high, color=mark(i)["color"], alpha=0.2, linewidth=0)
            axis.plot(part.factor, theory, **{**ROLES["theory"], "linewidth": 0.7}, label="theory" if i == 0 else None)
        blind = here[(here.arm == "blind") & (here.factor == 1)]
        if len(blind):
            law = blind.law.iloc[0]
            told = here[(here.arm == "conditional") & (here.law == law) & (here.factor == 1)]
            axis.axhline(blind.mse.iloc[0] / told.mse.iloc[0], **ROLES["blind"], linestyle="--", label=f"blind ({law})")
        axis.axvline(1.0, color="grey", linewidth=0.5)
        axis.set(xscale="log", yscale="log")
        axis.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
        axis.set_yticks([1, 1.5, 2, 3, 4], ["1", "1.5", "2", "3", "4"])
        axis.minorticks_off()
        axis.set_xlabel("told / true noise level")
        axis.set_title(rf"true $\sigma$ = {sigma:g}")
        panel_label(axis, letter)
    axes[0, 0].set_ylabel("mean squared error / MMSE")
    axes[0, 0].legend()
    return figure
