"""Denoiser calls against the error of every sampler: exact KL on Gaussian data, D_X of clean outputs by samples."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.lines import Line2D

from analysis.figures.style import headline, mark, new_figure, only, panel_label

CAPTION = (
    "Second-order samplers need the fewest calls, and a blind run as many as a told one, save plain Euler in few "
    "steps on the mixture. a: KL(p_{sigma_T} || law of Y_N) on N(0, I_2) in R^1000, exactly, against denoiser calls;"
    " samplers whose coefficients do not keep the level pay for 998 normal directions (dotted: a = 0). Below: D_X of "
    "the clean output of 2000 runs less its floor, bars 95 %, the exact blind denoiser (full) beside the one that is "
    "told the level (dashed); levels 10 to .05."
)
ALT = "Three panels of error against denoiser calls; second-order samplers fall fastest, blind and told lie close."


def draw(tables: Mapping):
    """None unless both tables hold at least two integrators."""
    found = only(tables, "neighbours_work_exact", "neighbours_work")
    if found is None or any(t.integrator.nunique() < 2 for t in found):
        return None
    exact, runs = found
    laws = list(dict.fromkeys(runs.law))
    figure, axes = new_figure(1 + len(laws), 1, width="single", row_height=2.0)
    names = sorted(exact.integrator.unique())
    left = axes[0, 0]
    for (name, a), g in exact.groupby(["integrator", "a"]):
        style = mark(names.index(name)) | {"linestyle": ":" if a == 0.0 and name not in ("heun", "ddim") else "-"}
        left.loglog(g.calls, g.kl, **style)
    left.set(
        xlabel="denoiser calls", ylabel=r"KL$(p_{\sigma_T}\,\|\,$law of $Y_N)$, nats", title="Gaussian plane, exact"
    )
    panel_label(left, "a")
    for letter, axis, law in zip("bcdef", axes[1:, 0], laws):
        for (name, kind), g in runs[runs.law == law].groupby(["integrator", "kind"]):
            style = mark(names.index(name)) | {"linestyle": "-" if kind == "blind" else "--"}
            bars = [(g.D_X - g.D_X_low).clip(lower=0.0), g.D_X_high - g.D_X]
            axis.errorbar(g.calls * (0.98 if kind == "blind" else 1.02), g.D_X, yerr=bars, elinewidth=0.6, **style)
        axis.set_xscale("log")
        axis.set_xticks([8, 16, 32, 64], ["8", "16", "32", "64"])
        axis.minorticks_off()
        axis.set_ylim(bottom=0.0)
        axis.set(xlabel="denoiser calls", ylabel="$D_X$ of the clean output", title=law.replace("_", " "))
        panel_label(axis, letter)
    entries = [Line2D([], [], label=name.replace("_", " "), **mark(i)) for i, name in enumerate(names)]
    figure.legend(handles=entries, loc="outside lower center", ncols=2)
    headline(figure, "Second-order samplers need the fewest denoiser calls, blind (full) or told (dashed)")
    return figure
