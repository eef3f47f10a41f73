"""What does blindness cost as k and d vary? The Gaussian closed form k/(2(d-k)), and 1/d for every law."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas

from analysis.ledger.price import prices
from analysis.metrics.intervals import mean, standard_error
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.experiment import Tables
from analysis.scaling.fits import control, fit, fit_names, fit_rows
from analysis.scaling.settings import (
    ARGUMENTS,
    PAPER,
    SIZES,
    TABULATED,
    A,
    blind_denoiser,
    ends,
    make_law,
    selection,
    slowness,
    stream_of,
    wide,
)
from analysis.theory.blindness import blindness_bound_form, gaussian_price, gaussian_price_uniform

CLAIMS = (
    # 3 % is the accuracy asked of the closed form, whose own corrections are of relative order k/d < 1 % here
    Claim(
        "B2",
        "sharper",
        f"derived here; compare {PAPER}, Thm 3.6",
        "Gaussian k-subspace, a = 1/2: blindness costs k/(2(d-k)) nats, whatever s, sigma_T, sigma_0",
        "price measured / (k/(2(d-k))), widest interval over k and d up to 1e9",
        "1",
        (0.97, 1.03),
    ),
    # 1/(d-m) read as a power of d between 1e3 and 1e9 is off by at most log(d/(d-m))/log(1e6) = .01
    Claim(
        "B3",
        "sharper",
        f"derived here; compare {PAPER}, Thm 3.6",
        "the price of blindness falls as 1/d for every law",
        "exponent in d of the price, widest interval over laws and k",
        "-1",
        (-1.02, -0.98),
    ),
)


def cells(options: Any) -> list[Cell]:
    """One cell a law, k and d."""
    points, found = SIZES[options.profile]["price"], []
    for law, dim, short in selection(options):
        n = points // (64 if law in TABULATED else 16) if short else points
        for ambient in wide(law, dim, options.ambient) if short else options.ambient:
            params = {"law": law, "dim": dim, "ambient": ambient, "points": n}
            found.append(Cell("scaling_price", params, cost=0.1 + 4e-6 * n * slowness(law, dim)))
    return found


def cell_price(params: dict, seed: int) -> list[dict]:
    """The price of blindness of one law, k, d, beside its Gaussian form and Theorem 3.6's; and of stand-ins for f*."""
    law, stream = make_law(params["law"], params["dim"], params["ambient"]), stream_of(seed, "price", params)
    start, end = ends(law)
    found = prices(law, blind_denoiser(law), end, start, params["points"], stream)
    k, d = params["dim"], params["ambient"]
    row: dict[str, float] = {}
    for name in ("price", "efficient", "biased"):
        value = mean(found[name])
        row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
    row |= {"gaussian_form": gaussian_price(k, d), "gaussian_uniform": gaussian_price_uniform(k, d)}
    return [row | {"paper_form": blindness_bound_form(k, d, math.sqrt(law.second_moment), start, end, A)}]


def exponents(price: pandas.DataFrame) -> Iterator[dict]:
    """Of the price in d and in k, and of its stand-ins in d."""
    errors = {
        se: standard_error(price[f"{name}_low"], price[f"{name}_high"])
        for se, name in (("se", "price"), ("null_se", "efficient"), ("power_se", "biased"))
    }
    price = price.assign(**errors)
    yield from fit_rows(price, "price of blindness", "price", "ambient", ["dim"], "se")
    yield from fit_rows(price, "price of blindness", "price", "dim", ["ambient"], "se")
    yield from fit_rows(price, "price of an efficient estimate (null)", "efficient", "ambient", ["dim"], "null_se")
    power = "price of a level read 5 % too high (power)"
    yield from fit_rows(price, power, "biased", "ambient", ["dim"], "power_se")


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """A smoke run's points are too few for B2's 3 %."""
    found = [decide_slope(tables)] if options.profile == "smoke" else [decide_form(tables), decide_slope(tables)]
    return [m for m in found if m is not None]


def decide_form(tables: Tables) -> Measurement | None:
    """B2; None without a Gaussian."""
    table = tables["scaling_price"]
    table = table[table["law"] == "gaussian"]
    if table.empty:
        return None
    form, least = table["gaussian_form"], table["dim"] / (2 * table["ambient"])
    worst = table.loc[table["biased_low"].div(form).idxmin()]
    low, high = (worst[f"biased_{end}"] / worst["gaussian_form"] for end in ("low", "high"))
    null = "a reading of log sigma of variance 1/(2d): k/(2d) nats"
    controls = [
        control("null", null, table["efficient_low"] / least, table["efficient_high"] / least),
        Control("power", "levels read 5 % too high", low, high),
    ]
    value, low, high = (table[c] / form for c in ("price", "price_low", "price_high"))
    names = [f"k = {r.dim}, d = {r.ambient:.0e}" for r in table.itertuples()]
    return every_cell(CLAIMS, "B2", value, low, high, controls, names=names)


def decide_slope(tables: Tables) -> Measurement | None:
    """B3; None over fewer than three d."""
    table = fit(tables, "price of blindness", "ambient")
    if table.empty:
        return None
    null = fit(tables, "price of an efficient estimate (null)", "ambient")
    power = fit(tables, "price of a level read 5 % too high (power)", "ambient")
    controls = [
        control("null", "an efficient estimate of log sigma", null["low"], null["high"]),
        control("power", "levels read 5 % too high", power["low"], power["high"]),
    ]
    in_k = fit(tables, "price of blindness", "dim")
    note = "; ".join(f"{law}: exponent in k {group['exponent'].mean():.2f}" for law, group in in_k.groupby("law"))
    return every_cell(CLAIMS, "B3", table["exponent"], table["low"], table["high"], controls, note, fit_names(table))


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"scaling_price": cell_price},
    decide=decide,
    arguments=ARGUMENTS,
    figures=("price_against_d",),
)
