"""Which noise prior to train with, judged by the ledger; the learning term against arXiv 2602.09639, Theorem 3.12."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label, recipe

CAPTION = (
    "At equal budget no noise prior gives a smaller ledger than sigma^-3, and for it the learning term equals its "
    "bound (claims T3, L4, L4b). a: blindness, learning and cross terms of networks trained with three priors, a "
    "dot a training, beside the exact blind optimum. b: learning term over the bound of Theorem 3.12."
)
ALT = "Above: nats of the ledger, lowest for sigma^-3. Below: ratio one for sigma^-3, a hundredth or less for others."

TERMS = ("ledger_blind", "ledger_learning", "ledger_cross")


def draw(tables: Mapping) -> Figure | None:
    """Above: the ledger's denoiser terms, each training beside the exact optimum. Below: learning term / bound."""
    found = only(tables, "training_priors")
    if found is None:
        return None
    table = found[0].assign(exponent=found[0].prior.astype(float))
    figure, axes = new_figure(2, 1, width="single", row_height=2.0)
    left, right = axes[:, 0]
    exponents = sorted(table.exponent.unique())
    rows = table[table.measure.isin(TERMS)]
    for name, look in (
        ("trained", {"color": COLORS["blue"], "marker": "o"}),
        ("exact", {"color": COLORS["grey"], "marker": "_"}),
    ):
        sums = rows[rows.series == name].groupby(["exponent", "replicate"]).value.sum()
        for number, (exponent, values) in enumerate(sums.groupby(level=0)):
            label = (
                {"trained": "trained (a point a training)", "exact": "exact blind optimum"}[name]
                if number == 0
                else None
            )
            left.plot([exponents.index(exponent)] * len(values), values, linestyle="none", label=label, **look)
    left.set_yscale("log")
    left.set_ylabel("terms of the ledger, nats")
    left.legend()
    ratio = table[table.measure == "theorem"]
    for exponent, values in ratio.groupby("exponent"):
        place = [exponents.index(exponent)] * len(values)
        right.errorbar(place, values.value, yerr=1.96 * values.se, linestyle="none", marker="o", color=COLORS["blue"])
    right.axhline(1.0, **ROLES["bound"])
    right.set_yscale("log")
    right.set_ylabel("learning / bound 3.12")
    for axis, letter in ((left, "a"), (right, "b")):
        axis.set_xticks(range(len(exponents)), [rf"$\sigma^{{{e:g}}}$" for e in exponents])
        axis.set_xlim(-0.5, len(exponents) - 0.5)
        axis.set_xlabel("training prior")
        panel_label(axis, letter)
    headline(figure, r"At equal budget no noise prior gives a smaller ledger than $\sigma^{-3}$", _trained(table))
    return figure


def _trained(table) -> str:
    """Law and recipe; the priors are on the axis."""
    law = f"{table.law.iloc[0]}, $k={table.dim.iloc[0]}$, $d={table.ambient.iloc[0]}$"
    return f"{law}; {recipe(table.drop(columns='prior'))}"
