"""Which integrators are free of the ambient dimension: KL of the noisy output, W1 of the clean output of blind runs."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.figures.style import ROLES, mark, new_figure, only, panel_label

CAPTION = (
    "The error is free of d exactly for integrators whose coefficients keep the scheduled level (claim D6). Left: "
    "KL of the noisy output, Gaussian data, exact for 64 steps, so without intervals. Right: sliced W1 of the "
    "clean output of blind runs on a mixture, one run of 4000 samples a dot; dash-dotted: distance of data to "
    "data."
)
ALT = (
    "Left: flat lines for some integrators, lines that rise in proportion to d for others. Right: all curves stay "
    "flat over d."
)


def draw(tables: Mapping):
    """Left: KL of Y_N to p_{sigma_T}, Gaussian data. Right: sliced W1 of f*(Y_N), a mixture, blind denoiser."""
    found = only(tables, "dimension", "clean")
    if found is None:
        return None
    exact, clean = found
    figure, axes = new_figure(1, 2, width="double", row_height=2.6)
    left, right = axes[0]
    own = exact[(exact.a == 0.5) | exact.integrator.isin(["heun", "ddim", "edm", "dpm_solver_2m"])]
    names = sorted(exact.integrator.unique())
    for name, g in own.groupby("integrator"):
        g = g.sort_values("d")
        line = {"linestyle": ":"} if name == "ancestral" else {}
        left.loglog(g.d.astype(float), g.kl, label=name.replace("_", " "), **mark(names.index(name)), **line)
    left.set(
        xlabel="ambient dimension $d$",
        ylabel=r"KL$(p_{\sigma_T}\,\|\,$law of $Y_N)$, nats",
        title="noisy output, exact, 64 steps",
    )
    left.legend(loc="upper left", ncol=2)
    left.set_ylim(top=1e19)
    for name, g in clean.groupby("integrator"):
        g = g.sort_values("ambient")
        right.semilogx(g.ambient.astype(float), g.w1, label=name.replace("_", " "), **mark(names.index(name)))
    right.axhline(clean.floor.mean(), label="floor: data to data", **ROLES["floor"])
    right.set(
        xlabel="ambient dimension $d$",
        ylabel=r"sliced $W_1$ of $f^*(Y_N)$ to the data",
        title="clean output, blind, mixture, 24 steps",
        ylim=(0, None),
    )
    right.legend()
    panel_label(left, "a")
    panel_label(right, "b")
    return figure
