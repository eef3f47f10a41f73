"""Which part of "blind is better" is blindness: errors of three arms that differ in the noise level they assume."""

from __future__ import annotations

import numpy as np

from analysis.figures.style import COLORS, ROLES, headline, new_figure, only, panel_label

CAPTION = (
    "Where blind beats conditional the sampler is to blame: told the true level, the conditional denoiser is as "
    "good (claims M3, M4, M5). Sliced distance to the data of three arms with equal coefficients and draws, law "
    "by law (a, b) and integrator by integrator (c); bars: 95 % intervals over replicates; grey: floor."
)
ALT = (
    "Errors of three arms: told the schedule is worse under plain Euler only; told the true level and told "
    "nothing coincide."
)

_ARMS = {
    "conditional": ("conditional, told the schedule", ROLES["conditional"]["color"], "s"),
    "informed": ("conditional, told the true level", COLORS["orange"], "D"),
    "blind": ("blind, told nothing", ROLES["blind"]["color"], "o"),
}
_INTEGRATORS = {
    "euler": "plain Euler", "exponential_euler": "exp. Euler", "ddim": "DDIM", "ancestral": "ancestral",
    "kadkhodaie_simoncelli": "Kadkhodaie-S.", "heun": "Heun",
}  # fmt: skip


def draw(tables):
    """Panels: every law under plain Euler; the same laws under exponential Euler; every integrator on one law."""
    found = only(tables, "mismatch_factorial")
    if found is None:
        return None
    rows = found[0][found[0].steps == 25]
    rows = rows[rows.ambient == rows.groupby("law").ambient.transform(lambda of_law: of_law.mode()[0])]
    main = rows[(rows.a == 0) & (rows.grid == "geometric")]
    euler, kept = main[main.integrator == "euler"], main[main.integrator == "exponential_euler"]
    if not len(euler) or not len(kept):
        return None
    ratio = euler[euler.arm == "conditional"].set_index("law").ratio.sort_values()
    figure, axes = new_figure(3, 1, width="single", row_height=2.4)
    for axis, letter, part, title in (
        (axes[0, 0], "a", euler, "plain Euler, a = 0"),
        (axes[1, 0], "b", kept, "exponential Euler, a = 0"),
    ):
        _arms(axis, part, {law: law.replace("_", " ") for law in ratio.index}, "law")
        axis.set_title(title)
        panel_label(axis, letter)
    limits = [f([a.get_xlim() for a in axes[:2, 0]]) for f in (np.min, np.max)]
    for axis in axes[:2, 0]:
        axis.set_xlim(*limits)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1)
    every = rows[(rows.law == "mixture") & (rows.grid == "geometric")]
    every = every.assign(label=[f"{_INTEGRATORS[i]}, a = {a:g}" for i, a in zip(every.integrator, every.a)])
    order = every.drop_duplicates("label").sort_values(
        ["integrator", "a"], key=lambda c: c.map(list(_INTEGRATORS).index) if c.name == "integrator" else c
    )
    if len(order) > 2:
        _arms(axes[2, 0], every, {label: label for label in order.label[::-1]}, "label")
        axes[2, 0].set_title("mixture, every integrator")
        panel_label(axes[2, 0], "c")
    else:
        axes[2, 0].set_visible(False)
    headline(
        figure, "Told the true level, the conditional denoiser is as good as the blind one: the sampler is to blame"
    )
    return figure


def _arms(axis, rows, names, column):
    """One line a name: the floor as a grey tick, the three arms with their intervals, a little apart."""
    for place, name in enumerate(names):
        here = rows[rows[column] == name]
        if not len(here):
            continue
        axis.plot(
            [here.floor.iloc[0]] * 2,
            [place - 0.36, place + 0.36],
            color=COLORS["grey"],
            linewidth=1.5,
            label="floor" if place == 0 else None,
        )
        for arm, (label, color, marker) in _ARMS.items():
            row = here[here.arm == arm].iloc[0]
            low, high = max(row.error - row.error_low, 0), max(row.error_high - row.error, 0)
            height = place + {"conditional": 0.0, "informed": 0.2, "blind": -0.2}[arm]
            axis.errorbar(
                row.error,
                height,
                xerr=[[low], [high]],
                color=color,
                marker=marker,
                linestyle="",
                label=label if place == 0 else None,
            )
    axis.set_yticks(range(len(names)), list(names.values()))
    axis.set_xscale("log")
    axis.set_xticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    axis.minorticks_off()
    axis.set_xlabel(r"sliced $W_2$ to the data")
    axis.grid(axis="y", linewidth=0.3)
