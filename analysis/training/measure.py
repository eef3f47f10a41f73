"""What a trained denoiser does in the sampler: its noise estimates against the schedule, and the samples it ends with."""

from __future__ import annotations

import math

import torch

from analysis.metrics.intervals import standard_error
from analysis.metrics.sliced import sliced_with_floor
from analysis.samplers import Schedule, sample
from analysis.training.fit import row
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["run_rows"]


def run_rows(
    f, law: Law, schedule: Schedule, n: int, stream: Stream, series: str, paths: int = 0, shown: int = 0
) -> list[dict]:
    """Rows of one run of n samples, exponential Euler, of any denoiser.

    Measures: log_ratio (level sigma_t): mean over samples of log(sigma_hat/sigma_t), its sd as log_ratio_sd; sample_error:
    sliced W2 of the outputs f(Y_N) to the law in core coordinates, its sampling part removed, over the root mean square
    spread of the law along a direction; off_core: root mean square normal component of the outputs over the last level
    times sqrt(d - m). Runs of one stream start and move alike, whatever f.

    Args:
        paths: samples whose sigma_hat is kept (measure path, series the sample).
        shown: outputs that are kept, with as many draws of the law (measures output, truth; columns u1, u2).
    """
    run = sample(f, law, schedule, n, stream.child("run"))
    log_ratio = torch.log(run.sigma_hat / run.levels[:, None])
    rows = []
    for i, level in enumerate(run.levels.tolist()):
        spread = float(log_ratio[i].std())
        rows.append(row("log_ratio", log_ratio[i].mean(), spread / math.sqrt(n), level, series))
        rows.append(row("log_ratio_sd", spread, spread / math.sqrt(2 * n), level, series))
    for j in range(paths):
        rows += [
            row("path", run.sigma_hat[i, j], 0.0, level, f"{series}:{j}") for i, level in enumerate(run.levels.tolist())
        ]
    own, off2 = law.space.split(run.x)
    truth, other = (law.space.split(law.sample(n, stream.child("truth", i)))[0] for i in range(2))
    spread = float(((truth - truth.mean(dim=0)) ** 2).sum(dim=1).mean() / truth.shape[1]) ** 0.5
    found = sliced_with_floor(own, truth, other, stream.child("directions"))
    # a 95 % interval over directions, as a standard error
    rows.append(
        row(
            "sample_error",
            found.excess / spread,
            standard_error(found.excess_low, found.excess_high) / spread,
            series=series,
        )
    )
    rows.append(row("sample_floor", found.floor.value / spread, series=series))
    if law.space.normal_dim:
        rows.append(row("off_core", (off2.mean() / law.space.normal_dim).sqrt() / schedule.sigma_end, series=series))
    for name, points in (("output", own), ("truth", truth)):
        for point in points[:shown, :2].tolist():
            rows.append({**row(name, float("nan"), series=series), "u1": point[0], "u2": point[1]})
    return rows
