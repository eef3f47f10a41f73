"""Excess risk of trained networks over the Bayes risk at every noise level, and the bias of their residual estimate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "Trained networks come within 2.5 % of the Bayes risk at every noise level, and their residual has the bias "
    "of the exact denoiser (claims T2, T2b). Excess risk over Bayes risk, and bias of the residual estimate, "
    "against the level; mixture and sphere, k = 4, d = 64; bars: 95 % intervals."
)
ALT = "Two panels over the noise level: excess risks below the dashed limit; biases on the predicted curve."

TARGET = 0.025


def draw(tables: Mapping) -> Figure | None:
    """A column a law: above excess over the conditional optimum, below E|f - y|^2/(d sigma^2) against 1 - k_eff/d."""
    found = only(tables, "training_nets")
    if found is None:
        return None
    table = found[0]
    laws = sorted(table.law.unique())
    figure, axes = new_figure(2, len(laws), width="single", row_height=2.15, sharex=True)
    for column, law in enumerate(laws):
        rows = table[table.law == law]
        _excess(axes[0][column], rows)
        _residual(axes[1][column], rows)
        axes[0][column].set_title(_title(rows), size=7)
        for line in (0, 1):
            panel_label(axes[line][column], "abcdefgh"[line * len(laws) + column])
    axes[0][0].set_ylabel("excess / Bayes risk")
    axes[1][0].set_ylabel(r"$E|f-y|^2 / (d\sigma^2)$")
    entries: dict = {}
    for axis in axes[::-1, 0]:
        handles, labels = axis.get_legend_handles_labels()
        entries |= dict(zip(labels, handles))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2)
    headline(
        figure,
        "Trained networks come within 2.5 % of the Bayes risk at every noise level",
        f"{recipe(table.drop(columns=['steps', 'batch']))}; steps x batch in the titles",
    )
    return figure


def _title(rows: pandas.DataFrame) -> str:
    """Law, and how long each of its two networks was trained."""
    lines = [f"{rows.law.iloc[0]}, $k={rows.dim.iloc[0]}$, $d={rows.ambient.iloc[0]}$"]
    for blind, net in sorted(rows.groupby(rows.blind.astype(str)), reverse=True):
        name = "blind" if blind == "True" else "conditional"
        lines.append(f"{name} {net.steps.iloc[0]:g} x {net.batch.iloc[0]:g}")
    return "\n".join(lines)


def _curve(rows: pandas.DataFrame, measure: str, blind: bool) -> pandas.DataFrame:
    return rows[(rows.measure == measure) & (rows.blind.astype(str) == str(blind))].sort_values("level")


def _excess(axis, rows: pandas.DataFrame) -> None:
    for blind, name in ((True, "blind"), (False, "conditional")):
        curve = _curve(rows, "excess", blind)
        half = 1.96 * curve.se
        below = np.minimum(half, 0.9 * curve.value.clip(lower=0.0))  # a logarithmic axis has no room for zero
        axis.errorbar(curve.level, curve.value, yerr=[below, half], marker="o", label=f"trained, {name}", **ROLES[name])
    price = _curve(rows, "price", True)
    axis.plot(
        price.level, price.value, color=COLORS["blue"], linestyle="--", linewidth=1.0, label="exact blind optimum"
    )
    axis.axhline(TARGET, **ROLES["bound"])
    axis.annotate(
        "2.5 %",
        (price.level.max(), TARGET),
        xytext=(0, 2),
        textcoords="offset points",
        size=6.5,
        ha="right",
        color=COLORS["grey"],
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    seen = rows[(rows.measure == "excess") & (rows.value > 0)].value
    axis.set_ylim(bottom=min(1e-5, 0.09 * seen.min()))


def _residual(axis, rows: pandas.DataFrame) -> None:
    for blind, name in ((True, "blind"), (False, "conditional")):
        curve = _curve(rows, "variance_ratio", blind)
        axis.errorbar(
            curve.level,
            curve.value,
            yerr=1.96 * curve.se,
            marker="o",
            linestyle="none",
            label=f"trained, {name}",
            **ROLES[name],
        )
    exact = _curve(rows, "variance_exact", True)
    axis.plot(exact.level, exact.value, label=r"$1 - k_{\rm eff}/d$", **ROLES["theory"])
    axis.set_xlabel(r"$\sigma$")
