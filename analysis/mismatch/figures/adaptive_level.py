"""The adaptive scheme: spread and shift of the level, where it stops, and what the residual's bias does."""

from __future__ import annotations

from analysis.figures.style import ROLES, headline, mark, new_figure, only, panel_label

CAPTION = (
    "Adaptive noise makes log sigma_hat a random walk of variance 1/(2d) + 2at/d with drift -2at/d (claims A1, "
    "A1b, A2). Variance, shift, spread of the output with and without stopping, and the bias of the residual; "
    "lines: predictions, bars: 95 % intervals."
)
ALT = "Four panels: measured variance, shift, spread and bias of the level lie on the lines of the random walk."


def draw(tables):
    """Four panels: variance of log sigma_hat; its shift; output spread with and without stopping; bias."""
    found = only(tables, "adaptive_level", "adaptive_stop", "adaptive_bias")
    if found is None:
        return None
    level, stop, bias = found
    level = level[level.injects == 1]  # the others are sabotages
    stop = stop[stop.longer == 1]
    if level.ambient.nunique() < 2 or len(stop) < 3:
        return None
    figure, axes = new_figure(4, 1, width="single", row_height=1.9)
    _variance(axes[0, 0], level[level.ambient == level.ambient.max()])
    _shift(
        axes[1, 0],
        level[(level.ambient == level.ambient.min()) & (level.scheme == "adaptive") & (level.predict == "adaptive")],
    )
    _stopping(axes[2, 0], stop.sort_values("ambient"))
    _bias(axes[3, 0], bias[bias.kind == "static"])
    for axis, letter in zip(axes.ravel(), "abcd"):
        panel_label(axis, letter)
    headline(figure, r"Adaptive noise makes $\log\hat\sigma$ a random walk, as predicted")
    return figure


def _variance(axis, rows):
    rows = rows[rows.scheme == rows.predict]
    for i, ((scheme, a), part) in enumerate(rows.groupby(["scheme", "a"])):
        unit = part.ambient.iloc[0] * part.variance_predicted
        yerr = [
            unit * (part.variance_ratio - part.variance_ratio_low),
            unit * (part.variance_ratio_high - part.variance_ratio),
        ]
        axis.errorbar(
            part.t, unit * part.variance_ratio, yerr=yerr, linestyle="", label=f"{scheme}, a = {a:g}", **mark(i)
        )
        axis.plot(part.t, unit, **ROLES["theory"], label="theory" if i == 0 else None)
    axis.set(
        xlabel="time t",
        ylabel=r"$d \cdot$ Var(log $\hat\sigma$)",
        ylim=(None, 1.6 * (rows.ambient * rows.variance_predicted).max()),
    )
    axis.legend(loc="upper left", ncols=2)


def _shift(axis, rows):
    for i, ((k, a), part) in enumerate(rows.groupby(["dim", "a"])):
        yerr = [part["shift"] - part.shift_low, part.shift_high - part["shift"]]
        axis.errorbar(part.t, part["shift"], yerr=yerr, linestyle="", label=f"k = {k}, a = {a:g}", **mark(i))
        axis.plot(part.t, part.shift_predicted, **ROLES["theory"], label="with the residual's bias" if i == 0 else None)
        if k == rows.dim.min():
            axis.plot(part.t, part.shift_ito, **ROLES["bound"], label="-2at/d alone" if i == 0 else None)
    axis.set(xlabel="time t", ylabel=rf"shift of log $\hat\sigma$ (d = {rows.ambient.iloc[0]})")
    axis.legend()


def _stopping(axis, rows):
    axis.plot(rows.ambient, rows.variance_fixed, label="fixed number of steps", **{**mark(0), "linestyle": ""})
    axis.plot(rows.ambient, rows.variance_fixed_predicted, **ROLES["theory"])
    axis.plot(
        rows.ambient,
        rows.variance_stopped,
        label=r"stopped at $\hat\sigma \leq \sigma_{min}$",
        **{**mark(1), "linestyle": ""},
    )
    axis.plot(rows.ambient, rows.variance_stopped_predicted, **ROLES["theory"], label="theory")
    axis.axvline(rows.narrows_below_d.iloc[0], **ROLES["bound"], label="crossover, leading order")
    axis.set(
        xscale="log",
        yscale="log",
        xlabel="ambient dimension d",
        ylabel="Var(log level), end",
        ylim=(0.004 * rows.variance_fixed.min(), None),
    )
    axis.legend(loc="lower left")


def _bias(axis, rows):
    for i, (estimator, part) in enumerate(rows.groupby("estimator")):
        part = part.sort_values("sigma")
        axis.errorbar(
            part.sigma,
            part.ratio,
            yerr=[part.ratio - part.ratio_low, part.ratio_high - part.ratio],
            linestyle="",
            label=estimator,
            **mark(i),
        )
        axis.plot(part.sigma, part.predicted, **ROLES["theory"], label="theory" if i == 0 else None)
    axis.set(xscale="log", xlabel=r"true level $\sigma$", ylabel=r"E $\hat\sigma^2/\sigma^2$")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.6 * (high - low))  # room for the legend
    axis.legend(
        loc="upper left", ncols=3, title=f"k = {rows.dim.iloc[0]}, d = {rows.ambient.iloc[0]}", title_fontsize=6.5
    )
