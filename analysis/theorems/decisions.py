"""How the tables of the theorems experiment decide its claims."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas

from analysis.ledger.certificate import largest_slack
from analysis.runs import Control, Measurement, every_cell
from analysis.theorems.claims import CLAIMS
from analysis.theorems.plan import LARGE
from analysis.theorems.tables import local_exponents

__all__ = ["decide"]

# what a smoke run's few laws and points can decide
SMOKE = ("B1", "L2b", "L3")


def decide(tables: dict[str, pandas.DataFrame], options: Any) -> list[Measurement]:
    """Measurements for the claims that the selection can decide."""
    found = (
        _bound(tables),
        _growth(tables),
        _information(tables),
        _path(tables),
        _sum(tables),
        _certificate(tables),
        _start(tables),
        _recipe(tables),
        _rate(tables),
    )
    return [m for m in found if options.profile != "smoke" or m.claim in SMOKE]


def _control(kind: str, what: str, low: pandas.Series, high: pandas.Series) -> Control:
    return Control(kind, what, float(np.min(low)), float(np.max(high)))


def _fit(tables, quantity: str) -> pandas.DataFrame:
    table = tables["theorems_fits"]
    return table[table["quantity"] == quantity]


def _bound(tables) -> Measurement:
    table = tables["theorems_price"]
    form, gaussian = table["bound"], table["law"] == "gaussian"
    ratio, top = table["price"] / form, (table["price"] / form).idxmax()
    far = table[gaussian & (table["ambient"] == table["ambient"].max())]
    loose = _fit(tables, "bound of Thm 3.6 over price, against 1/sigma_T")
    controls = [
        _control(
            "null",
            "J/(2d) in place of the measured price, Gaussian",
            (table["information"] / form)[gaussian],
            (table["information"] / form)[gaussian],
        ),
        _control(
            "power",
            "a level read 5 % too high at d = 1e9, which no dimension mends",
            far["biased_low"] / far["bound"],
            far["biased_high"] / far["bound"],
        ),
    ]
    note = f"largest: {table['law'][top]}; smallest C {ratio.min():.1e}; bound/price grows as sigma_T^-[{loose['exponent'].min():.2f}, {loose['exponent'].max():.2f}]"
    return every_cell(
        CLAIMS, "B1", ratio.max(), (table["price_low"] / form).clip(lower=0), table["price_high"] / form, controls, note
    )


def _growth(tables) -> Measurement:
    table = _fit(tables, "price against 1/sigma_T")
    null, power = (
        _fit(tables, "Gaussian closed form against 1/sigma_T (null)"),
        _fit(tables, "price of a constant error (power)"),
    )
    controls = [
        _control("null", "closed form of a Gaussian", null["low"], null["high"]),
        _control("power", "a denoiser with a constant error", power["low"], power["high"]),
    ]
    note = (
        "exponents: "
        + ", ".join(f"{r.law} {r.exponent:.2f}" for r in table.itertuples())
        + "; per decade from s/10 to s/100: "
        + _per_decade(tables)
    )
    return every_cell(CLAIMS, "B4", table["exponent"].max(), table["low"], table["high"], controls, note)


def _per_decade(tables) -> str:
    """What the last decade of noise levels adds to the price."""
    price, found = tables["theorems_price"], []
    for law, group in price[price["ambient"] == price["ambient"].min()].groupby("law"):
        at = group.set_index("end")["price"]
        if 0.1 in at and 0.01 in at:
            found.append(f"{law} {100 * (at[0.01] / at[0.1] - 1):+.0f} %")
    return ", ".join(found)


def _information(tables) -> Measurement:
    table = tables["theorems_price"]
    near, table = table[(table["ambient"] < LARGE) & (table["end"] == 0.05)], table[table["ambient"] == LARGE]
    pick = lambda name: (table[f"{name}_over_low"], table[f"{name}_over_high"])
    controls = [
        _control("null", "an efficient estimate of log sigma in place of the posterior", *pick("efficient")),
        _control("power", "levels read 5 % too high", *pick("biased")),
    ]
    far = near["price_over_information"]
    note = f"{len(table)} laws; at d = 1e3 between {far.min():.3f} and {far.max():.3f}; J: " + ", ".join(
        f"{r.law} {r.J:.3g}" for r in table.itertuples()
    )
    return every_cell(CLAIMS, "B5", table["price_over_information"].mean(), *pick("price"), controls, note)


def _path(tables) -> Measurement:
    fits, null = _fit(tables, "price along k = d^p"), _fit(tables, "Gaussian closed form along k = d^p (null)")
    smooth, worst = fits[fits["law"] != "two_scale"], fits[fits["law"] == "two_scale"]
    steep = worst[worst["held"].isin(["p=0.7", "p=0.9"])]
    controls = [
        _control("null", "Gaussian closed form", null["low"], null["high"]),
        _control("power", "the two-scale worst case, k^2 > d", steep["low"], steep["high"]),
    ]
    show = lambda t: ", ".join(f"{r.law} {r.held} {r.exponent:+.2f}" for r in t.itertuples())
    return every_cell(
        CLAIMS,
        "B6",
        smooth["exponent"].max(),
        smooth["low"],
        smooth["high"],
        controls,
        f"{show(smooth)}; worst case: {show(worst)} (2p - 1 in the limit)",
    )


def _sum(tables) -> Measurement:
    table = tables["theorems_sum"]
    aligned, other = table[table["prior"] == "aligned"], table[table["prior"].isin(["-1", "-0.5"])]
    null = aligned[(aligned["law"] == "gaussian") & (aligned["denoiser"] == "blind")]
    wrong = other[other["law"] != "mixture"]
    half = ((aligned["difference_high"] - aligned["difference_low"]) / 2).max()
    controls = [
        _control("null", "Gaussian law, f^ = f*", null["difference_low"], null["difference_high"]),
        _control(
            "power", "f* of the priors sigma^-1 and sigma^-1/2", wrong["difference_low"], wrong["difference_high"]
        ),
    ]
    rest = table[table["prior"] != "aligned"]
    note = (
        f"{aligned['law'].nunique()} laws; widest interval +-{100 * half:.2f} % of the total; cross/total: "
        + ", ".join(f"{r.law} sigma^{r.prior} {100 * r.difference:+.1f} %" for r in rest.itertuples())
    )
    return every_cell(
        CLAIMS,
        "L1",
        aligned["difference"].mean(),
        aligned["difference_low"],
        aligned["difference_high"],
        controls,
        note,
    )


def _certificate(tables) -> Measurement:
    return largest_slack("L2b", tables["theorems_certificate"], tables["theorems_sabotage"])


def _start(tables) -> Measurement:
    table = tables["theorems_start"]
    exact, far = table["exact_ratio"].dropna().astype(float), table[table["start"] == table["start"].max()]
    gaussian = table[table["exact_ratio"].notna()]
    off = float((gaussian["ratio"] / gaussian["exact_ratio"].astype(float) - 1).abs().max())
    controls = [
        _control("null", "Gaussian closed form (k/2)(r - log(1 + r))", exact, exact),
        _control("power", "a start 20 % too narrow", far["narrow_ratio"], far["narrow_ratio"]),
    ]
    note = f"at sigma_0 = 20 s the bound is {1 / far['ratio'].max():.0f} to {1 / far['ratio'].min():.0f} times the term; Gaussian off its closed form by {off:.1e}"
    return every_cell(CLAIMS, "L3", table["ratio"].max(), table["ratio_low"], table["ratio_high"], controls, note)


def _recipe(tables) -> Measurement:
    table = tables["theorems_recipe"]
    pushed = table[table["sabotage"]]
    controls = [
        _control("null", "a sample of p_{sigma_T} itself", table["truth_low"], table["truth_high"]),
        _control("power", "a denoiser off by .7 R in one direction", pushed["pushed_low"], pushed["pushed_high"]),
    ]
    note = "; ".join(
        f"{r.law}: {r.run_over_eps:.2f} (floor {r.truth_over_eps:.2f}), N={r.steps}" for r in table.itertuples()
    )
    return every_cell(
        CLAIMS,
        "R4",
        table["run_over_eps"].max(),
        table["run_low"],
        table["run_high"],
        controls,
        f"h = {table['factor'].iloc[0]:g} eps^2/k^2; {note}",
    )


def _rate(tables) -> Measurement:
    table = tables["theorems_marginal"]
    found = local_exponents(table, "tv")
    certified = local_exponents(table[table["law"] == "gaussian"], "gaussian_tv_certified")
    null, rest = found[found["law"] == "gaussian"]["exponent"], found[found["law"] != "gaussian"]["exponent"]
    controls = [
        _control("null", "exact Gaussian recursion", null, null),
        _control("power", "steps for the certificate sqrt(KL_path/2)", certified["exponent"], certified["exponent"]),
    ]
    return every_cell(CLAIMS, "R5", rest.mean(), rest, rest, controls, _placement(table))


def _placement(table: pandas.DataFrame) -> str:
    """Exponents of the steps in k at equal TV, and KL/(k h^2), beside the rates k/eps^2 (KL = eps^2), k/eps (TV), sqrt(k)/eps."""
    said = []
    for law in ("gaussian", "sphere"):
        same = table[(table["law"] == law) & (table["steps"] == 64)].sort_values("dim")
        slope = (
            math.log(same["tv"].iloc[-1] / same["tv"].iloc[0]) / math.log(same["dim"].iloc[-1] / same["dim"].iloc[0])
            if len(same) > 1
            else math.nan
        )
        said.append(f"{law} steps ~ k^{slope:.2f}/TV")
    fine = table[table["steps"] == 64]
    said.append(
        "KL/(k h^2): " + ", ".join(f"{r.law} k={r.dim} {r.kl / (r.dim * r.h**2):.4f}" for r in fine.itertuples())
    )
    return "; ".join(said) + "; product laws add KL, so k^0.5/TV; the certificate alone follows k/eps^2"
