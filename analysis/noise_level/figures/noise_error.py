"""How well one sample tells its level, against d and k: error of lambda = sigma^-2, its bounds, its worst case."""

from __future__ import annotations

import numpy as np

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "One sample tells its noise level to a relative error that falls as 1/d for every law, and the k^2/d^2 term "
    "of Prop 3.8 is attained by a law made for it alone (claims N1, N2, N3). Posterior second moment of lambda = "
    "sigma^-2 in units of lambda_t^2: against d at k = 2 (a), against k at d = 4096 (b). Dashed: linear data; "
    "dotted: the paper's form with constant 1; circles: the worst case; bars: 95 % intervals over draws."
)
ALT = (
    "Two logarithmic panels: all laws fall along the dashed line of linear data as d grows; against k only the "
    "worst case rises."
)

_AMBIENT = 4096  # the d of the scan over k


def _lines(axis, x, bound, form) -> None:
    """Twice the Cramer-Rao bound (the posterior is as wide as the MLE scatters) and the form of Prop 3.8 with C = 1."""
    axis.plot(x, bound, **ROLES["theory"], label=r"$4/(d-k)$, twice Cramér-Rao")
    axis.plot(x, form, **ROLES["bound"], label=r"$1/d+k^2/d^2$")


def _curve(axis, rows, by: str, label: str, style: dict) -> None:
    rows = rows.sort_values(by)
    axis.plot(rows[by], rows.error, linestyle="none", label=label, alpha=0.9, **style)


def draw(tables):
    found = only(tables, "concentration", "worst_case")
    if found is None:
        return None
    grid, worst = found
    over_d = grid[grid.level == 0.3]
    over_k = grid[(grid.level != 0.3) & (grid.ambient == _AMBIENT)]
    scan_d = worst[(~worst.reference) & (worst.dim == (worst.ambient**0.75).round())]
    scan_k = worst[(~worst.reference) & (worst.ambient == _AMBIENT)]
    if over_d.ambient.nunique() < 3 or min(len(scan_d), len(scan_k), over_k.dim.nunique()) < 3:
        return None
    figure, axes = new_figure(2, 1, "single", row_height=2.3, sharey=True)
    left, right = axes[:, 0]
    k = int(over_d.groupby("dim").law.nunique().idxmax())
    over_d = over_d[over_d.dim == k]
    laws = sorted(over_d.law.unique())
    for i, name in enumerate(laws):
        # side by side, else the laws cover one another
        rows = over_d[over_d.law == name].assign(ambient=lambda t, i=i: t.ambient * 1.06 ** (i - (len(laws) - 1) / 2))
        _curve(left, rows, "ambient", name.replace("_", " "), mark(i))
        _curve(right, over_k[over_k.law == name], "dim", "", mark(i))
    d = np.geomspace(over_d.ambient.min() / 1.3, over_d.ambient.max() * 1.3, 100)
    _lines(left, d, 4 / d, 1 / d + k**2 / d**2)
    _worst(left, scan_d, "ambient", r"worst case (a: $k=d^{3/4}$)")
    left.set_xlabel("ambient dimension $d$")
    left.set_title(f"$k={k}$, every law at $\\sigma=0.3$ rms")

    ks = np.geomspace(2, 1500, 100)
    _lines(right, ks, 4 / (_AMBIENT - ks), 1 / _AMBIENT + ks**2 / _AMBIENT**2)
    _worst(right, scan_k, "dim", "")
    right.set_xlabel("intrinsic dimension $k$")
    right.set_title(f"$d={_AMBIENT}$, small noise")

    for axis, letter in zip(axes[:, 0], "ab"):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.grid(True)
        axis.set_ylabel(r"$E|\lambda-\lambda_t|^2/\lambda_t^2$")
        panel_label(axis, letter)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    headline(figure, "One sample tells its noise level the better the larger $d$, whatever the law")
    return figure


def _worst(axis, rows, by: str, label: str) -> None:
    """Measured points on the quadrature's line."""
    rows, color = rows.sort_values(by), COLORS["black"]
    axis.plot(rows[by], rows.predicted, color=color, linewidth=0.8)
    axis.plot(rows[by], rows.error, color=color, marker="o", markerfacecolor="white", linestyle="none", label=label)
