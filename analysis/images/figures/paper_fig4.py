"""Figure 4 of arXiv 2602.09639: PSNR out against PSNR in, blind and conditional; networks beside the exact optima."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas
from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "A blind and a conditional network of one body denoise equally well, to within a fraction of a decibel (figure 4 "
    "of the paper; claims I2, I4). Above: PSNR out against PSNR in on images of known law, beside the exact optima. "
    "Below: blind minus conditional PSNR, the band that the claims allow, and a conditional network told 1.5 sigma; "
    "bars: 95 % intervals over images."
)
ALT = (
    "PSNR of the blind and the conditional network coincide on the exact optima; their difference stays within "
    "the allowed band."
)

LIMITS = {"blobs": 0.2, "field": 0.025}  # dB, of the claims
_DECIBELS = 10.0 / math.log(10.0)
_SMALL = {"size": 6.5, "color": COLORS["grey"]}


def draw(tables: Mapping) -> Figure | None:
    """A column a law: PSNR out, and below it PSNR of the blind one minus that of the conditional one.

    Trained and exact; with what the conditional network loses when it is told 1.5 times the level. Grey: k_eff^2 > d.
    """
    found = only(tables, "training_images")
    if found is None:
        return None
    table = found[0]
    laws = sorted(table[table.task == "denoise"].law.unique())
    if not laws:
        return None
    figure, axes = new_figure(2, len(laws), width="single", row_height=2.4, sharex="col", height_ratios=[1.15, 1.0])
    for column, law in enumerate(laws):
        rows = table[table.law == law]
        k, d = int(rows.dim.iloc[0]), int(rows.ambient.iloc[0])
        curves = _Curves(rows, d)
        if len(curves.failing):
            for axis in axes[:, column]:
                axis.axvspan(
                    curves.failing.min() - 0.5,
                    curves.failing.max() + 0.5,
                    color=COLORS["grey"],
                    alpha=0.15,
                    linewidth=0,
                )
            axes[0][column].text(
                curves.failing.min(),
                0.04,
                r"$k_{\rm eff}^2>d$",
                **_SMALL,
                transform=axes[0][column].get_xaxis_transform(),
            )
        _levels(axes[0][column], curves)
        _difference(axes[1][column], curves, LIMITS.get(law, 0.2))
        side = math.isqrt(d)
        axes[0][column].set_title(rf"{law}, $k={k}$")
        axes[1][column].set_xlabel("PSNR in (dB)")
        for line in (0, 1):
            panel_label(axes[line][column], "abcdefgh"[line * len(laws) + column])
    axes[0][0].set_ylabel("PSNR out (dB)")
    axes[1][0].set_ylabel("difference (dB)")
    both = [axes[line][0].get_legend_handles_labels() for line in (0, 1)]
    figure.legend(*(a + b for a, b in zip(*both, strict=True)), loc="outside lower center", ncols=1)
    headline(
        figure,
        f"A blind and a conditional network denoise equally well (${side}\\times{side}$ pixels)",
        recipe(table[table.task == "denoise"].drop(columns="filters", errors="ignore")),
    )
    return figure


class _Curves:
    """What one law's cells hold, as PSNRs in dB against PSNR in."""

    def __init__(self, rows: pandas.DataFrame, d: int):
        self.rows = rows
        exact = self._curve("exact", "bayes")
        self.floor = -_DECIBELS * np.log(exact.value / d)  # of the conditional optimum
        sigma = exact.index.to_numpy()
        self.k_eff = exact.value / sigma**2
        self.failing = -20.0 * np.log10(sigma[(self.k_eff**2 / d > 1.0).to_numpy()])

    def _curve(self, task: str, measure: str, blind: str | None = None, series: str = "") -> pandas.DataFrame:
        rows = self.rows[
            (self.rows.task == task) & (self.rows.measure == measure) & (self.rows.series.fillna("") == series)
        ]
        if blind is not None:
            rows = rows[rows.blind.astype(str) == blind]
        return rows.set_index("level").sort_index()[["value", "se"]]

    def loss(
        self, task: str, measure: str, blind: str | None = None, series: str = ""
    ) -> tuple[np.ndarray, pandas.Series, pandas.Series]:
        """(PSNR in, loss in dB to the conditional optimum, its standard error)."""
        curve = self._curve(task, measure, blind, series)
        x = -20.0 * np.log10(curve.index.to_numpy())
        return x, _DECIBELS * np.log1p(curve.value), _DECIBELS * curve.se / (1.0 + curve.value)


def _levels(axis, curves: _Curves) -> None:
    x = -20.0 * np.log10(curves.floor.index.to_numpy())
    axis.plot(x, curves.floor, label="exact optima: one line, blind or conditional", **ROLES["theory"])
    axis.plot(x, x, label="noisy image", **ROLES["bound"])
    for blind, name, marker in (("True", "blind", "o"), ("False", "conditional", "x")):
        at, loss, _ = curves.loss("denoise", "excess", blind)
        # the two fall on each other: an open ring and a cross inside it
        style = {"markersize": 6.0, "markerfacecolor": "none"} if marker == "o" else {"markersize": 4.0}
        axis.plot(
            at,
            curves.floor.loc[loss.index] - loss,
            linestyle="none",
            marker=marker,
            label=f"trained, {name}",
            **style,
            **ROLES[name],
        )


def _difference(axis, curves: _Curves, limit: float) -> None:
    x, loss, se = curves.loss("denoise", "excess", "True")
    _, base, base_se = curves.loss("denoise", "excess", "False")
    axis.axhspan(-limit, limit, color=COLORS["sky"], alpha=0.15, linewidth=0)
    axis.axhline(0.0, color=COLORS["grey"], linewidth=0.5)
    axis.annotate(f"allowed: {limit:g} dB", (x.min(), limit), xytext=(0, -8), textcoords="offset points", **_SMALL)
    axis.errorbar(
        x,
        base - loss,
        yerr=1.96 * np.sqrt(se**2 + base_se**2),
        marker="o",
        label="trained: blind $-$ conditional",
        **ROLES["blind"],
    )
    at, price, _ = curves.loss("exact", "price")
    axis.plot(at, -price, label="exact optima: blind $-$ conditional", **ROLES["theory"])
    at, wrong, wrong_se = curves.loss("denoise", "excess", "False", "told")
    shown = base.loc[wrong.index]
    label = r"trained: conditional told $1.5\,\sigma$ $-$ conditional"
    axis.errorbar(
        at, shown - wrong, yerr=1.96 * wrong_se, marker="D", linestyle=":", label=label, **ROLES["conditional"]
    )
