"""The ledger over the noise level: where each nat of the path KL is paid, and each term beside the paper's bound."""

from __future__ import annotations

import numpy as np
import pandas
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.figures.style import COLORS, new_figure, only, panel_label, short_number

__all__ = ["draw"]

CAPTION = (
    "Where each nat of the path KL is paid: at large d finite steps pay nearly all of it, and blindness almost "
    "nothing. Above: nats per unit of log sigma, stacked by term; below: each term (dots) beside the paper's "
    "bound with constant 1 (bars) and the factor between them."
)
ALT = (
    "Stacked areas over the noise level, a panel a dimension; below, dots of measured terms left of the bars of "
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
    """Stacked areas, one row a denoiser and one column an ambient dimension; below, the terms at the largest one."""
    found = only(tables, "ledger", "ledger_terms")
    if found is None:
        return None
    steps, terms = (t[(t["law"] == found[0]["law"].iloc[0]) & (t["dim"] == found[0]["dim"].iloc[0])] for t in found)
    denoisers, ambients = list(dict.fromkeys(steps["denoiser"]))[:_ROWS], sorted(set(steps["ambient"]))[-_COLUMNS:]
    rows, cols = len(denoisers), len(ambients)
    figure, axes = new_figure(rows + 1, cols, width="double", height_ratios=[1.0] * rows + [0.9], row_height=1.65)
    law, k, n = steps["law"].iloc[0], steps["dim"].iloc[0], steps["steps"].iloc[0]
    top = 0.0
    for i, denoiser in enumerate(denoisers):
        for j, d in enumerate(ambients):
            own, ends = (t[(t["denoiser"] == denoiser) & (t["ambient"] == d)] for t in (steps, terms))
            top = max(top, _stack(axes[i, j], own))
            _certificate(axes[i, j], ends)
            if i == 0:
                axes[i, j].set_title(rf"$d$ = {short_number(d)}")
            if j == 0:
                axes[i, j].set_ylabel("nats per e-fold of $\\sigma$")
                axes[i, j].annotate(_named(denoiser), (0.05, 1.0), xycoords="axes fraction", va="top", size=7)
                panel_label(axes[i, j], "ab"[i])
    for axis in axes[:rows].ravel():
        axis.set_ylim(0, 1.12 * top)
        axis.set_xlabel(r"noise level $\sigma$ (time $\rightarrow$)")
    shown = [name for name in TERMS if float(steps[name].abs().max()) > 0]
    figure.legend(
        handles=[Patch(color=TERMS[name][1], label=TERMS[name][0]) for name in shown],
        loc="outside upper right",
        ncols=len(shown),
        handlelength=1.0,
    )
    for axis in axes[rows, :]:
        axis.remove()
    wide = figure.add_subplot(axes[rows, 0].get_gridspec()[rows, :])
    _against_bounds(wide, terms, denoisers[-1], ambients)
    panel_label(wide, "c")
    figure.suptitle(
        f"Error ledger of a blind sampler ({law.replace('_', ' ')}, $k$ = {k}, {n} steps)", size=9, x=0.01, ha="left"
    )
    return figure


def _named(denoiser: str) -> str:
    kind, _, factor = denoiser.partition(":")
    return {
        "blind": "exact blind denoiser $f^*$",
        "conditional": "exact conditional denoiser",
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


def _certificate(axis, terms: pandas.DataFrame) -> None:
    """Total and certificate, written where the stack is low: at the large noise levels."""
    nats, total = terms.set_index("term")["nats"], terms[terms["term"] == "total"].iloc[0]
    tv = f"{total['tv_certified']:.2f} ($\\geq$ {total['tv_measured']:.2f})"
    text = f"KL $\\leq$ {nats['total']:.3f} nats\nblindness {nats['blind']:.2g}\nTV $\\leq$ {tv}"
    axis.annotate(text, (0.05, 0.84), xycoords="axes fraction", va="top", size=6.2, color="#333333", linespacing=1.35)


def _against_bounds(axis, terms: pandas.DataFrame, denoiser: str, ambients: list[int]) -> None:
    """Measured terms (dots) and the paper's bounds with constant 1 (bars), on one logarithmic axis of nats."""
    terms = terms[terms["denoiser"] == denoiser]
    lines = [
        ("init", "start", ambients[-1:]),
        ("discretisation", "finite steps", ambients[-1:]),
        ("learning", "learning error", ambients[-1:]),
        ("blind", "blindness", ambients),
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
                    (np.sqrt(found["nats"] * found["bound"]), row),
                    xytext=(0, 2.5),
                    textcoords="offset points",
                    ha="center",
                    size=6,
                    color="#555555",
                )
            axis.plot(found["nats"], row, marker="o", color=colors[name], markersize=4.5, linestyle="none")
            labels.append(f"{label}, $d$ = {short_number(d)}" if name == "blind" else label)
            row += 1
    axis.set_xscale("log")
    axis.set_yticks(range(row), labels)
    axis.set_ylim(row - 0.5, -0.7)
    axis.set_xlabel("nats:  ● measured   |  the paper's bound, constant 1")
    axis.grid(axis="x")
