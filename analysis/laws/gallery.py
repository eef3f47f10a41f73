"""What does every data law look like, and what is known about it?

Samples in their first coordinates, or images; with k, m, d and R.
"""

from __future__ import annotations

import inspect
import math

import pandas as pd
import torch

from analysis.laws.settings import LAW, build, case, shape
from analysis.runs import Cell, Question
from manifolds import REGISTRY, Law, stream
from manifolds.registry import builder

__all__ = ["QUESTION", "cell_gallery", "cell_gallery_images"]

_DRAWS = {"smoke": 200, "paper": 600, "full": 600}
_NORMAL_DIM = 3  # a few more dimensions than the law needs
_PIXELS, _IMAGES = 24 * 24, 4
_COORDINATES = 3


def cells(options) -> list[Cell]:
    """One cell a law, at k = 2 where the law has it."""
    found = []
    for name in options.law:
        if shape(name, 2).image:
            found.append(Cell("gallery_images", {"law": name, "dim": 2, "ambient": _PIXELS, "draws": _IMAGES}, 0.3))
        else:
            found.append(Cell("gallery", {**case(name, 2, _NORMAL_DIM), "draws": _DRAWS[options.profile]}, 0.1))
    return found


def cell_gallery(params: dict, seed: int) -> list[dict]:
    """One row a sample: its first three coordinates in R^d (0 beyond d), with the law's k, m, d, R."""
    law = build(params)
    x = law.sample(params["draws"], stream(seed, "gallery", params["law"]))[:, :_COORDINATES]
    x = torch.nn.functional.pad(x, (0, _COORDINATES - x.shape[1]))
    return [{"x1": a, "x2": b, "x3": c, **_facts(params["law"], law)} for a, b, c in x.tolist()]


def cell_gallery_images(params: dict, seed: int) -> list[dict]:
    """One row a pixel of each of a few images, with the law's facts."""
    law = build(params)
    side = math.isqrt(law.ambient_dim)
    images = law.sample(params["draws"], stream(seed, "gallery", params["law"])).reshape(-1, side, side)
    facts = _facts(params["law"], law)
    return [
        {"image": i, "row": r, "column": c, "value": value, **facts}
        for i, image in enumerate(images.tolist())
        for r, line in enumerate(image)
        for c, value in enumerate(line)
    ]


def _facts(name: str, law: Law) -> dict:
    if name in REGISTRY:
        summary, source = REGISTRY[name].summary, REGISTRY[name].source
    else:  # somebody's own
        summary, source = (inspect.getdoc(builder(name)) or "").partition("\n")[0], name
    return {
        "intrinsic_dim": law.intrinsic_dim,
        "core_dim": law.core_dim,
        "radius": law.radius,
        "rms": math.sqrt(law.second_moment),
        "summary": summary,
        "source": source,
    }


def show(tables, options) -> str:
    """Facts, a line a law."""
    shown = [tables[part] for part in ("gallery", "gallery_images") if part in tables]
    facts = pd.concat([table.drop_duplicates("law") for table in shown]).sort_values("law")
    text = pd.DataFrame({"law": facts.law, "k": facts.intrinsic_dim, "m": facts.core_dim, "d": facts.ambient,
                         "R": facts.radius.round(3)})  # fmt: skip
    return f"every law as it is drawn\n{text.to_string(index=False)}"


QUESTION = Question(
    cells=cells,
    parts={"gallery": cell_gallery, "gallery_images": cell_gallery_images},
    arguments=(LAW,),
    show=show,
    figures=("law_gallery",),
)
