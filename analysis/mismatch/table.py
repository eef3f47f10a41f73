"""The table that a reader sees: which part of "blind is better" is blindness."""

from __future__ import annotations

import pandas as pd

__all__ = ["show"]


def show(tables, options) -> str | None:
    """Errors of the arms, a line a law, for coefficients that lose the scheduled level and for some that keep it."""
    rows = tables.get("mismatch_factorial")
    if rows is None or not len(rows):
        return None
    parts = [_attribution(rows), _integrators(rows)]
    for name, heading, columns in _OTHERS:
        other = tables.get(name)
        if other is not None and len(other):
            parts.append(f"{heading}\n{other[columns].to_string(index=False, float_format='%.4g')}")
    trained = tables.get("mismatch_trained")
    if trained is not None and len(trained):
        parts.append(_arguments(trained[trained.arm != "shifted"]))
    return "\n\n".join(parts)


def _arguments(rows: pd.DataFrame) -> str:
    rows = rows.assign(above=100 * (rows.mse / rows.mmse - 1))
    table = rows.pivot_table(index=["law", "sigma", "arm", "denoiser"], columns="factor", values="above")[
        [0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0]
    ]
    return "a wrong noise level: MSE over MMSE - 1, per cent, by told/true level\n" + table.to_string(
        float_format="%.2f", na_rep="-"
    )


def _attribution(rows: pd.DataFrame) -> str:
    chosen = rows[(rows.a == 0) & (rows.grid == "geometric") & rows.integrator.isin(["euler", "exponential_euler"])]
    keys = ["law", "ambient", "steps", "integrator"]
    wide = chosen.pivot_table(index=keys, columns="arm", values="error", sort=False)
    wide["floor"] = chosen[chosen.arm == "blind"].set_index(keys).floor
    for arm in ("conditional", "plug_in"):
        wide[f"{arm}/blind"] = chosen[chosen.arm == arm].set_index(keys).ratio
    informed = chosen[chosen.arm == "informed"].set_index(keys)
    wide["blindness share"] = informed.remaining_share.where(~informed.consistent.astype(bool))
    columns = [
        c
        for c in ("conditional", "informed", "blind", "floor", "conditional/blind", "plug_in/blind", "blindness share")
        if c in wide
    ]
    text = wide[columns].reset_index().to_string(index=False, float_format="%.4f", na_rep="-")
    head = (
        "a = 0, geometric grid. conditional is told the scheduled level, informed the true one (v+ = c^2 v + eta^2), blind none;\n"
        "conditional - informed is what the coefficients do, informed - blind is what blindness does (its share of the gap: last column)"
    )
    return f"{head}\n{text}"


def _integrators(rows: pd.DataFrame) -> str:
    conditional = rows[(rows.arm == "conditional") & (rows.steps == 25)]
    table = conditional.pivot_table(
        index=["integrator", "a"], columns=["law", "grid"], values="ratio", sort=False
    ).dropna(axis=1, thresh=3)
    return "conditional/blind error, 25 steps, all integrators\n" + table.to_string(float_format="%.2f", na_rep="-")


_OTHERS = (
    ("mismatch_perturbed", "perturbed schedules",
     ["perturbation", "size", "a", "integrator", "arm", "error", "ratio", "ratio_low", "ratio_high"]),
    ("adaptive_stop", "where adaptive runs stop",
     ["ambient", "mean_steps", "sd_steps", "sd_steps_predicted", "variance_stopped", "variance_fixed", "ratio"]),
    ("adaptive_work", "adaptive against scheduled noise at equal mean steps",
     ["a", "h", "scheme", "mean_steps", "error", "floor", "ratio", "ratio_low", "ratio_high"]),
    ("adaptive_bias", "bias of the level estimate", ["estimator", "kind", "sigma", "ratio", "ratio_low", "ratio_high", "predicted"]),
    ("step_counts", "steps from sigma = 4 to .05 with h = .2, a = .2",
     ["variant", "steps_mean", "steps_sd", "steps_recursion", "level_end", "fixed_point", "run_status"]),
)  # fmt: skip
