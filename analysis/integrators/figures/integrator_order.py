"""Weak order of every integrator: exact variance recursions on Gaussian data, coupled noise on other laws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import COLORS, ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "Every integrator has the weak order that it declares: 1, or 2 for Heun, EDM with churn, DPM-Solver++ 2M and "
    "the randomised midpoint (claims O1, O2). a: exact error of the two variances on Gaussian data. b: "
    "change of E|u|^2 between N and 2N steps under coupled noise, with 95 % intervals; dotted: slopes of the orders."
)
ALT = "Logarithmic panels of error against steps: families of parallel lines with slopes minus one and minus two."

_SHOWN = dict.fromkeys(
    ("heun", "ddim", "edm", "dpm_solver_2m"), 0.0
)  # deterministic methods at a = 0, the others at 1/2


def draw(tables: Mapping):
    """Above: |error| of the two variances, a = 0 for deterministic methods and 1/2 for the others.

    Below: |E|u|^2 difference between N and 2N steps|, with standard errors.
    """
    found = only(tables, "exact_order", "coupled")
    if found is None:
        return None
    exact, coupled = found
    figure, axes = new_figure(2, 1, width="single", row_height=2.9)
    left, right = axes[:, 0]
    names = sorted(exact.integrator.unique())
    for name in names:
        g = exact[
            (exact.integrator == name) & (exact.a == _SHOWN.get(name, 0.5)) & (exact.wrong_scale == 1.0)
        ].sort_values("N")
        # curves that coincide stay visible: ancestral lies on exponential Euler at a = 1/2
        dashed = {"linestyle": ":"} if name == "ancestral" else {}
        left.loglog(
            g.N, g.tangential.abs() + g.normal.abs(), label=name.replace("_", " "), **mark(names.index(name)), **dashed
        )
    _slopes(left)
    left.set(xlabel="steps $N$", ylabel="relative error of the variances", title="Gaussian data, exact")
    left.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncol=2)
    rows = coupled[
        (coupled.offset == 0.0) & coupled.integrator.isin(["exponential_euler", "heun"]) & (coupled.a == 0.0)
    ]
    for i, (law, g) in enumerate(rows.groupby("law")):
        for name, own in g.groupby("integrator"):
            own = own.sort_values("N")
            style = mark(i) | {"linestyle": "-" if name == "heun" else "--"}
            right.errorbar(
                own.N,
                own.gap.abs(),
                np.minimum(1.96 * own.gap_se, 0.9 * own.gap.abs()),
                label=law if name == "heun" else None,
                **style,
            )
    right.set(
        xscale="log",
        yscale="log",
        xlabel="steps $N$",
        ylabel=r"$|E|u|^2_N - E|u|^2_{2N}|$",
        title="noise coupled across step counts, $a=0$",
    )
    _slopes(right)
    counts = sorted(rows.N.unique())
    right.set_xticks(counts, [str(n) for n in counts])
    right.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    for name, line in (("Heun", "-"), ("exponential Euler", "--")):
        right.plot([], [], color=COLORS["black"], linestyle=line, label=name)
    right.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), ncol=3, handlelength=2.4)
    headline(figure, "Every integrator has the weak order that it declares")
    panel_label(left, "a")
    panel_label(right, "b")
    return figure


def _slopes(axis) -> None:
    """Lines of slope -1 above and -2 below all curves, named beside them."""
    curves = [line.get_xydata() for line in axis.lines if len(line.get_xydata())]
    points = np.concatenate(curves)
    points = points[(points > 0).all(axis=1)]
    n = np.array([points[:, 0].min(), points[:, 0].max()])
    first = [curve[0, 1] for curve in curves if curve[0, 1] > 0]
    for order, start, place, align in ((1, 3.0 * max(first), 4, "bottom"), (2, 0.3 * min(first), -4, "top")):
        line = start * (n / n[0]) ** -order
        axis.plot(n, line, **ROLES["bound"])
        middle = (np.sqrt(n[0] * n[1]), np.sqrt(line[0] * line[1]))
        axis.annotate(
            f"order {order}", middle, xytext=(0, place), textcoords="offset points", size=6.5, va=align,
            ha="left" if order == 1 else "right",
        )  # fmt: skip
