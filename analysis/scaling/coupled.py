"""The error of runs without a sampling floor: runs of all step counts share their Brownian noise, and are held against the finest."""

from __future__ import annotations

import math

import manifolds
from analysis.samplers import BrownianNoise, sample
from analysis.scaling.setting import blind_denoiser, make_law, schedule

__all__ = ["REFINEMENT", "cell_coupled"]

# steps of the run that stands for the limit, over those of the longest run: an error of first order is then 1/8 too small there
REFINEMENT = 8


def cell_coupled(params: dict, seed: int) -> list[dict]:
    """E|P(Y_N) - P(Y_fine)| of blind runs with common start and Brownian path, P the projection onto the support: one row a step count.

    It is at least W_1, hence at least the bounded-Lipschitz distance D_X of arXiv 2602.09639, Corollary 3.10, between the
    projected laws of the two runs; no other sample is needed, so it has no floor. `scale` multiplies the denoiser of all
    runs but the finest (a sabotage: an error that does not fall with the steps).
    """
    law, n = make_law(params["law"], params["dim"], params["ambient"]), params["points"]
    f, stream = blind_denoiser(law), manifolds.stream(seed, "scaling", "coupled", params["law"], params["dim"])
    counts = sorted(int(steps) for steps in params["steps"].split())
    fine = schedule(law, REFINEMENT * counts[-1])
    noise = BrownianNoise(fine, stream)

    def projected(denoiser, steps: int):
        return law.project(sample(denoiser, law, schedule(law, steps), n, stream, noise=noise).y)

    limit = projected(f, fine.steps)
    rows = []
    for steps in counts:
        gap = law.space.sqnorm(projected(lambda y: params["scale"] * f(y), steps) - limit).sqrt()
        rows.append({"N": steps, "error": float(gap.mean()), "error_se": float(gap.std()) / math.sqrt(n)})
    return rows
