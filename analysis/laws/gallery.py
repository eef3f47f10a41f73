"""Samples of a law to look at, and what there is to know about it."""

from __future__ import annotations

import math

import torch

from analysis.laws.cases import build
from manifolds import REGISTRY, Law, stream

__all__ = ["cell_gallery", "cell_gallery_images"]

_COORDINATES = 3


def cell_gallery(params: dict, seed: int) -> list[dict]:
    """One row a sample: its first three coordinates in R^d (0 beyond d), with the law's k, m, d, R."""
    law = build(params)
    x = law.sample(params["draws"], stream(seed, "gallery", params["law"]))[:, :_COORDINATES]
    x = torch.nn.functional.pad(x, (0, _COORDINATES - x.shape[1]))
    return [{"x1": a, "x2": b, "x3": c, **_facts(law)} for a, b, c in x.tolist()]


def cell_gallery_images(params: dict, seed: int) -> list[dict]:
    """One row a pixel of each of a few images, with the law's facts."""
    law = build(params)
    side = math.isqrt(law.ambient_dim)
    images = law.sample(params["draws"], stream(seed, "gallery", params["law"])).reshape(-1, side, side)
    facts = _facts(law)
    return [
        {"image": i, "row": r, "column": c, "value": value, **facts}
        for i, image in enumerate(images.tolist())
        for r, line in enumerate(image)
        for c, value in enumerate(line)
    ]


def _facts(law: Law) -> dict:
    return {
        "intrinsic_dim": law.intrinsic_dim,
        "core_dim": law.core_dim,
        "radius": law.radius,
        "rms": math.sqrt(law.second_moment),
        "summary": REGISTRY[law.name].summary,
        "source": REGISTRY[law.name].source,
    }
