"""The price of blindness of each prediction against d, law by law, beside the form derived for it."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only

CAPTION = (
    "What a blind network predicts decides what blindness costs: nats of path KL at a = 1/2, k = 2, levels 20 to .02, "
    "against the ambient dimension, for five laws (markers) beside the forms derived (dashed): k/(2(d-k)) for x; "
    "logarithms of the range of levels, free of d, for eps, score and velocity (claims E1, E3, E4)."
)
ALT = (
    "Log-log plot: the price of x-prediction falls as 1/d, those of eps, score and velocity are flat near 1 to 14 nats."
)


def draw(tables: Mapping):
    """None unless two predictions have two dimensions."""
    found = only(tables, "neighbours_price")
    if found is None:
        return None
    rows = found[0]
    rows = rows[(rows.reads == rows.ambient) & (rows.ambient >= 1000)]
    if rows.predicts.nunique() < 2 or rows.ambient.nunique() < 2:
        return None
    figure, axes = new_figure(1, 1, width="single", row_height=3.0)
    axis = axes[0][0]
    laws = list(dict.fromkeys(rows.law))
    for predicts, colour in zip(("x", "eps", "score", "velocity"), ("blue", "vermillion", "green", "purple")):
        own = rows[rows.predicts == predicts]
        for law, g in own.groupby("law"):
            style = mark(laws.index(law)) | {"color": COLORS[colour], "linestyle": ""}
            axis.loglog(
                g.ambient.astype(float), g.price, label=law.replace("_", " ") if predicts == "x" else None, **style
            )
        form = own.drop_duplicates("ambient").sort_values("ambient")
        axis.loglog(form.ambient.astype(float), form.form, **(ROLES["theory"] | {"color": COLORS[colour]}))
        axis.plot([], [], color=COLORS[colour], linestyle="--", label=f"predicts {predicts}")
    axis.set(xlabel="ambient dimension $d$", ylabel="price of blindness, nats")
    figure.legend(loc="outside lower center", ncols=3)
    headline(figure, "What a blind network predicts decides the price: only $x$-prediction gets it free in high $d$")
    return figure
