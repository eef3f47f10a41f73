"""Figure 2 of arXiv 2602.09639: runs of the exact blind maximum-likelihood denoiser, k = 2, in d = 2 and d = 500.

The data are a mixture of two Gaussians that fill a plane (k = m = 2). In d = 2 there is no normal direction, the likelihood of the
noise level is carried by the data alone, and points stop moving where the most likely level is 0.
"""

from __future__ import annotations

import torch

import manifolds
from analysis.integrators.catalogue import in_space
from analysis.metrics.sliced import sliced_with_floor
from analysis.metrics.twosample import ks_two_samples
from analysis.samplers import Schedule, sample
from manifolds.denoisers import ConditionalDenoiser, PlugInDenoiser
from manifolds.law import Law
from manifolds.laws.gaussian import AxisGaussian
from manifolds.laws.mixture import Component, Mixture

__all__ = ["cell_figure2", "plane_mixture"]


def plane_mixture(ambient: int) -> Law:
    """Two tilted Gaussians in the plane, weights 0.6 and 0.4, in R^ambient (quotient coordinates, exact)."""
    parts = []
    for angle, scales, shift in ((0.5, (1.0, 0.25), (-1.6, 0.6)), (-0.9, (0.8, 0.3), (1.7, -0.4))):
        turn = torch.tensor(angle, dtype=torch.float64)
        frame = torch.stack([torch.stack([turn.cos(), turn.sin()]), torch.stack([-turn.sin(), turn.cos()])], dim=1)
        parts.append(Component(AxisGaussian(scales), frame, torch.tensor(shift, dtype=torch.float64)))
    return in_space(Mixture(parts, (0.6, 0.4), name="plane_mixture"), ambient)


def _denoiser(kind: str, law: Law, params: dict):
    if kind == "conditional":
        return ConditionalDenoiser(law)
    # low far below the run: an estimate at `low` reads 0
    return PlugInDenoiser(law, low=1e-3 * params["sigma_T"], high=100 * params["sigma_0"])


def cell_figure2(params: dict, seed: int) -> list[dict]:
    """Rows of four kinds: "path" (the plane coordinates of a few runs, step by step), "point" (outputs), "truth" (data), "quality" (one row).

    Quality: `ks`, the Kolmogorov-Smirnov distance between outputs f(Y_N) and data of the data's own log density (smoothed by 0.1),
    which does not feel fluctuations of the two weights; sliced W1 in the plane with its floor, a second draw, which does; `stopped`, the
    part of the runs whose residual is below the schedule's last level before half of the steps are done: they have stopped moving.
    """
    law, n, d = plane_mixture(params["ambient"]), params["n"], params["ambient"]
    stream = manifolds.stream(seed, "figure2", params["replicate"])  # same start and noise for both denoisers
    schedule = Schedule.constant_step(params["h"], params["a"], params["sigma_0"], params["sigma_T"])
    start = law.space.start(n, schedule.sigma_start, stream.child("start", d))
    run = sample(
        _denoiser(params["denoiser"], law, params), law, schedule, n, stream.child("run", d), start=start, record="path"
    )
    truth, other = (law.sample(n, stream.child("truth", i)) for i in (0, 1))
    distance = sliced_with_floor(run.x, truth, other, stream.child("directions"), p=1, coordinates=[0, 1])
    blank = {"index": 0, "step": 0, "y1": 0.0, "y2": 0.0, "sigma": 0.0, "sigma_hat": 0.0}
    rows = []
    for j in range(params["paths"]):
        for i, sigma in enumerate(schedule.sigma.tolist()):
            y = run.path[i, j]
            rows.append(
                blank
                | {
                    "row": "path",
                    "index": j,
                    "step": i,
                    "y1": y[0],
                    "y2": y[1],
                    "sigma": sigma,
                    "sigma_hat": run.sigma_hat[i, j],
                }
            )
    for j in range(params["points"]):
        for kind, x in (("point", run.x[j]), ("truth", truth[j])):
            rows.append(blank | {"row": kind, "index": j, "step": schedule.steps, "y1": x[0], "y2": x[1]})
    density = lambda x: plane_mixture(2).log_marginal(
        torch.cat([x[:, :2], torch.zeros(n, 1, dtype=torch.float64)], dim=1), 0.1
    )
    gap = ks_two_samples(density(run.x), density(truth)).statistic
    stopped = float((run.sigma_hat[: schedule.steps // 2] < schedule.sigma_end).any(dim=0).double().mean())
    quality = {"ks": gap, "w1": distance.distance.value, "w1_floor": distance.floor.value, "excess": distance.excess}
    quality |= {"excess_low": distance.excess_low, "excess_high": distance.excess_high, "stopped": stopped}
    return [r | dict.fromkeys(quality) for r in rows] + [blank | {"row": "quality"} | quality]
