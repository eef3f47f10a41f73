"""Where do the neighbours' theorems stand? The table of U1 to U16: printed, separated, measured, judged, how loose.

Its own cells are what is printed; the verdicts are those of the questions that measure.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from analysis.neighbours import (
    accuracy,
    adaptivity,
    ambient,
    coefficients,
    components,
    entropy,
    full_rank,
    predictions,
    reading_time,
    tangent,
    unions,
)
from analysis.runs import Cell, Question, judge

_ASKED = (
    full_rank,
    adaptivity,
    accuracy,
    coefficients,
    ambient,
    components,
    entropy,
    tangent,
    reading_time,
    predictions,
    unions,
)


class Printed(NamedTuple):
    """A neighbour's statement, and how it stands if the measurement comes out as registered.

    read: "abstract", or what else of the text was seen. stands: holds / violated / not separated here, and how sharp.
    """

    id: str
    source: str
    read: str
    statement: str
    assumption: str
    separates: str
    stands: str


PRINTED = (
    Printed(
        "U1",
        "2308.03686v3",
        "abstract",
        "KL <= eps^2 in d log^2(1/delta)/eps^2 steps",
        "second moments; accurate scores",
        "N(0, I_d), d = 1e2 .. 1e4",
        "holds: sharp for the path's KL, loose (d^1/2) for the output's",
    ),
    Printed(
        "U2",
        "2405.14861v2; 2410.18784v3; 2410.09046",
        "abstracts",
        "TV of order k^2/sqrt N; KL: steps (nearly) linear in k, sharp",
        "intrinsic dimension k; DDPM coefficients",
        "sphere, torus, cube, k = 4 .. 32",
        "hold: linear is sharp for the path's KL and loose (k^1/2) for the output's; k^4 is loose",
    ),
    Printed(
        "U3",
        "2501.12982",
        "abstract",
        "TV <= eps in k/eps steps for DDPM and DDIM",
        "intrinsic dimension k; accurate scores",
        "exact TV on spheres, cube, mixture, N = 16 .. 64",
        "holds: sharp in eps, loose in k (k^1/2 on Gaussians)",
    ),
    Printed(
        "U4",
        "2606.23627v1",
        "abstract",
        "TV <= eps in k/eps steps, free of d, for a broad class of coefficients",
        "intrinsic dimension k; the class was not read",
        "DDPM's two fixed variances, d = 1e2 .. 1e5",
        "not separated here: the wider variance needs d^1/2, so the class must leave it out",
    ),
    Printed(
        "U5",
        "2501.18863",
        "abstract and a summary",
        "probability flow: TV of order (k + log d) log^3 N/N",
        "accurate scores and Jacobians",
        "DDIM at N = 32, d = 1e3 .. 1e9",
        "holds: its log d is loose, with exact scores there is none",
    ),
    Printed(
        "U6",
        "2504.05300",
        "abstract",
        "TV <= eps in 1/eps steps for isotropic mixtures, free of d and of their number",
        "mixture of one width, up to logarithms",
        "16 .. 4096 components in R^8",
        "holds: sharp in the number of components for the path's KL",
    ),
    Printed(
        "U7",
        "2510.27562",
        "not found: as cited",
        "KL of order d min(d, L^2)/N^2, with a lower bound",
        "L-Lipschitz scores",
        "two-component mixtures of shrinking separation",
        "holds in N (1/N^2, sharp); its dependence on d and L is not separated here",
    ),
    Printed(
        "U8",
        "2601.21943v1",
        "abstract",
        "KL of order H^2/N for discrete laws; schedule from the loss (LAS)",
        "finite entropy; endpoint factors",
        "ladders of 4 .. 32 bits, codes, Zipf atoms",
        "holds: sharp on a ladder of scales, loose on codes",
    ),
    Printed(
        "U9",
        "2601.13602v2; 2605.21911; EDM; LAS",
        "abstract; 2605.21911 not found",
        "a tangent law minimises the leading KL of the deterministic sampler on Gaussian data",
        "Gaussian source, deterministic sampler",
        "s = .5, 1, 2 and two scales, N = 8 .. 32",
        "holds: sharp at every N for one scale; with two scales one tangent is 1.5 times the best grid found",
    ),
    Printed(
        "U10",
        "2511.04844v1",
        "abstract",
        "sqrt d evaluations of the randomised midpoint suffice",
        "smooth scores",
        "N(0, I_d), d = 1e2 .. 1e5",
        "holds: loose (d^1/4) there",
    ),
    Printed(
        "U11",
        "2602.01338v2; 2601.10708v1",
        "abstracts",
        "error delta in polylog(1/delta) steps",
        "new algorithms; accurate scores",
        "registered samplers on a Gaussian plane, N = 32 .. 256",
        "not separated here: about algorithms that are not registered; the registered ones are powers",
    ),
    Printed(
        "U12",
        "2604.10857v1",
        "abstract",
        "any sampler must search over sqrt d distinct noise levels",
        "scores of polynomial accuracy only",
        "posterior of log sigma, d = 1e3 .. 1e8",
        "not separated here: sqrt d levels can be told apart, but exact scores need no search (U5)",
    ),
    Printed(
        "U13",
        "2502.13129; 2602.18428; 2510.02300",
        "abstracts; 2510.02300 not found",
        "models survive without the level; noise prediction amplifies errors, velocity is stable",
        "blind networks",
        "five laws, d = 1e3 .. 1e9",
        "holds for x; eps pays 1/2 a log of the range and velocity too in 1/sigma_T: bounded in d, but it does not "
        "fall",
    ),
    Printed(
        "U14",
        "2506.05310",
        "not found: as cited",
        "the local dimension varies within a data set",
        "-",
        "union of planes of dimensions 1, 2, 4, 8",
        "holds: steps and price pay for the mean of the local dimensions",
    ),
    Printed(
        "U15",
        "2605.08344v1",
        "abstract",
        "one observation gives the time at rate 1/sqrt(d-k)",
        "spiked covariance, flow matching",
        "Gaussian subspaces, d = 400, k = 40 .. 360",
        "holds: sharp in its constant, 1/sqrt(2(d-k))",
    ),
    Printed(
        "U16",
        "2510.12497 (NAG); 2412.05488; 2604.16044",
        "abstract of the first; the others not found",
        "deployed samplers' true level is off the scheduled one",
        "trained networks",
        "every registered integrator with exact denoisers",
        "holds for inconsistent coefficients, at order 1/N; with consistent ones what is seen is the network's",
    ),
)


def cells(options) -> list[Cell]:
    """One cell a statement."""
    return [Cell("neighbours_printed", {"id": p.id}, 0.01) for p in PRINTED]


def cell_printed(params: dict, seed: int) -> list[dict]:
    """The statement as printed."""
    (own,) = (p for p in PRINTED if p.id == params["id"])
    return [{k: v for k, v in own._asdict().items() if k != "id"}]


def derive(tables, options) -> dict:
    """Every statement with what was measured; empty where its question was not run."""
    found = {}
    for module in _ASKED:
        if all(part in tables for part in module.QUESTION.parts):
            claims = {c.id: c for c in module.CLAIMS}
            for m in module.decide(tables, options):
                found[m.claim] = claims[m.claim], m, judge(claims[m.claim], m, seeded=False)
    rows = []
    for p in PRINTED:
        row = p._asdict()
        if p.id in found:
            claim, m, verdict = found[p.id]
            row |= {"quantity": claim.quantity, "predicted": claim.predicted, "measured": m.measured, "low": m.low}
            row |= {"high": m.high, "looser_by": m.looser_by, "verdict": verdict.outcome}
            row["stands"] = p.stands if verdict.outcome == claim.expected else f"{verdict.outcome}: {verdict.reason}"
        rows.append(row)
    return {"neighbours_placed": pd.DataFrame(rows)}


def show(tables, options) -> str | None:
    """The table, a paragraph a row."""
    lines = []
    for row in tables["neighbours_placed"].to_dict("records"):
        measured, loose = row.get("measured"), row.get("looser_by")
        own = (
            f"{measured:.3g} [{row['low']:.3g}, {row['high']:.3g}]"
            if measured == measured and measured
            else "not measured"
        )
        lines.append(f"{row['id']:4} arXiv {row['source']} ({row['read']}): {row['statement']}; {row['assumption']}")
        lines.append(f"     {row['separates']}: {row.get('quantity', '')}: {own}, predicted {row.get('predicted', '')}")
        lines.append(f"     {row['stands']}" + (f"; looser by {loose:.3g}" if loose == loose and loose else ""))
    return "The neighbours' theorems on one bed\n" + "\n".join(lines)


QUESTION = Question(cells=cells, parts={"neighbours_printed": cell_printed}, derive=derive, show=show)
