"""Samples of a law to look at, and what there is to know about it."""

from __future__ import annotations

import math

import torch

from analysis.noise.cases import build
from manifolds import REGISTRY, stream

__all__ = ["cell_gallery"]

_COORDINATES = 3


def cell_gallery(params: dict, seed: int) -> list[dict]:
    """One row a sample: its first three coordinates in R^d (0 beyond d), with the law's k, m, d, R."""
    law = build(params)
    x = law.sample(params["draws"], stream(seed, "gallery", params["law"]))[:, :_COORDINATES]
    x = torch.nn.functional.pad(x, (0, _COORDINATES - x.shape[1]))
    facts = {
        "intrinsic_dim": law.intrinsic_dim,
        "core_dim": law.core_dim,
        "radius": law.radius,
        "rms": math.sqrt(law.second_moment),
        "summary": REGISTRY[law.name].summary,
        "source": REGISTRY[law.name].source,
    }
    return [{"x1": a, "x2": b, "x3": c, **facts} for a, b, c in x.tolist()]
