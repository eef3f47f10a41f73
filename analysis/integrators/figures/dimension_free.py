"""Which integrators are free of the ambient dimension: KL of the noisy output, W1 of the clean output of blind runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import stats

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "The error is free of d exactly for integrators whose coefficients keep the scheduled level (claim D6). a: KL "
    "of the noisy output, Gaussian data, exact for 64 steps, so without intervals. b: sliced W1 of the clean output "
    "of blind runs on a mixture, one run of 4000 samples a dot; intervals: 95 %, from the scatter of the runs of an "
    "integrator (moved apart at each d) about their mean over d, which a trend could only widen; band: smallest to "
    "largest distance of two samples of the data."
)
ALT = (
    "Above: flat lines for some integrators, lines that rise in proportion to d for others. Below: all curves stay "
    "flat over d."
)

_APART = 1.35  # places of integrators at one d, so that no interval covers another


def _reach(clean) -> float:
    """Half of the 95 % interval of one run's distance: runs of an integrator scatter about their mean over d."""
    rest = clean.w1 - clean.groupby("integrator").w1.transform("mean")
    free = len(rest) - clean.integrator.nunique()
    return float(stats.t.ppf(0.975, free) * np.sqrt(np.square(rest).sum() / free)) if free > 0 else 0.0


def draw(tables: Mapping):
    """Above: KL of Y_N to p_{sigma_T}, Gaussian data. Below: sliced W1 of f*(Y_N), a mixture, blind denoiser."""
    found = only(tables, "dimension", "clean")
    if found is None:
        return None
    exact, clean = found
    figure, axes = new_figure(2, 1, width="single", row_height=2.5)
    above, below = axes[:, 0]
    own = exact[(exact.a == 0.5) | exact.integrator.isin(["heun", "ddim", "edm", "dpm_solver_2m"])]
    names = sorted(exact.integrator.unique())
    for name, g in own.groupby("integrator"):
        g = g.sort_values("d")
        line = {"linestyle": ":"} if name == "ancestral" else {}
        above.loglog(g.d.astype(float), g.kl, label=name.replace("_", " "), **mark(names.index(name)), **line)
    above.set(
        xlabel="ambient dimension $d$",
        ylabel=r"KL$(p_{\sigma_T}\,\|\,$law of $Y_N)$, nats",
        title="noisy output, exact, 64 steps",
    )
    reach = _reach(clean)
    for i, (name, g) in enumerate(clean.groupby("integrator")):
        g = g.sort_values("ambient")
        d = g.ambient.astype(float) * _APART ** (i - 1)
        below.errorbar(d, g.w1, yerr=reach, label=name.replace("_", " "), **mark(names.index(name)))
    below.set_xscale("log")
    below.axhspan(
        clean.floor.min(), clean.floor.max(), color=COLORS["grey"], alpha=0.2, linewidth=0, label="data to data"
    )
    below.axhline(clean.floor.mean(), **ROLES["floor"])
    below.set(
        xlabel="ambient dimension $d$",
        ylabel=r"sliced $W_1$ of $f^*(Y_N)$ to the data",
        title="clean output, blind, mixture, 24 steps",
        ylim=(0, None),
    )
    entries = dict(zip(*reversed(below.get_legend_handles_labels()))) | dict(
        zip(*reversed(above.get_legend_handles_labels()))
    )
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2)
    headline(figure, "Integrators that keep the scheduled level have an error free of $d$")
    panel_label(above, "a")
    panel_label(below, "b")
    return figure
