"""How many steps does a certificate of eps nats need? The N at which init + blind + disc = eps, and its exponents."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas

from analysis.ledger.initial import initial_term
from analysis.ledger.price import price_of_blindness
from analysis.ledger.telescope import mmse_curves, steps_for_nats
from analysis.metrics.intervals import from_standard_error, mean
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.experiment import Tables
from analysis.scaling.fits import fit, fit_jointly, fit_rows, off
from analysis.scaling.settings import (
    ARGUMENTS,
    EPS,
    SIGMA_END,
    SIGMA_START,
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
from analysis.theory.discretisation import gaussian_mmse

# nats; so small that N is far above log(sigma_0/sigma_T), where disc is linear in h, and above the price at d = 10^3
_EPSILONS = (0.5, 0.2, 0.1)
# the larger sigma_T, at eps = EPS
_COARSER_ENDS = (0.05, 0.1, 0.2)
_TOLERANCE_K, _TOLERANCE_D = 0.03, 0.02

CLAIMS = (
    # .03 in k and .02 in d, as tolerances of the closed form
    Claim(
        "R2",
        "sharper",
        "derived here; the form k/eps of arXiv 2410.09046, 2410.18784",
        "Gaussian: steps for a certificate of eps nats have exponent 1 in k and 0 in d",
        "largest of |exponent in k - 1|/.03 and |exponent in d|/.02, of steps ~ k^p d^q over all k and d",
        "<= 1",
        (0.0, 1.0),
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
        blind = price_of_blindness(law, blind_denoiser(law), end, start, points, stream.child("price")).value
        wanted = [(eps, end) for eps in _EPSILONS]
        wanted += [(EPS, coarser) for coarser in _COARSER_ENDS if coarser > end and ambient == ambients[-1]]
        for eps, sigma_T in wanted:
            steps = [steps_for_nats(curve, eps - (init + blind), start, sigma_T) for curve in measured]
            found = mean(steps) if len(steps) > 1 else from_standard_error(steps[0], 0.0)
            row = {"ambient": ambient, "eps": eps, "sigma_T": sigma_T, "init": init, "blind": blind}
            rows.append(row | {"steps": found.value, "steps_low": found.low, "steps_high": found.high})
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
    quadratic = certificate.assign(steps=certificate["steps"] * certificate["dim"])
    yield from fit_jointly(quadratic, "certificate's steps times k (power)")
    null = "steps for disc alone, Gaussian closed form (null)"
    yield from fit_rows(_closed_form_steps(certificate), null, "steps", "dim", ["eps"])
    inverse = certificate.assign(inverse_eps=1 / certificate["eps"])
    yield from fit_rows(inverse, name, "steps", "inverse_eps", ["dim", "ambient"])


def _closed_form_steps(certificate: pandas.DataFrame) -> pandas.DataFrame:
    """Steps for disc = eps of the Gaussian law by its closed form, without init or price."""
    rows = []
    for dim in sorted(set(certificate["dim"])):
        for eps in sorted(set(certificate["eps"])):
            steps = steps_for_nats(partial(gaussian_mmse, k=dim, s=1.0), eps, SIGMA_START, SIGMA_END)
            rows.append({"law": "gaussian", "dim": dim, "eps": eps, "steps": steps})
    return pandas.DataFrame(rows)


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

    jointly, alone = f"eps={EPS:g}, jointly", f"eps={EPS:g}"
    in_k, in_d = (at("certificate's steps", against, jointly) for against in ("dim", "ambient"))
    if in_k.empty or in_d.empty:
        return None
    quadratic = at("certificate's steps times k (power)", "dim", jointly)
    closed = at("steps for disc alone, Gaussian closed form (null)", "dim", alone)
    controls = [
        Control("null", "steps for disc alone, by the Gaussian closed form", *off(closed, 1.0, _TOLERANCE_K)[1:]),
        Control("power", "the paper's order k^2: steps times k", *off(quadratic, 1.0, _TOLERANCE_K)[1:]),
    ]
    value, low, high = map(max, zip(off(in_k, 1.0, _TOLERANCE_K), off(in_d, 0.0, _TOLERANCE_D)))
    others, in_eps = (
        at("certificate's steps", "dim", alone, law=None),
        fit(tables, "certificate's steps", "inverse_eps"),
    )
    note = f"in k at one d: {_ranges(others)}; in 1/eps: {_ranges(in_eps)}"
    return Measurement("R2", value, low, high, controls, note)


def _ranges(fits: pandas.DataFrame) -> str:
    return ", ".join(
        f"{law} {group['exponent'].min():.2f} to {group['exponent'].max():.2f}" for law, group in fits.groupby("law")
    )


QUESTION = Question(
    claims=CLAIMS, cells=cells, parts={"scaling_certificate": cell_certificate}, decide=decide, arguments=ARGUMENTS
)
