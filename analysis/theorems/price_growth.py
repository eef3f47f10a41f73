"""How does the price of blindness grow? As sigma_T falls, and along k = d^p: exponents with their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas

import manifolds
from analysis.ledger.price import price_of_blindness
from analysis.ledger.sizes import radius
from analysis.metrics.fits import log_log_slope
from analysis.metrics.intervals import standard_error
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.experiment import Tables
from analysis.theorems.settings import PAPER, SIZES
from analysis.theory.blindness import blindness_bound_form, gaussian_price_uniform
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law

_COLUMNS = ["quantity", "law", "held", "exponent", "low", "high", "points"]

CLAIMS = (
    # growth like log(1/sigma_T) from s/10 on reads as an exponent of at most 1/log(10) = .43; the bound has exponent 2
    Claim(
        "B4",
        "finding",
        f"derived here; compare {PAPER}, Thm 3.6",
        "as sigma_T falls the price of blindness grows like a logarithm at most, not like sigma_T^-2",
        "exponent of the price in 1/sigma_T, widest interval over laws",
        "0 for smooth laws, logarithmic for a self-similar set",
        (-math.inf, 0.5),
    ),
    Claim(
        "B6",
        "finding",
        f"derived here; compare {PAPER}, Thm 3.6",
        "for smooth laws k << d is enough: along k = d^p the price falls for every p < 1; "
        "k^2 << d is needed by the worst case alone",
        "exponent in d of the price along k = d^p, p = .3 to .9, widest interval over smooth laws",
        "p - 1 < 0",
        (-math.inf, 0.0),
    ),
)


def cells(options: Any) -> list[Cell]:
    """The price along k = d^p. Its growth as sigma_T falls is read from the table of prices."""
    smoke, points = options.profile == "smoke", int(4096 * max(SIZES[options.profile], 0.25))
    found = []
    for law in ("gaussian", "two_scale") if smoke else ("gaussian", "sphere", "cube", "torus", "two_scale"):
        for power in (0.3, 0.7) if smoke else (0.3, 0.5, 0.7, 0.9):
            # at p = .9 the 2k dimensions of a torus do not fit, and a cube of thousands is slow
            if law in ("torus", "cube") and power > 0.7:
                continue
            path = (10**3, 10**4, 10**5, 10**6) if law == "two_scale" else (64, 256, 1024, 4096)
            for d in path:
                params = {"law": law, "power": power, "ambient": d, "points": points}
                found.append(Cell("theorems_path", params, cost=0.3))
    return found


def cell_path(params: dict, seed: int) -> list[dict]:
    """The price at k = round(d^p), for a smooth law of scale 1 a dimension or for the two-scale worst case."""
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
    """The law and its sigma_T. The two-scale law has dimension k only above its level, at which it is run."""
    options: dict = {"sphere": {"radius": math.sqrt(k)}}.get(name, {})
    return manifolds.make(name, dim=k, ambient=d, reduced=True, **options), 1.0 if name == "two_scale" else 0.05


def derive(tables: Tables, options: Any) -> Tables:
    """The exponents."""
    return {"theorems_fits": fits(tables)}


def fits(tables: Tables) -> pandas.DataFrame:
    """Exponents of the price in 1/sigma_T and along k = d^p, of their controls, and of the paper's bound."""
    rows: list[dict] = []
    if "theorems_price" in tables:
        rows += _in_sigma(tables["theorems_price"])
    if "theorems_path" in tables:
        rows += _along_path(tables["theorems_path"])
    return pandas.DataFrame(rows, columns=_COLUMNS)


def _in_sigma(price: pandas.DataFrame) -> Iterator[dict]:
    price = price.assign(
        inverse=1 / price["sigma_T"], gaussian=_gaussian_growth(price), looseness=price["bound"] / price["price"]
    )
    for (law, d), group in price.groupby(["law", "ambient"], sort=True):
        at = (str(law), f"d={d}")
        yield from _row("price against 1/sigma_T", *at, group, "inverse", "price")
        yield from _row(
            "bound of Thm 3.6 over price, against 1/sigma_T", *at, group, "inverse", "looseness", error=False
        )
        yield from _row("price of a constant error (power)", *at, group, "inverse", "offset", error=False)
        if law == "gaussian":
            null = "Gaussian closed form against 1/sigma_T (null)"
            yield from _row(null, *at, group, "inverse", "gaussian", error=False)


def _along_path(path: pandas.DataFrame) -> Iterator[dict]:
    for (law, p), group in path.groupby(["law", "power"], sort=True):
        at = (str(law), f"p={p:g}")
        yield from _row("price along k = d^p", *at, group, "ambient", "price")
        if law == "gaussian":
            null = "Gaussian closed form along k = d^p (null)"
            yield from _row(null, *at, group, "ambient", "gaussian_form", error=False)


def _row(
    quantity: str, law: str, held: str, group: pandas.DataFrame, x: str, y: str, error: bool = True
) -> Iterator[dict]:
    """One fit, y ~ x^exponent; none over fewer than three abscissae."""
    if group[x].nunique() < 3:
        return
    se = standard_error(group[f"{y}_low"], group[f"{y}_high"]).to_numpy() if error else None
    fit = log_log_slope(group[x].to_numpy(float), group[y].to_numpy(float), standard_error=se)
    slope = {"exponent": fit.slope.value, "low": fit.slope.low, "high": fit.slope.high, "points": fit.points}
    yield {"quantity": quantity, "law": law, "held": held} | slope


def _gaussian_growth(price: pandas.DataFrame) -> pandas.Series:
    """int 4 v/(1+v)^3 d log sigma over the range, v = (sigma/s)^2, s^2 = spread/k: J/k of a Gaussian of that size."""
    s2 = (price["sigma_0"] / 20.0) ** 2 / price["dim"]
    ends = [1 / (1 + price[c] ** 2 / s2) ** 2 for c in ("sigma_T", "sigma_0")]
    return ends[0] - ends[1]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """A smoke run has too few laws for either."""
    return [] if options.profile == "smoke" else [decide_growth(tables), decide_path(tables)]


def _control(kind: str, what: str, fit: pandas.DataFrame) -> Control:
    return Control(kind, what, float(fit["low"].min()), float(fit["high"].max()))


def decide_growth(tables: Tables) -> Measurement:
    """B4."""
    pick = dict(iter(tables["theorems_fits"].groupby("quantity")))
    table = pick["price against 1/sigma_T"]
    controls = [
        _control("null", "closed form of a Gaussian", pick["Gaussian closed form against 1/sigma_T (null)"]),
        _control("power", "a denoiser with a constant error", pick["price of a constant error (power)"]),
    ]
    note = "exponents: " + ", ".join(f"{r.law} {r.exponent:.2f}" for r in table.itertuples())
    note += "; per decade from s/10 to s/100: " + _per_decade(tables["theorems_price"])
    return every_cell(CLAIMS, "B4", table["exponent"], table["low"], table["high"], controls, note, table["law"])


def _per_decade(price: pandas.DataFrame) -> str:
    """What the last decade of noise levels adds to the price."""
    found = []
    for law, group in price[price["ambient"] == price["ambient"].min()].groupby("law"):
        at = group.set_index("end")["price"]
        if 0.1 in at and 0.01 in at:
            found.append(f"{law} {100 * (at[0.01] / at[0.1] - 1):+.0f} %")
    return ", ".join(found)


def decide_path(tables: Tables) -> Measurement:
    """B6."""
    pick = dict(iter(tables["theorems_fits"].groupby("quantity")))
    found = pick["price along k = d^p"]
    smooth, worst = found[found["law"] != "two_scale"], found[found["law"] == "two_scale"]
    steep = worst[worst["held"].isin(["p=0.7", "p=0.9"])]
    controls = [
        _control("null", "Gaussian closed form", pick["Gaussian closed form along k = d^p (null)"]),
        _control("power", "the two-scale worst case, k^2 > d", steep),
    ]
    shown, beside = (", ".join(f"{r.law} {r.held} {r.exponent:+.2f}" for r in t.itertuples()) for t in (smooth, worst))
    note = f"{shown}; worst case: {beside} (2p - 1 in the limit)"
    names = [f"{r.law}, {r.held}" for r in smooth.itertuples()]
    return every_cell(CLAIMS, "B6", smooth["exponent"], smooth["low"], smooth["high"], controls, note, names)


def show(tables: Tables, options: Any) -> str:
    """Fitted exponents with their intervals."""
    table = tables["theorems_fits"]
    exponents = [f"{r.exponent:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in table.itertuples()]
    text = table.assign(exponent=exponents).drop(columns=["low", "high"]).to_string(index=False)
    return f"Exponents with 95 % intervals\n{text}"


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"theorems_path": cell_path},
    derive=derive,
    decide=decide,
    show=show,
    figures=("price_of_blindness",),
)
