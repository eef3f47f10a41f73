"""What does starting from a Gaussian cost? KL(p_{sigma_0} || N) beside the bound of section B.4, over the catalogue."""

from __future__ import annotations

import math
from typing import Any

import manifolds
from analysis.ledger.initial import initial_term
from analysis.ledger.sizes import scale
from analysis.runs import Cell, Claim, Control, Measurement, Question, every_cell
from analysis.runs.experiment import Tables
from analysis.theorems.settings import CASES, CLOSED, PAPER, SIZES, case
from analysis.theory.initial import gaussian_initial, initial_bound
from manifolds.laws.gaussian import IsotropicGaussian

_NARROW = 0.8  # the power control starts 20 % too narrow in the core

CLAIMS = (
    Claim(
        "L3",
        "paper",
        f"{PAPER}, B.4",
        "the start costs at most E|X|^2/(2 sigma_0^2)",
        "KL(p_{sigma_0} || N) / bound, widest interval over laws and sigma_0",
        "<= 1",
        (-math.inf, 1.0),
    ),
)


def cells(options: Any) -> list[Cell]:
    """Every law at three sigma_0, in units of its size."""
    points = int(4000 * SIZES[options.profile])
    laws = [law for law in CASES if options.profile != "smoke" or law in CLOSED]
    return [
        Cell("theorems_start", {"law": law, "start": start, "points": points}, cost=0.1)
        for law in laws
        for start in (1.0, 3.0, 20.0)
    ]


def cell_init(params: dict, seed: int) -> list[dict]:
    """KL(p_{sigma_0} || N(E X, sigma_0^2 I)) over its bound, and the same for a start 20 % too narrow in the core."""
    law = case(params["law"], 10**6)
    size, m = scale(law), law.core_dim
    sigma = params["start"] * size
    term = initial_term(law, sigma, params["points"], manifolds.stream(seed, "ledger", "init", params["law"]))
    bound = initial_bound(size**2, sigma)
    # E log N(sigma^2)/N(c^2 sigma^2) over the core: its mean square is known
    spread = (size**2 + m * sigma**2) / (2 * sigma**2)
    narrow = term.value + m * math.log(_NARROW) + spread * (_NARROW**-2 - 1)
    low, high = term.interval()
    row = {
        "sigma_0": sigma,
        "init": term.value,
        "bound": bound,
        "ratio": term.value / bound,
        "ratio_low": max(low, 0.0) / bound,
        "ratio_high": high / bound,
    }
    core = law.core
    exact = gaussian_initial(m, core.scale, sigma) / bound if isinstance(core, IsotropicGaussian) else None
    return [row | {"narrow_ratio": narrow / bound, "exact_ratio": exact}]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """L3."""
    table = tables["theorems_start"]
    gaussian, far = table[table["exact_ratio"].notna()], table[table["start"] == table["start"].max()]
    exact = gaussian["exact_ratio"].astype(float)
    off = float((gaussian["ratio"] / exact - 1).abs().max())
    narrow = far["narrow_ratio"]
    controls = [
        Control("null", "Gaussian closed form (k/2)(r - log(1 + r))", float(exact.min()), float(exact.max())),
        Control("power", "a start 20 % too narrow", float(narrow.min()), float(narrow.max())),
    ]
    note = (
        f"at sigma_0 = 20 s the bound is {1 / far['ratio'].max():.0f} to {1 / far['ratio'].min():.0f} times the term; "
        f"Gaussian off its closed form by {off:.1e}"
    )
    value, low, high = (table[f"ratio{end}"] for end in ("", "_low", "_high"))
    names = [f"{r.law}, sigma_0 = {r.start:g} s" for r in table.itertuples()]
    return [every_cell(CLAIMS, "L3", value, low, high, controls, note, names, looser_by=1 / float(value.max()))]


QUESTION = Question(claims=CLAIMS, cells=cells, parts={"theorems_start": cell_init}, decide=decide)
