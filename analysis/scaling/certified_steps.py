"""How many steps does a certificate of eps nats need? The N at which init + blind + disc = eps, and its exponents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas

from analysis.ledger.initial import initial_term
from analysis.ledger.price import prices
from analysis.ledger.telescope import mmse_curves, steps_for_nats
from analysis.metrics.intervals import from_standard_error, mean
from analysis.runs import Cell, Claim, Measurement, Question, every_cell
from analysis.runs.claims import Revision
from analysis.runs.every import every_control
from analysis.runs.experiment import Tables
from analysis.scaling.fits import fit, fit_jointly, fit_rows
from analysis.scaling.settings import (
    ARGUMENTS,
    EPS,
    SIZES,
    blind_denoiser,
    decades,
    ends,
    make_law,
    selection,
    slowness,
    stream_of,
    wide,
)

# nats; so small that N is far above log(sigma_0/sigma_T), where disc is linear in h, and above the price at d = 10^3
_EPSILONS = (0.5, 0.2, 0.1)
# the larger sigma_T, at eps = EPS
_COARSER_ENDS = (0.05, 0.1, 0.2)
_MISREAD = 1.021  # sabotage: levels read 2.1 % too high, which costs k .021^2 nats in every d: 7 % of EPS at k = 32

CLAIMS = (
    Claim(
        "R2",
        "sharper",
        "derived here; the form k/eps of arXiv 2410.09046, 2410.18784",
        "Gaussian: steps for a certificate of eps = .2 nats have exponent 1 in k and 0 in d, k = 2 to 32, d = 1e3 to "
        "1e9, sigma 20 to .02 (limit set after a pilot)",
        "exponent in k less 1, and in d, of steps ~ k^p d^q over all k and d",
        "0",
        # 2.5 half widths of a pilot; init, and the price at d = 1e3, move p by .002
        (-0.0125, 0.0125),
        revised=Revision(
            "exponent in k within .03 of 1, in d within .02 of 0",
            "the control multiplied the steps by k, which is no sabotage",
        ),
    ),
)


def cells(options: Any) -> list[Cell]:
    """One cell a law and k, over all d; the Gaussian law decides, and takes one d a decade."""
    size, found = SIZES[options.profile]["price"], []
    for law, dim, short in selection(options):
        slow = slowness(law, dim)
        points = size // (64 if slow > 20.0 else 16) if short else size // 4
        ambients = wide(law, dim, options.ambient) if short else list(options.ambient)
        ambients = decades(options.ambient) if law == "gaussian" else ambients
        if not ambients:  # all of them too small for the law
            continue
        params = {"law": law, "dim": dim, "ambients": " ".join(map(str, sorted(ambients))), "points": points}
        found.append(Cell("scaling_certificate", params, cost=0.1 + 4e-5 * points * slow))
    return found


def cell_certificate(params: dict, seed: int) -> list[dict]:
    """init, blind, and the steps at which the certificate init + blind + disc falls to eps nats.

    One row an ambient dimension and eps; at the largest dimension and EPS also for larger sigma_T (init and blind,
    which do not grow with it, are those of the smallest).
    """
    ambients, points = sorted(int(d) for d in params["ambients"].split()), params["points"]
    stream = stream_of(seed, "certificate", params)
    law = make_law(params["law"], params["dim"], ambients[-1])
    start, end = ends(law)
    init = initial_term(law, start, points, stream.child("init")).value
    measured = mmse_curves(law, end, start, max(points // 16, 32), 8, stream)
    rows = []
    for ambient in ambients:
        law = make_law(params["law"], params["dim"], ambient)
        asked = {"misread": _MISREAD} if params["law"] == "gaussian" else {}
        found = prices(law, blind_denoiser(law), end, start, points, stream.child("price"), asked)
        blind = float(found["price"].mean())
        wanted = [(eps, end) for eps in _EPSILONS]
        wanted += [(EPS, coarser) for coarser in _COARSER_ENDS if coarser > end and ambient == ambients[-1]]
        for eps, sigma_T in wanted:
            steps = [steps_for_nats(curve, eps - (init + blind), start, sigma_T) for curve in measured]
            needed = mean(steps) if len(steps) > 1 else from_standard_error(steps[0], 0.0)
            row = {"ambient": ambient, "eps": eps, "sigma_T": sigma_T, "init": init, "blind": blind}
            row |= {"steps": needed.value, "steps_low": needed.low, "steps_high": needed.high}
            for name in ("efficient", "misread"):
                row[f"steps_{name}"] = math.nan
                if asked and eps == EPS:
                    nats = eps - init - float(found[name].mean())
                    row[f"steps_{name}"] = steps_for_nats(measured[0], nats, start, sigma_T)
            rows.append(row)
    return rows


def exponents(certificate: pandas.DataFrame) -> Iterator[dict]:
    """Of the certificate's steps in 1/sigma_T, k, d, jointly in k and d, and in 1/eps; of the controls in k."""
    name = "certificate's steps"
    coarser = certificate[certificate["eps"] == EPS]
    coarser = coarser.assign(inverse_sigma_T=1 / coarser["sigma_T"])
    yield from fit_rows(coarser, name, "steps", "inverse_sigma_T", ["dim", "ambient"])
    # the rest at each law's own sigma_T, the smallest
    smallest = certificate.groupby(["law", "dim"])["sigma_T"].transform("min")
    certificate = certificate[certificate["sigma_T"] == smallest]
    yield from fit_rows(certificate, name, "steps", "dim", ["ambient", "eps"])
    yield from fit_rows(certificate, name, "steps", "ambient", ["dim", "eps"])
    yield from fit_jointly(certificate, name)
    for column, what in (
        ("efficient", "an efficient estimate's price (null)"),
        ("misread", "levels read 2.1 % too high"),
    ):
        other = certificate[certificate["eps"] == EPS].assign(steps=certificate[f"steps_{column}"])
        yield from fit_jointly(other, f"certificate's steps, {what}")
    inverse = certificate.assign(inverse_eps=1 / certificate["eps"])
    yield from fit_rows(inverse, name, "steps", "inverse_eps", ["dim", "ambient"])


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """R2; none where the joint fit has too few k or d, as in a smoke run."""
    if options.profile == "smoke":
        return []
    found = decide_steps(tables)
    return [] if found is None else [found]


def decide_steps(tables: Tables) -> Measurement | None:
    """R2; None without a joint fit."""

    def at(quantity: str, against: str, held: str, law: str | None = "gaussian") -> pandas.DataFrame:
        fits = fit(tables, quantity, against, law)
        return fits[fits["held"].str.endswith(held)]

    jointly = f"eps={EPS:g}, jointly"
    in_k, in_d = (at("certificate's steps", against, jointly) for against in ("dim", "ambient"))
    efficient = at("certificate's steps, an efficient estimate's price (null)", "dim", jointly)
    misread = at("certificate's steps, levels read 2.1 % too high", "dim", jointly)
    if in_k.empty or in_d.empty or misread.empty:
        return None

    def off(fits: pandas.DataFrame) -> list[pandas.Series]:
        return [fits[column] - 1 for column in ("exponent", "low", "high")]

    controls = [
        every_control(CLAIMS, "R2", "null", "the price of an efficient estimate in place of f*", *off(efficient)),
        every_control(CLAIMS, "R2", "power", "levels read 2.1 % too high, priced in the same cells", *off(misread)),
    ]
    every = [pandas.concat([k, d]) for k, d in zip(off(in_k), (in_d[c] for c in ("exponent", "low", "high")))]
    others, in_eps = (
        at("certificate's steps", "dim", f"eps={EPS:g}", law=None),
        fit(tables, "certificate's steps", "inverse_eps"),
    )
    note = f"in k at one d: {_ranges(others)}; in 1/eps: {_ranges(in_eps)}"
    value, low, high = every
    return every_cell(CLAIMS, "R2", value, low, high, controls, note, ["in k", "in d"])


def _ranges(fits: pandas.DataFrame) -> str:
    return ", ".join(
        f"{law} {group['exponent'].min():.2f} to {group['exponent'].max():.2f}" for law, group in fits.groupby("law")
    )


QUESTION = Question(
    claims=CLAIMS, cells=cells, parts={"scaling_certificate": cell_certificate}, decide=decide, arguments=ARGUMENTS
)
