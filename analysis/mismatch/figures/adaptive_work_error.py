"""Work against error, adaptive noise with stopping against scheduled noise, at equal mean numbers of steps."""

from __future__ import annotations

from analysis.figures.style import ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "Adaptive noise with stopping is as good as scheduled noise at equal work, not better; it spreads the level "
    "as a walk does at its first passage (claim A3). a: error against the mean number of steps, bars: 95 % "
    "intervals. b: steps of an adaptive run against d, mean and standard deviation, and the range of 98 % of "
    "them."
)
ALT = (
    "Above: adaptive and scheduled runs have nearly equal errors at equal steps. Below: the spread of steps "
    "shrinks as d grows."
)


def draw(tables):
    """Above: error against the mean number of steps. Below: spread of the steps of adaptive runs, against d."""
    found = only(tables, "adaptive_work", "adaptive_stop")
    if found is None or found[0].h.nunique() < 2:
        return None
    work, stop = found
    stop = stop[stop.longer == 1]  # longer steps are a control
    figure, axes = new_figure(2, 1, width="single", row_height=2.1)
    left, right = axes[:, 0]
    for i, ((a, scheme), part) in enumerate(work.groupby(["a", "scheme"])):
        part = part.sort_values("mean_steps")
        yerr = [(part.error - part.error_low).clip(lower=0), (part.error_high - part.error).clip(lower=0)]
        shift = 1.02 if scheme == "adaptive" else 0.98
        left.errorbar(shift * part.mean_steps, part.error, yerr=yerr, label=f"{scheme}, a = {a:g}", **mark(i))
    left.axhline(work.floor.mean(), **ROLES["floor"], label="floor")
    left.set(
        xscale="log",
        yscale="log",
        xlabel="mean number of steps",
        ylabel=rf"sliced $W_2$ ({work.law.iloc[0]})",
    )
    left.set_xticks([10, 20, 40, 70], ["10", "20", "40", "70"])
    ticks = [
        t
        for t in (0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)
        if 0.9 * work.floor.mean() < t < 1.3 * work.error.max()
    ]
    left.set_yticks(ticks, [f"{t:g}" for t in ticks])
    left.minorticks_off()
    left.legend(loc="upper right")
    stop = stop.sort_values("ambient")
    right.fill_between(stop.ambient, stop.steps_1, stop.steps_99, alpha=0.2, linewidth=0, label="1 % to 99 %")
    right.errorbar(
        stop.ambient, stop.mean_steps, yerr=stop.sd_steps, label="mean and sd", **{**mark(0), "linestyle": ""}
    )
    for sign in (-1, 1):
        right.plot(
            stop.ambient,
            stop.mean_steps_predicted + sign * stop.sd_steps_predicted,
            **ROLES["theory"],
            label="theory, one sd" if sign > 0 else None,
        )
    right.set(xscale="log", xlabel="ambient dimension d", ylabel="steps of an adaptive run")
    right.legend()
    for axis, letter in zip(axes[:, 0], "ab"):
        panel_label(axis, letter)
    headline(figure, "Adaptive noise with stopping is as good as scheduled noise at equal work, not better")
    return figure
