"""The cells of the table `image_samples`: one trained network, its errors, its samples, its true level along runs.

Networks of one `training` see the same batches and are measured at the same noisy images; their samples have the same
starts and injected noise. What is compared between cells is therefore kept block by block: rows `.._without` hold a
value with one block of samples (or of held-out images) left out, for the jackknife of `analysis.images.quality`.
"""

from __future__ import annotations

import numpy as np
import torch

from analysis.images.data import Images, load
from analysis.images.digits import digit_labels
from analysis.images.measure import TOLD, Told
from analysis.images.quality import BLOCKS, Panel, difference, left_out, planted
from analysis.images.radial import radial_rows, reading_rows
from analysis.images.runs import KEEPING, RUNS, SIGMA_END, SIGMA_START, THOUSAND, Setting, told_estimates
from analysis.learning import LevelReader, calibrated
from analysis.learning.classifier import classifier, random_features, rotations
from analysis.learning.risk import DenoiserLike, call
from analysis.training.fit import RECIPE, SIZES, Params, Row, curve_rows, fit, row
from analysis.training.measure import levels_of
from manifolds import stream
from manifolds.law import Law
from manifolds.laws.atoms import Atoms
from manifolds.streams import Stream

__all__ = ["ESTIMATE", "FACTORS", "cell_samples", "panel_of", "risks"]

ESTIMATE = "estimate"  # series of runs whose conditional network is told an independent estimate of the level
FACTORS = (1.05, 1.1, 1.2, 1.35, TOLD)  # told over true level: what an error of known size does to the PSNR
PLANTED = (1.1, 1.2, 1.25)  # times the Frechet distance, by added noise: what is to be seen, and controls of claims
WRONG = (0.025, 0.15, 0.6)  # true levels of the paper's figure 6
FEW_COPIES = 4  # noisy copies of an image for a wrong level, beside the right one on the same noise: they share most
SHOWN = 8  # samples of each run that are kept as pixels

_NETWORK = ("architecture", "blind", "prior", "draw", "low", "high", "held_out", "device", "precision")
# the paper's estimator in half its width: in a pilot the small one with global filters alone (`conv_noise_level`) was
# off by 40 % at sigma = .05, where the strokes of digits of 14 x 14 pixels drown the noise
_ESTIMATOR: Params = {"architecture": "estimator-paper", "width": 32, "batch": 64, "lr": 2e-3, "prior": "-1"}


def cell_samples(params: Params, seed: int) -> list[Row]:
    """One network; rows as in `analysis.training.fit.row`, and those of pixels with their bytes in hexadecimal."""
    images = load(params["images"], params["side"], params.get("colours"), params["most"])
    law = Law(Atoms(images.train, name=images.name), images.train.shape[1])
    draws = stream(seed, "factorial", params["side"])
    network = {name: params[name] for name in (*_NETWORK, *RECIPE, *SIZES) if name in params}
    if network["colours"] == 1:
        del network["colours"]  # the networks' own default
    f = fit(network, law, draws.child("training", params["training"]), images.train)
    rows = curve_rows(f) + risk_rows(f, images, params, draws)
    panel = panel_of(images, params, draws)
    if params["points"]:
        rows += generated(f, law, images, panel, params, draws)
    return rows


def panel_of(images: Images, params: Params, draws: Stream) -> Panel:
    """The instruments: a classifier of the digits, or of rotations of images that have no classes."""
    train, own, digits = images.train, draws.child("classifier"), images.name == "mnist"
    points, labels = (train, digit_labels()[0]) if digits else rotations(train, images.size)
    features = classifier(points, labels, images.size, own, params["classifier_steps"])
    return Panel(train, images.held, images.size, features, random_features(train, images.size, own.child("random")))


# -- errors of the network ----------------------------------------------------------------------------------------


def held_blocks(images: Images) -> torch.Tensor:
    """Blocks of held-out images (n,): photographs where these are few, since patches of one are not independent."""
    groups = images.groups
    return groups if len(groups.unique()) < BLOCKS else torch.arange(len(groups)) * BLOCKS // len(groups)


def risks(squares: torch.Tensor, blocks: torch.Tensor, level: float, series: str) -> list[Row]:
    """The mean squared error a pixel of images (n,), and it with each block left out."""
    without = [float(part.mean()) for part in left_out(squares, blocks)]
    value, se = difference(float(squares.mean()), without)
    return [
        row("risk", value, se, level, series),
        *(row("risk_without", w, 0.0, level, f"{series}#{i}") for i, w in enumerate(without)),
    ]


def risk_rows(f: DenoiserLike, images: Images, params: Params, draws: Stream) -> list[Row]:
    """Squared errors a pixel at every level, of other noise, and told wrong levels; figure 6."""
    held, copies, blocks, rows = images.held, params["copies"], held_blocks(images), []

    def squares(g: DenoiserLike, sigma: float, label: str, told: float, copies: int = copies) -> torch.Tensor:
        """A row a copy, a column an image."""
        noisy = (held + sigma * draws.child(label, sigma, copy).normal(*held.shape) for copy in range(copies))
        return torch.stack([(call(g, y, told) - held).square().mean(dim=1) for y in noisy])

    few = min(FEW_COPIES, copies)
    for sigma in levels_of({**params, "low": SIGMA_END, "high": params["top"]}):
        own = squares(f, sigma, "risk", sigma)
        rows += risks(own.mean(dim=0), blocks, sigma, "itself")
        rows += risks(squares(f, sigma, "risk again", sigma).mean(dim=0), blocks, sigma, "other noise")
        if f.blind:
            continue
        rows += risks(own[:few].mean(dim=0), blocks, sigma, "itself, few copies")
        for factor in FACTORS:
            if factor * sigma <= params["high"]:
                wrong = squares(Told(f, factor), sigma, "risk", sigma, few).mean(dim=0)
                rows += risks(wrong, blocks, sigma, f"told {factor:g}")
    for sigma in WRONG if not f.blind else ():
        for told in np.geomspace(sigma / 4, 4 * sigma, params["wrong"]).tolist():
            value = squares(f, sigma, "risk", told, copies=1)[0]
            rows.append(row("told_risk", float(value.mean()), float(value.std()) / len(value) ** 0.5, told, f"{sigma}"))
    return rows


# -- samples ------------------------------------------------------------------------------------------------------


def generated(f: DenoiserLike, law: Law, images: Images, panel: Panel, params: Params, draws: Stream) -> list[Row]:
    """Every sampler's quality and first samples; where the level is read, that too."""
    settings = RUNS[: params.get("settings", len(RUNS))] + (THOUSAND if params.get("thousand") else ())
    reader = _reader(images, law, params, draws)
    rows = _floors(panel, images) + [row("read", float(reader is not None))]
    denoisers = [("", f, settings)]
    if not f.blind and reader is not None:
        denoisers.append((f"{ESTIMATE}: ", told_estimates(f, reader), tuple(s for s in KEEPING if s in settings)[::2]))
    for prefix, g, chosen in denoisers:
        for setting in chosen:
            follow = params["path_points"] if setting in KEEPING[::2] + (Setting("euler", 0.0, 28),) else 0
            run = setting.run(g, law.space, params["points"], draws.child("run"), path=follow == params["points"])
            rows += quality_rows(panel, run.x, prefix + setting.name) + _shown(run.x, prefix + setting.name)
            rows.append(row("steps", float(run.stopped_at.to(torch.float64).mean()), series=prefix + setting.name))
            if not f.blind and not prefix and setting in KEEPING:
                z = draws.child("planted").normal(*run.x.shape)
                for factor in PLANTED:
                    x = planted(panel, run.x, z, factor)
                    rows += frechet_rows(panel, x, f"planted {factor:g}: {setting.name}")
            if follow and not prefix and reader is not None:
                # large images: a path of all samples would not fit into memory
                few = run if run.path is not None else setting.run(g, law.space, follow, draws.child("run"), path=True)
                rows += reading_rows(reader, setting, few, draws)
    if not f.blind and reader is not None:
        rows += radial_rows(f, images, [s for s in KEEPING[::2] if s in settings], reader, draws)
    return rows


def _reader(images: Images, law: Law, params: Params, draws: Stream) -> LevelReader | None:
    """An estimator of the level that shares nothing with the denoiser, and its bias on half of the held-out images.

    None if it does not tell levels apart, after too short a training: the samples can be judged all the same.
    """
    training = {**_ESTIMATOR, "blind": True, "steps": params["reader_steps"], "device": params["device"]}
    training["colours"] = images.colours
    range_ = {"low": 0.4 * SIGMA_END, "high": 2.0 * SIGMA_START}  # an estimate is biased where its range ends
    estimator = fit({**training, **range_}, law, draws.child("training", "level"), images.train)
    levels = np.geomspace(0.5 * SIGMA_END, 1.5 * SIGMA_START, 25).tolist()
    try:
        return calibrated(estimator, images.held[::2], levels, draws.child("reader"))
    except ValueError:
        return None


def frechet_rows(panel: Panel, x: torch.Tensor, series: str) -> list[Row]:
    rows = []
    for name, random in (("frechet", False), ("frechet_random", True)):
        without = panel.without(x, random)
        value, se = difference(panel.frechet(x, random), without)
        rows.append(row(name, value, se, series=series))
        rows += [row(f"{name}_without", w, level=i, series=series) for i, w in enumerate(without)]
    return rows


def quality_rows(panel: Panel, x: torch.Tensor, series: str) -> list[Row]:
    """All instruments on samples x (n, d); a run that left the finite numbers has no quality."""
    if not bool(torch.isfinite(x).all()):
        return [row("diverged", float((~torch.isfinite(x).all(dim=1)).sum()), series=series)]
    return frechet_rows(panel, x, series) + [row(k, v, se, series=series) for k, (v, se) in panel.others(x).items()]


def _floors(panel: Panel, images: Images) -> list[Row]:
    """The instruments on real images that no network has seen."""
    return quality_rows(panel, images.held, "held out")


def _shown(x: torch.Tensor, series: str) -> list[Row]:
    bytes_ = (x[:SHOWN].clamp(0.0, 1.0) * 255.0).round().to(torch.uint8)
    return [
        row("pixels", i, level=i, series=series) | {"pixels": b.numpy().tobytes().hex()} for i, b in enumerate(bytes_)
    ]
