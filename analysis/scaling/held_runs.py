"""Is the law of a run as close to p_{sigma_T} as its ledger certifies? Runs at every step count, at both ends of d."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas

from analysis.ledger.certificate import held_run, impostor_run, largest_slack
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.scaling.fits import fit_rows
from analysis.scaling.settings import (
    ARGUMENTS,
    PAPER,
    SIZES,
    blind_denoiser,
    make_law,
    schedule,
    selection,
    slowness,
    stream_of,
)

_SABOTAGED = 512  # steps
# steps below which disc is linear in h to a few percent
_LINEAR = 0.3

CLAIMS = (
    Claim(
        "L2",
        "certificate",
        f"{PAPER}, eq. (16) and Pinsker",
        "the law of a run is as close to p_{sigma_T} as its ledger certifies",
        "largest (lower 95 % limit on TV) - sqrt(KL_path/2) over all cells",
        "<= 0",
        (-math.inf, 0.0),
        revised=Revision(
            "every run is within its certificate",
            "one of 210 runs had a certificate below 1 and a total variation that was seen to differ from 0: a ledger "
            "30 times too small would have passed; L5 holds the certificate where it is attained",
        ),
    ),
)


def cells(options: Any) -> list[Cell]:
    """Runs of the laws that are not swept in short. What a run shows does not depend on d: the two ends are enough."""
    size, found = SIZES[options.profile], []
    for law, dim, short in selection(options):
        for ambient in () if short else sorted({min(options.ambient), max(options.ambient)}):
            for steps in options.steps:
                # long runs end close to their target: what they show needs fewer points, and each costs as many calls
                # as steps
                points = max(min(size["run"], 2**18 // steps), 256)
                run = {"law": law, "dim": dim, "ambient": ambient, "steps": steps, "points": points}
                cost = 0.3 + 1e-6 * slowness(law, dim) * (steps * points + size["ledger"])
                found.append(Cell("scaling", run | {"ledger_points": size["ledger"]}, cost=cost))
    if "gaussian" in options.law:
        run = {"law": "gaussian", "dim": min(options.dim), "ambient": max(options.ambient), "steps": _SABOTAGED}
        run |= {"points": size["run"], "ledger_points": size["ledger"]}
        found.append(Cell("scaling_sabotage", run, cost=6.0))
    return found


def cell_run(params: dict, seed: int) -> list[dict]:
    """One blind run: its ledger, the paper's bounds, and how far the law it ends in is from p_{sigma_T}."""
    law, stream = make_law(params["law"], params["dim"], params["ambient"]), stream_of(seed, "run", params)
    run, f = schedule(law, params["steps"]), blind_denoiser(law)
    return [held_run(law, f, run, params["points"], params["ledger_points"], stream)]


def cell_sabotage(params: dict, seed: int) -> list[dict]:
    """A run of a denoiser scaled by 0.8, held against the certificate of the denoiser it pretends to be."""
    law, stream = make_law(params["law"], params["dim"], params["ambient"]), stream_of(seed, "sabotage", params)
    run, f = schedule(law, params["steps"]), blind_denoiser(law)
    return [impostor_run(law, f, lambda y: 0.8 * f(y), run, params["points"], params["ledger_points"], stream)]


def exponents(runs: pandas.DataFrame) -> Iterator[dict]:
    """Of the certificate in N, and of disc in h."""
    yield from fit_rows(runs, "certificate", "total", "steps", ["dim", "ambient"])
    small = runs[runs["h"] < _LINEAR]
    yield from fit_rows(small, "discretisation, small steps", "discretisation", "h", ["dim", "ambient"])


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """L2; none without the sabotage, which is Gaussian."""
    if not {"scaling", "scaling_sabotage"} <= set(tables):
        return []
    slack = largest_slack(tables["scaling"], tables["scaling_sabotage"])
    controls = [
        Control("null", "a sample of p_{sigma_T} itself", slack.truth, slack.truth),
        Control("power", "a denoiser scaled by 0.8 under the honest certificate", slack.impostor, slack.impostor),
    ]
    value, loose = slack.largest, slack.looser_by
    return [Measurement("L2", value, value, value, controls, slack.note, span="number", looser_by=loose)]


def show(tables: Tables, options: Any) -> str:
    """Certificate and error of every run."""
    runs = tables["scaling"]
    columns = {
        "law": runs["law"],
        "k": runs["dim"],
        "d": runs["ambient"].map("{:.0e}".format),
        "N": runs["steps"],
        "init": runs["init"].map("{:.1e}".format),
        "blind": runs["blind"].map("{:.1e}".format),
        "disc": runs["discretisation"].map("{:.3f}".format),
        "KL <=": runs["total"].map("{:.3f}".format),
        "TV <=": runs["tv_bound"].map("{:.3f}".format),
        "TV >=": runs["tv_lower"].map("{:.3f}".format),
        "sliced W2": runs["sliced_w2"].map("{:.4f}".format),
        "(floor)": runs["sliced_floor"].map("{:.4f}".format),
        "|x|^2 ratio": runs["moment_ratio"].map("{:.3f}".format),
        "radial W2": runs["radial_w2"].map(lambda v: "" if v is None or v != v else f"{v:.4f}"),
    }
    text = pandas.DataFrame(columns).to_string(index=False)
    return f"Runs: certificate in nats (init + blind + disc = KL), and the measured error of the law of Y_N\n{text}"


QUESTION = Question(
    claims=CLAIMS,
    cells=cells,
    parts={"scaling": cell_run, "scaling_sabotage": cell_sabotage},
    decide=decide,
    show=show,
    figures=("error_vs_steps",),
    arguments=ARGUMENTS,
)
