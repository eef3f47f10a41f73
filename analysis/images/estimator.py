"""Can a small convolutional network read the noise level of one image, inside and beyond its training range?"""

from __future__ import annotations

from typing import Any

import pandas

from analysis.images.measure import cell_images
from analysis.images.settings import PART, SIZES, known_laws, measuring
from analysis.runs import Cell, Claim, Control, Measurement, Question
from analysis.runs.experiment import Tables
from analysis.training.fit import Params
from analysis.training.intervals import curve, widest, worst

_PAPER = "arXiv 2602.09639, figure 12"

CLAIMS = (
    # 0.1: twice the exact posterior's standard deviation 1/sqrt(2(d - m)) = 0.049
    Claim(
        id="I1b",
        kind="paper",
        source=_PAPER,
        statement="a small convolutional network estimates the noise level of one image to 10 %, inside the range it "
        "was trained on",
        quantity="largest root mean square of log(sigma_hat/sigma) over the levels up to 3; 16 x 16 blobs",
        predicted="<= 0.1; the exact posterior mean attains 0.045",
        allowed=(float("-inf"), 0.1),
    ),
    Claim(
        id="I1c",
        kind="finding",
        source=_PAPER,
        statement="the same network does so beyond that range, up to 10 (trained up to 3)",
        quantity="largest root mean square of log(sigma_hat/sigma) over the levels from 3 to 10; 16 x 16 blobs",
        predicted="<= 0.1: its estimate is homogeneous where noise dominates",
        allowed=(float("-inf"), 0.1),
    ),
)
STEPS = {"smoke": 20, "paper": 2500, "full": 10_000}
TOP = 10.0  # estimators are tested up to here
EXTRA_LEVELS = 4


def cells(options: Any) -> list[Cell]:
    """An estimator of the noise level of blobs, tested beyond its range."""
    if "known" not in options.part:
        return []
    sizes, steps = SIZES[options.profile], STEPS[options.profile]
    shared: Params = {
        "filters": 2 * sizes["filters"],
        "batch": 2 * sizes["batch"],
        "lr": 8e-3,
        "device": options.device,
    }
    tested = {"top": TOP, "levels": sizes["levels"] + EXTRA_LEVELS, "exact_points": sizes["points"] // 5}
    training = {"task": "level", "blind": True, "architecture": "conv_noise_level", "steps": steps, "prior": "-1"}
    params = {**known_laws(options.profile)["blobs"], **shared, **tested, **training}
    return [Cell("training_images", params, cost=3.0 * measuring(options.profile) + 0.01 * steps)]


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """I1b at the levels of the training range, I1c beyond; a smoke run trains too little to decide them."""
    table = tables["training_images"]
    table = table[table.task == "level"]
    if options.profile == "smoke" or table.empty:
        return []
    high = float(table.high.iloc[0]) * (1.0 + 1e-9)
    errors = {name: curve(table, "log_rms", name) for name in ("trained", "exact", "off", "prior as trained")}
    inside = {name: rows[rows.index <= high] for name, rows in errors.items()}
    beyond = {name: rows[rows.index > high] for name, rows in errors.items()}
    bias, spread = (curve(table, name, "trained").value for name in ("log_bias", "log_spread"))
    sd = curve(table, "posterior_sd", "exact").value

    def measured(claim: str, part: dict[str, pandas.DataFrame], power: str, what: str, more: str = "") -> Measurement:
        controls = [
            Control("null", "the exact posterior mean of log sigma", *widest(part["exact"])[1:]),
            Control("power", what, *widest(part[power])[1:]),
        ]
        at = worst(part["trained"])
        note = f"worst at sigma = {at:.3g}: bias {bias[at]:+.3f}, spread {spread[at]:.3f}"
        note += f", exact posterior sd {sd[at]:.3f}{more}"
        return Measurement(claim, *widest(part["trained"]), controls=controls, note=note)

    top = float(bias.index.max())
    far = f"; at {top:.3g}: bias {bias[top]:+.3f}, spread {spread[top]:.3f}"
    cut = "the exact posterior mean with a prior that ends at 3"
    return [
        measured("I1b", inside, "off", "the network, 1.2 times off"),
        measured("I1c", beyond, "prior as trained", cut, far),
    ]


def show(tables: Tables, options: Any) -> str | None:
    """The estimator's errors beside those of the exact posterior mean."""
    table = tables["training_images"]
    rows = table[(table.task == "level") & table.measure.isin(["log_bias", "log_spread", "posterior_sd"])]
    rows = rows[rows.series.isin(["trained", "exact"])]
    if rows.empty:
        return None
    title = "training_images: log(sigma_hat/sigma) of the estimator trained up to 3, and of the exact posterior mean"
    pivot = rows.pivot_table(index="level", columns=["series", "measure"], values="value")
    return f"{title}\n{pivot.to_string(float_format='%.4f')}"


QUESTION = Question(
    cells=cells,
    parts={"training_images": cell_images},
    claims=CLAIMS,
    arguments=(PART,),
    decide=decide,
    show=show,
    figures=("paper_fig12",),
)
