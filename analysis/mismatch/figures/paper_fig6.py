"""Figure 6 of arXiv 2602.09639: the error of a conditional denoiser told a wrong noise level, exact and trained."""

from __future__ import annotations

from analysis.figures.style import ROLES, headline, mark, new_figure, only, panel_label, recipe

CAPTION = (
    "A conditional denoiser errs least when it is told the true level (figure 6 of the paper; claim M1). Mean "
    "squared error over the least one, against told over true level, at three true levels: left exact denoisers "
    "and the closed form, right trained networks (solid) with the exact curves (dashed) and blind ones (horizontal)."
)
ALT = (
    "U-shaped curves with their minimum at the true level, a row a noise level; the blind denoiser is a "
    "horizontal line near the minimum."
)

_TICKS = [0.25, 0.5, 1, 2, 4]
_LEAST = 1e-4  # below it nothing is drawn: the exact curve falls to 0 at the true level


def draw(tables):
    """A row a true level. Left: MSE over MMSE of exact denoisers against told/true level, a curve a law; the blind
    one as a line. Right: what trained networks lose to the MMSE, beside the exact denoisers of their laws."""
    found = only(tables, "mismatch_argument")
    if found is None:
        return None
    rows, trained = found[0], tables.get("mismatch_trained")
    levels, laws = sorted(rows.sigma.unique()), sorted(rows.law.unique())
    both = trained is not None and len(trained) > 0
    figure, axes = new_figure(len(levels), 2 if both else 1, width="single", sharey="col", sharex=True, row_height=1.7)
    for row, sigma in enumerate(levels):
        _exact(axes[row, 0], rows[rows.sigma == sigma])
        axes[row, 0].set_title(rf"exact, $\sigma={sigma:g}$")
        axes[row, 0].set_ylabel("MSE / MMSE")
        if both:
            _trained(axes[row, 1], trained[trained.sigma == sigma], laws)
            axes[row, 1].set_title(rf"trained, $\sigma={sigma:g}$")
            axes[row, 1].set_ylabel("MSE / MMSE - 1")
    for axis in axes[-1]:
        axis.set_xlabel("told / true level")
    for axis, letter in zip(axes.ravel(), "abcdef"):
        axis.axvline(1.0, color="grey", linewidth=0.5)
        axis.set(xscale="log", yscale="log")
        axis.set_xticks(_TICKS, ["1/4", "1/2", "1", "2", "4"])
        panel_label(axis, letter)
    for axis in axes[:, 0]:
        axis.set_yticks([1, 1.5, 2, 3, 4], ["1", "1.5", "2", "3", "4"])
        axis.minorticks_off()
    if both:
        for axis in axes[:, 1]:
            axis.set_yticks([1e-4, 1e-3, 1e-2, 1e-1, 1], ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"])
            axis.minorticks_off()
        axes[0, 1].set_ylim(bottom=_LEAST)
    entries: dict = {}
    for axis in axes[0]:
        handles, labels = axis.get_legend_handles_labels()
        entries |= dict(zip(labels, handles))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2)
    headline(
        figure, "A conditional denoiser errs least when it is told the true level", _networks(trained) if both else ""
    )
    return figure


def _exact(axis, here):
    for i, (law, part) in enumerate(here[here.arm == "conditional"].groupby("law")):
        part = part.sort_values("factor")
        axis.plot(part.factor, 1 + part.excess / part.mmse, label=law, **mark(i))
        low, high, theory = (1 + part[name] / part.mmse for name in ("excess_low", "excess_high", "expected_excess"))
        axis.fill_between(part.factor, low, high, color=mark(i)["color"], alpha=0.2, linewidth=0)
        axis.plot(part.factor, theory, **{**ROLES["theory"], "linewidth": 0.7})
    axis.plot([], [], **{**ROLES["theory"], "linewidth": 0.7}, label="theory")
    blind = here[(here.arm == "blind") & (here.factor == 1)]
    if len(blind):
        law = blind.law.iloc[0]
        told = here[(here.arm == "conditional") & (here.law == law) & (here.factor == 1)]
        axis.axhline(blind.mse.iloc[0] / told.mse.iloc[0], **ROLES["blind"], linestyle="--", label=f"blind ({law})")


def _trained(axis, here, laws):
    """A law has the colour and the marker that it has on the left."""
    for law, dim, ambient in sorted(set(zip(here.law, here.dim, here.ambient))):
        style = mark(laws.index(law) if law in laws else len(laws))
        color = style["color"]
        part = here[here.law == law].sort_values("factor").assign(above=lambda t: t.mse / t.mmse - 1)
        network, exact = (part[(part.arm == "conditional") & (part.denoiser == name)] for name in ("trained", "exact"))
        low, high = (network[name] / network.mmse - 1 for name in ("mse_low", "mse_high"))
        title = f"{law} {dim}/{ambient}"
        axis.plot(network.factor, network.above, **style, label=f"{title}: trained")
        axis.fill_between(network.factor, low.clip(lower=_LEAST), high, color=color, alpha=0.2, linewidth=0)
        axis.plot(
            exact.factor, exact.above.clip(lower=_LEAST / 10), color=color, linestyle="--", linewidth=1.0, label="exact"
        )
        for name, style in (("trained", (0, (6, 1, 1, 1))), ("exact", ":")):
            blind = part[(part.arm == "blind") & (part.denoiser == name)]
            if len(blind):
                axis.axhline(blind.above.iloc[0], color=color, linestyle=style, linewidth=0.9, label=f"blind, {name}")


def _networks(trained) -> str:
    """Which networks those are, and k/d of their laws."""
    return f"trained: {recipe(trained)}; $k/d$ behind the law"
