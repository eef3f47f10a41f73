"""Cells on the price of blindness: measured, by the information form J/(2d), by the paper's bound; and along k = d^p."""

from __future__ import annotations

import math

import manifolds
from analysis.ledger.price import price_of_blindness, prices
from analysis.metrics.intervals import mean, ratio
from analysis.theorems.catalogue import case, levels, radius
from analysis.theory.blindness import blindness_bound_form, gaussian_price_uniform
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law

__all__ = ["cell_path", "cell_price"]

_OFFSET = 0.01


def cell_price(params: dict, seed: int) -> list[dict]:
    """The price of one law at one sigma_T, beside J/(2d) and (R^2 + k) k^2/d A_T, and of three stand-ins for f*."""
    law = case(params["law"], params["ambient"])
    low, high = levels(law, params["end"])
    f, d = BlindDenoiser(law, NoisePrior.power(-3.0, low, high)), law.ambient_dim
    # one stream a law: sigma_T and d vary over common draws
    stream = manifolds.stream(seed, "ledger", "price", params["law"])

    found = prices(law, f, low, high, params["points"], stream)
    # a constant error, which costs sigma_T^-2: int (c/sigma)^2 d log sigma in closed form
    constant = (_OFFSET * high / 20.0) ** 2 * (low**-2 - high**-2) / 2
    bound = blindness_bound_form(law.intrinsic_dim, d, radius(law), high, low)
    row = {"dim": law.intrinsic_dim, "core_dim": law.core_dim, "radius": radius(law), "sigma_T": low, "sigma_0": high}
    row |= {"bound": bound, "information": float(found["J"].mean()) / (2 * d), "J": float(found["J"].mean())}
    for name in ("price", "efficient", "biased"):
        value = mean(found[name])
        over = ratio(found[name], found["J"] / (2 * d), paired=True)
        row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
        row |= {f"{name}_over_information": over.value, f"{name}_over_low": over.low, f"{name}_over_high": over.high}
    return [row | {"offset": constant}]


def cell_path(params: dict, seed: int) -> list[dict]:
    """The price at k = round(d^p), for a smooth law of scale 1 a dimension or for the two-scale worst case at its level."""
    name, d = params["law"], params["ambient"]
    k = max(1, round(d ** params["power"]))
    law, low = _law_on_path(name, k, d)
    high = 20.0
    f = BlindDenoiser(law, NoisePrior.power(-3.0, low, high), tol=1e-6)
    points = max(min(params["points"], 2**21 // max(law.core_dim, 1)), 512)
    price = price_of_blindness(law, f, low, high, points, manifolds.stream(seed, "ledger", "path", name, k, d))
    row = {"dim": k, "price": price.value, "price_low": price.low, "price_high": price.high}
    row |= {"gaussian_form": gaussian_price_uniform(k, d), "squared_ratio": k**2 / d}
    return [row | {"bound": blindness_bound_form(k, d, radius(law), high, low)}]


def _law_on_path(name: str, k: int, d: int) -> tuple[Law, float]:
    """The law and its sigma_T. The two-scale law has dimension k at scales above its level only: that is where it is run."""
    options: dict = {"sphere": {"radius": math.sqrt(k)}}.get(name, {})
    return manifolds.make(name, dim=k, ambient=d, reduced=True, **options), 1.0 if name == "two_scale" else 0.05
