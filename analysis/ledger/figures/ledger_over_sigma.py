"""The ledger over the noise level: where each nat of the path KL is paid, and each term beside the paper's bound."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.figures.style import COLORS, headline, new_figure, only, panel_label, short_number

__all__ = ["draw"]

CAPTION = (
    "Where each nat of the path KL is paid: at large d finite steps pay nearly all of it, and blindness almost "
    "nothing. Above: nats per unit of log sigma, stacked by term, a row a dimension and a column a denoiser; "
    "below: each term (dots) beside the paper's bound with constant 1 (bars) and the factor between them."
)
ALT = (
    "Stacked areas over the noise level, a row a dimension; below, dots of measured terms left of the bars of "
    "their bounds."
)

# bottom to top; blindness keeps its colour of the other figures
TERMS = {
    "discretisation": ("finite steps", "#C3CBD6"),
    "blind": ("blindness", COLORS["blue"]),
    "learning": ("learning error", COLORS["orange"]),
}
_ROWS, _COLUMNS, _BINS = 2, 4, 48


def draw(tables: dict[str, pandas.DataFrame]) -> Figure | None:
    """Stacked areas, one column a denoiser and one row an ambient dimension; below, the terms at the largest one."""
    found = only(tables, "ledger", "ledger_terms")
    if found is None:
        return None
    steps, terms = (t[(t["law"] == found[0]["law"].iloc[0]) & (t["dim"] == found[0]["dim"].iloc[0])] for t in found)
    denoisers, ambients = list(dict.fromkeys(steps["denoiser"]))[:_ROWS], sorted(set(steps["ambient"]))[-_COLUMNS:]
    rows, cols = len(ambients), len(denoisers)
    figure, axes = new_figure(rows + 1, cols, width="single", height_ratios=[1.0] * rows + [1.05], row_height=1.6)
    law, k, n = steps["law"].iloc[0], steps["dim"].iloc[0], steps["steps"].iloc[0]
    top = 0.0
    for i, denoiser in enumerate(denoisers):
        for j, d in enumerate(ambients):
            own, ends = (t[(t["denoiser"] == denoiser) & (t["ambient"] == d)] for t in (steps, terms))
            top = max(top, _stack(axes[j, i], own))
            _certificate(axes[j, i], ends, d)
            if j == 0:
                axes[j, i].set_title(_named(denoiser))
                panel_label(axes[j, i], "ab"[i])
            if i == 0:
                axes[j, i].set_ylabel("nats per e-fold")
    for axis in axes[:rows].ravel():
        axis.set_ylim(0, 1.8 * top)
    for axis in axes[rows - 1]:
        axis.set_xlabel(r"noise level $\sigma$")
    shown = [name for name in TERMS if float(steps[name].abs().max()) > 0]
    figure.legend(
        handles=[Patch(color=TERMS[name][1], label=TERMS[name][0]) for name in shown],
        loc="outside lower center",
        ncols=len(shown),
        handlelength=1.0,
    )
    for axis in axes[rows, :]:
        axis.remove()
    wide = figure.add_subplot(axes[rows, 0].get_gridspec()[rows, :])
    _against_bounds(wide, terms, denoisers[-1], ambients)
    panel_label(wide, "abc"[cols])
    headline(
        figure,
        "At large $d$ finite steps pay nearly all of the path KL, blindness almost nothing",
        f"{law.replace('_', ' ')}, $k={k}$, {n} steps",
    )
    return figure


def _named(denoiser: str) -> str:
    kind, _, factor = denoiser.partition(":")
    return {
        "blind": "exact blind $f^*$",
        "conditional": "exact conditional",
        "scaled": rf"${factor}\,f^*$",
    }.get(kind, kind)


def _stack(axis, steps: pandas.DataFrame) -> float:
    """The terms stacked over log sigma, steps joined in bins; returns the height reached."""
    steps = steps.sort_values("step")
    bins = np.array_split(np.arange(len(steps)), min(_BINS, len(steps)))
    sigma = steps["sigma"].to_numpy()
    ratio = sigma[:-1] / sigma[1:]
    edges = np.append(sigma, sigma[-1] / (ratio[-1] if len(ratio) else 2.0))
    ends = np.array([edges[b[0]] for b in bins] + [edges[-1]])
    width = np.log(ends[:-1] / ends[1:])
    base = np.zeros(len(bins))
    for name, (_, color) in TERMS.items():
        height = np.array([steps[name].to_numpy()[b].sum() for b in bins]) / width
        axis.fill_between(
            ends,
            np.append(base, base[-1]),
            np.append(base + height, (base + height)[-1]),
            step="post",
            color=color,
            linewidth=0,
        )
        base = base + height
    axis.set_xscale("log")
    axis.set_xlim(ends[0], ends[-1])
    return float(base.max())


def _certificate(axis, terms: pandas.DataFrame, d: float) -> None:
    """Total and certificate, written where the stack is low: at the large noise levels."""
    nats, total = terms.set_index("term")["nats"], terms[terms["term"] == "total"].iloc[0]
    tv = f"{total['tv_certified']:.2f} ($\\geq$ {total['tv_measured']:.2f})"
    lines = f"KL $\\leq$ {nats['total']:.3f} nats\nblindness {nats['blind']:.2g}\nTV $\\leq$ {tv}"
    text = f"$d$ = {short_number(d)}\n{lines}"
    axis.annotate(text, (0.04, 1.0), xycoords="axes fraction", va="top", size=6.2, color="#333333", linespacing=1.2)


def _against_bounds(axis, terms: pandas.DataFrame, denoiser: str, ambients: list[int]) -> None:
    """Measured terms (dots) and the paper's bounds with constant 1 (bars), on one logarithmic axis of nats."""
    terms = terms[terms["denoiser"] == denoiser]
    lines = [
        ("init", "start", ambients[-1:]),
        ("discretisation", "steps", ambients[-1:]),
        ("learning", "learning", ambients[-1:]),
        ("blind", "blind", ambients),
    ]
    colors = {"init": COLORS["green"], **{name: c for name, (_, c) in TERMS.items()}, "discretisation": "#8592A3"}
    labels, row = [], 0
    for name, label, at in lines:
        for d in at:
            found = terms[(terms["term"] == name) & (terms["ambient"] == d)].iloc[0]
            if not found["nats"] > 0:
                continue
            if found["bound"] > 0:
                axis.plot([found["nats"], found["bound"]], [row, row], color=colors[name], linewidth=1.0, alpha=0.45)
                axis.plot(
                    found["bound"],
                    row,
                    marker="|",
                    color=colors[name],
                    markersize=9,
                    markeredgewidth=1.6,
                    linestyle="none",
                )
                axis.annotate(
                    f"{float(format(found['bound'] / found['nats'], '.2g')):,.0f} ×",
                    (max(found["nats"], found["bound"]), row),  # beside the marks, which may lie close together
                    xytext=(5, 0),
                    textcoords="offset points",
                    va="center",
                    size=6.2,
                    color="#555555",
                )
            axis.plot(found["nats"], row, marker="o", color=colors[name], markersize=4.5, linestyle="none")
            labels.append(f"{label}, $d$ = {short_number(d)}" if name == "blind" else label)
            row += 1
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.set_xlim(low, high * (high / low) ** 0.3)  # room for the last factor
    axis.set_yticks(range(row), labels)
    axis.set_ylim(row - 0.5, -0.7)
    axis.set_xlabel(r"nats:  ● measured  |  bound, $C=1$")
    axis.grid(axis="x")
