"""Samples of a denoiser of images from matched starts: how far their law is from the truth, block by block."""

from __future__ import annotations

from analysis.metrics.sliced import sliced_wasserstein
from analysis.samplers import Schedule, sample
from analysis.training.fit import row
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["BLOCKS", "RUNS", "SIGMA_END", "image_run_rows"]

# Runs without injected noise. The last level is such that plain Euler in 4 steps, whose true level falls below the scheduled
# one by (1 - h) against e^-h a step, stays in the range that networks are trained on: .28 where .5 is scheduled.
SIGMA_END = 0.5
RUNS = (("exponential_euler", 4), ("exponential_euler", 16), ("euler", 4))
BLOCKS = 10


def image_run_rows(f, law: Law, params: dict, draws: Stream, name: str) -> list[dict]:
    """Rows `run_error` (series: name, integrator, steps; level: the block): squared sliced W2 of outputs f(Y_N) to the law in
    core coordinates, over its variance along a direction.

    A block is a tenth of the samples, against as many draws of the law. All denoisers start at the same points and are held
    against the same draws along the same directions: differences block by block are free of what they have in common.
    """
    n = params["run_points"]
    truth = law.space.split(law.sample(n, draws.child("truth")))[0]
    variance = float(((truth - truth.mean(dim=0)) ** 2).sum(dim=1).mean()) / truth.shape[1]
    rows = []
    for integrator, steps in RUNS:
        schedule = Schedule.proportional(params["high"], SIGMA_END, 0.0, steps)
        run = sample(f, law, schedule, n, draws.child("start"), integrator=integrator)
        own = law.space.split(run.x)[0]
        for block in range(BLOCKS):
            found = sliced_wasserstein(own[block::BLOCKS], truth[block::BLOCKS], draws.child("directions"))
            rows.append(row("run_error", found.value**2 / variance, level=block, series=f"{name} {integrator} {steps}"))
    return rows
