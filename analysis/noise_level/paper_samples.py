"""Samples of the blind plug-in denoiser, as in figures 2 and 10 of arXiv 2602.09639: h = 0.3, no injected noise."""

from __future__ import annotations

import math

from analysis.laws.cases import build
from analysis.noise_level.histograms import paper_law
from analysis.samplers import Schedule, sample
from manifolds import stream
from manifolds.denoisers import PlugInDenoiser

__all__ = ["cell_paper_samples"]

# where the run starts and stops is ours: well above the data's size, and well below it
_START, _END, _STEP = 20.0, 0.02, 0.3


def cell_paper_samples(params: dict, seed: int) -> list[dict]:
    """One row a sample: the first two core coordinates of the clean output, and its distance to the support."""
    law = paper_law(params["figure"], params["ambient"]) if params["law"] == "paper" else build(params, reduced=True)
    steps = math.ceil(math.log(_START / _END) / _STEP)
    schedule = Schedule.proportional(sigma_start=_START, sigma_end=_END, a=0.0, steps=steps)
    source = stream(seed, "paper samples", params["figure"], params["law"], params["ambient"])
    run = sample(PlugInDenoiser(law, _END / 2.0, 2.0 * _START), law, schedule, params["draws"], source)
    truth = law.sample(params["draws"], source.child("truth"))
    distance = law.distance(run.x)
    return [
        {"x1": a[0], "x2": a[1], "true_x1": b[0], "true_x2": b[1], "distance": e}
        for a, b, e in zip(run.x.tolist(), truth.tolist(), distance.tolist())
    ]
