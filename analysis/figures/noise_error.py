"""How well one sample tells its noise level, against d and k: posterior error of lambda = sigma^-2, its bounds, its worst case."""

from __future__ import annotations

import numpy as np

from analysis.figures.style import ROLES, mark, new_figure, only, panel_label


def _lines(axis, x, bound, prop, legend: bool) -> None:
    axis.plot(x, bound, **ROLES["theory"], label=r"$4/d$: twice Cramér-Rao" if legend else None)
    axis.plot(x, prop, **ROLES["bound"], label=r"$1/d+k^2/d^2$ (Prop 3.8, $C=1$)" if legend else None)


def _curve(axis, rows, by: str, label: str, style: dict, column: str = "error") -> None:
    rows = rows.sort_values(by)
    axis.errorbar(rows[by], rows[column], 1.96 * rows[f"{column}_se"], linestyle="none", label=label, **style)


def draw(tables):
    found = only(tables, "concentration", "worst_case")
    if found is None:
        return None
    grid, worst = found
    k = int(grid.groupby("dim").ambient.nunique().idxmax())
    scan_d = worst[(~worst.reference) & (worst.dim == (worst.ambient**0.75).round())]
    scan_k = worst[(~worst.reference) & (worst.ambient == 4096)]
    over_k = grid[(grid.ambient == 4096) & grid.law.isin(["gaussian", "sphere"])]
    if len(scan_d) < 3 or len(scan_k) < 3 or over_k.dim.nunique() < 3:
        return None
    figure, axes = new_figure(1, 2, "double", row_height=3.1, sharey=False)
    left, right = axes[0]

    over_d = grid[grid.dim == k]
    for i, (name, rows) in enumerate(over_d.groupby("law")):
        style = mark(i) | {"alpha": 0.85, "markersize": 3}
        # side by side, else the laws cover one another
        _curve(left, rows.assign(ambient=rows.ambient * 1.05 ** (i - over_d.law.nunique() / 2)), "ambient", name, style)
    d = np.geomspace(grid.ambient.min() / 1.3, grid.ambient.max() * 1.3, 100)
    _lines(left, d, 4 / d, 1 / d + k**2 / d**2, True)
    _worst(left, scan_d, "ambient", r"worst case, $k=d^{3/4}$")
    left.set_xlabel("ambient dimension $d$")
    left.set_title(f"$k={k}$")

    for i, name in enumerate(sorted(over_d.law.unique())):
        rows = over_k[over_k.law == name]
        if len(rows):
            _curve(right, rows, "dim", name, mark(i))
    ks = np.geomspace(1.5, 1500, 100)
    _lines(right, ks, np.full_like(ks, 4 / 4096), 1 / 4096 + ks**2 / 4096**2, False)
    right.plot(ks, 4 / (4096 - ks), **(ROLES["theory"] | {"linestyle": "-", "linewidth": 0.6}), label=r"$4/(d-k)$, linear data")
    _worst(right, scan_k, "dim", r"worst case, same $k$")
    right.set_xlabel("intrinsic dimension $k$")
    right.set_title("$d=4096$")

    for axis, letter in zip(axes[0], "ab"):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_ylabel(r"$E|\lambda-\lambda_t|^2/\lambda_t^2$")
        axis.grid(True)
        panel_label(axis, letter)
    left.legend(loc="lower left", ncols=2, columnspacing=0.8)
    right.legend(loc="upper left")
    return figure


def _worst(axis, rows, by: str, label: str) -> None:
    """Measured points on the quadrature's line."""
    rows = rows.sort_values(by)
    color = "#000000"
    axis.plot(rows[by], rows.predicted, color=color, linewidth=0.8)
    axis.errorbar(rows[by], rows.error, 1.96 * rows.error_se, color=color, marker="o", markerfacecolor="white", linestyle="none", label=label)
