"""One training of an experiment: from flat parameters to a denoiser, resumable while it runs."""

from __future__ import annotations

import getpass
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

import manifolds
from analysis import learning
from analysis.learning import Network, NoiseLevelEstimator, Recipe, TrainedDenoiser, train
from analysis.training.laws import prior_of
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["Params", "Row", "curve_rows", "fit", "row"]

Params = dict[str, Any]  # of a cell: flat, JSON
Row = dict[str, Any]  # of a table

SIZES = ("width", "depth", "channels", "blocks", "filters", "colours")
RECIPE = ("steps", "batch", "lr", "weight_decay", "average", "decay", "clip")


def row(measure: str, value: float, se: float = 0.0, level: float = float("nan"), series: str = "") -> Row:
    """A tidy row: what was measured, where (a noise level, a step), its value and standard error."""
    return {"measure": measure, "series": series, "level": float(level), "value": float(value), "se": float(se)}


def network_of(params: Params) -> Network:
    options = {name: params[name] for name in SIZES if params.get(name)}
    return Network(params["architecture"], blind=params["blind"], options=options)


def fit(
    params: Params, law: Law, stream: Stream, data: torch.Tensor | None = None
) -> TrainedDenoiser | NoiseLevelEstimator:
    """Train on fresh samples of the law, or on `data`.

    While it runs its state is kept under the temporary folder, so that a killed sweep goes on where it was; the file is
    checked against everything that determines the weights, and removed at the end.
    """
    recipe = Recipe(**{name: params[name] for name in RECIPE if name in params})
    belongs = [params, stream.seed, list(map(str, stream.labels)), torch.__version__, _code_digest()]
    key = hashlib.sha256(json.dumps(belongs, sort_keys=True).encode()).hexdigest()[:24]
    path = Path(tempfile.gettempdir()) / f"training-{getpass.getuser()}" / f"{key}.pt"
    prior = prior_of(params, law)
    denoiser = train(
        law if data is None else data,
        network_of(params),
        prior,
        stream=stream,
        recipe=recipe,
        # levels are drawn log-uniformly and weighted, or, as the paper does for images, from the prior itself
        proposal=prior if params.get("draw") == "prior" else None,
        space=None if data is None else law.space,
        held_out=params.get("held_out", 0.1),
        validate_every=max(recipe.steps // 10, 1),
        patience=params.get("patience"),
        checkpoint_path=path,
        checkpoint_every=max(recipe.steps // 10, 250),
        device=params.get("device", "cpu"),
        precision=params.get("precision", "float32"),
        progress=False,
    )
    path.unlink(missing_ok=True)
    return denoiser


def _code_digest() -> str:
    """Of the training code and of the laws and priors: a state left by another version is not taken up."""
    folders = [Path(str(package.__file__)).parent for package in (learning, manifolds)]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def curve_rows(denoiser: TrainedDenoiser | NoiseLevelEstimator) -> list[Row]:
    """The training curve: losses in units in which the Gaussian risk per direction is one."""
    rows = [row("parameters", denoiser.parameters)]
    for entry in denoiser.curve:
        rows.append(row("training_loss", entry["loss"], level=entry["step"]))
        rows.append(row("validation_loss", entry["validation"], level=entry["step"]))
    return rows
