"""One histogram of squared noise levels estimated from single samples, as figures 1 and 10 show them."""

from __future__ import annotations

import numpy as np

from analysis.figures.style import COLORS, ROLES, short_number


def draw_histogram(axis, rows) -> None:
    """rows: bins of one (figure, ambient) with their summary; a bin of no width is the spike at 0."""
    spike, bins = rows[rows.right == rows.left], rows[rows.right > rows.left]
    first = rows.iloc[0]
    d, k, draws = int(first.ambient), int(first.dim), int(first.draws)
    width = (bins.right - bins.left).to_numpy()
    density = bins["count"].to_numpy() / draws / width
    axis.bar(bins.left, density, width, align="edge", color=COLORS["sky"], edgecolor="none", label="samples")
    axis.axvline(1.0, **ROLES["bound"], label=r"true $\sigma^2$")
    if d > k:
        # the normal law of variance 2 sigma^4/(d - k)
        grid = np.linspace(bins.left.min(), bins.right.max(), 400)
        variance = 2.0 / (d - k)
        density_of_normal = np.exp(-((grid - 1.0) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        axis.plot(grid, density_of_normal, **ROLES["theory"], label=r"normal, variance $2\sigma^4/(d-k)$")
        reach = 5.0 * np.sqrt(variance)
        axis.set_xlim(max(0.0, 1.0 - reach), 1.0 + reach)
    mass = float(spike["count"].sum()) / draws
    if mass > 0.01:
        top = 1.25 * density.max()
        axis.plot([0, 0], [0, top], color=COLORS["vermillion"], linewidth=2.5, solid_capstyle="butt", clip_on=False)
        axis.annotate(
            f"{100 * mass:.0f} % at 0",
            (0, top),
            xytext=(24, -6),
            textcoords="offset points",
            color=COLORS["vermillion"],
            size=7,
        )
        axis.set_ylim(0, 1.05 * top)
        axis.set_xlim(-0.2, 12.0)
    axis.set_title(f"$d={short_number(d).strip('$')}$, $k={k}$")
    axis.set_xlabel(r"$\hat\sigma^2$")
