"""Verdict quantities on real images: PSNR of blind against conditional networks, and an estimator of the noise level."""

from __future__ import annotations

import pandas

from analysis.runs import Control, Measurement
from analysis.training.intervals import curve, widest

__all__ = ["decide_real", "show_real"]


def decide_real(table: pandas.DataFrame) -> list[Measurement]:
    """Measurements of I2b and I1d."""
    found = []
    difference = {name: curve(table, "psnr_difference", name) for name in ("blind", "again", "told", "by heart")}
    if len(difference["blind"]):
        controls = [
            Control(
                "null",
                "a second conditional network, of another start and other batches, against the first",
                *widest(difference["again"])[1:],
            ),
            Control(
                "power",
                "the conditional network told 1.5 times the level, against itself",
                *widest(difference["told"])[1:],
            ),
        ]
        at, heart = difference["blind"].value.abs().idxmax(), difference["by heart"].value
        note = f"at sigma = {at:.3g}; the exact blind denoiser of the training digits, by heart: {heart.min():+.1f} to {heart.max():+.1f} dB"
        found.append(Measurement("I2b", *widest(difference["blind"]), controls=controls, note=note))
    rms = {name: curve(table, "log_rms", name) for name in ("trained", "exact", "off")}
    if len(rms["trained"]):
        controls = [
            Control(
                "null",
                "the exact posterior mean of log sigma of the training digits, on noisy ones of these",
                *widest(rms["exact"])[1:],
            ),
            Control("power", "the network, 1.2 times off", *widest(rms["off"])[1:]),
        ]
        at = rms["trained"].value.idxmax()
        bias, spread = (curve(table, name, "trained").value[at] for name in ("log_bias", "log_spread"))
        note = f"worst at sigma = {at:.3g}: bias {bias:+.3f}, spread {spread:.3f}"
        found.append(Measurement("I1d", *widest(rms["trained"]), controls=controls, note=note))
    return found


def show_real(table: pandas.DataFrame) -> str:
    """k_eff = risk/sigma^2 and k_eff^2/d by level as the conditional network's risk implies them, and PSNR differences in dB."""
    lines = []
    risk = curve(table, "risk", "conditional").value
    if len(risk):
        d = int(table[table.task == "pair"].side.iloc[0]) ** 2
        found = pandas.DataFrame({"k_eff": d * risk / risk.index.to_numpy() ** 2})
        found["k_eff^2/d"] = found.k_eff**2 / d
        for name in ("blind", "again", "told", "by heart"):
            found[f"{name} - conditional, dB"] = curve(table, "psnr_difference", name).value
        lines += [
            "training_real: MNIST digits that were not trained on, by level",
            found.to_string(float_format="%.4g"),
        ]
    rows = table[table.measure.isin(["log_bias", "log_spread"]) & table.series.isin(["trained", "exact"])]
    if len(rows):
        lines.append(
            "training_real: log(sigma_hat/sigma) of the estimator, and of the exact posterior mean of the training digits on these"
        )
        lines.append(
            rows.pivot_table(index="level", columns=["series", "measure"], values="value").to_string(
                float_format="%.4f"
            )
        )
    return "\n".join(lines)
