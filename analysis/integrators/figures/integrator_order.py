"""Weak order of every integrator: exact variance recursions on Gaussian data, coupled noise on other laws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.figures.style import mark, new_figure, only, panel_label, reference_slope

CAPTION = (
    "Every integrator has the weak order that it declares: 1, or 2 for Heun, EDM with churn, DPM-Solver++ 2M and "
    "the randomised midpoint (claims O1, O2). Left: exact error of the two variances on Gaussian data. Right: "
    "change of E|u|^2 between N and 2N steps under coupled noise, with 95 % intervals; solid: Heun, dashed: "
    "exponential Euler."
)
ALT = "Logarithmic panels of error against steps: families of parallel lines with slopes minus one and minus two."

_SHOWN = dict.fromkeys(
    ("heun", "ddim", "edm", "dpm_solver_2m"), 0.0
)  # deterministic methods at a = 0, the others at 1/2


def draw(tables: Mapping):
    """Left: |error| of the two variances, a = 0 for deterministic methods and 1/2 for the others.

    Right: |E|u|^2 difference between N and 2N steps|, with standard errors.
    """
    found = only(tables, "exact_order", "coupled")
    if found is None:
        return None
    exact, coupled = found
    figure, axes = new_figure(1, 2, width="double", row_height=2.9)
    left, right = axes[0]
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
    first = exact[(exact.integrator == "heun")].sort_values("N")
    reference_slope(
        left, first.N.to_numpy(), 0.6 * (first.tangential.abs() + first.normal.abs()).iloc[0], -2, "order 2"
    )
    other = exact[
        (exact.integrator == "exponential_euler") & (exact.a == 0.5) & (exact.wrong_scale == 1.0)
    ].sort_values("N")
    reference_slope(
        left, other.N.to_numpy(), 0.6 * (other.tangential.abs() + other.normal.abs()).iloc[0], -1, "order 1"
    )
    left.set(xlabel="steps $N$", ylabel="relative error of the variances", title="Gaussian data, exact")
    left.set_ylim(bottom=1e-14)
    left.legend(loc="lower left", ncol=2)
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
                label=f"{law}, {name.replace('_', ' ')}",
                **style,
            )
    right.set(
        xscale="log",
        yscale="log",
        xlabel="steps $N$",
        ylabel=r"$|E|u|^2_N - E|u|^2_{2N}|$",
        title="noise coupled across step counts, $a=0$",
    )
    right.set_ylim(bottom=1e-9)
    counts = sorted(rows.N.unique())
    right.set_xticks(counts, [str(n) for n in counts])
    right.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    right.legend(loc="lower left", handlelength=3.0)
    panel_label(left, "a")
    panel_label(right, "b")
    return figure
