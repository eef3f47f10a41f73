"""What is measured of any denoiser, trained or exact: its risk, its ledger, its run in the sampler, as tidy rows."""

from __future__ import annotations

import math

import torch

from analysis.learning.risk import DenoiserLike, excess_at
from analysis.ledger.calculation import ledger
from analysis.metrics.intervals import standard_error
from analysis.metrics.sliced import sliced_with_floor
from analysis.samplers import Schedule, sample
from analysis.samplers.step import Integrator
from analysis.training.fit import Params, Row, row
from manifolds.denoisers import BlindDenoiser, NoisePrior
from manifolds.law import Law
from manifolds.streams import Stream

__all__ = ["NULL_SHIFT", "Misread", "Shifted", "ledger_rows", "levels_of", "risk_rows", "run_rows"]

NULL_SHIFT = 0.1  # of the root Bayes risk: an excess of 1 %
TERMS = ("init", "blind", "discretisation", "learning", "cross", "total")


class Shifted:
    """The blind optimum plus a constant vector: its excess is |vector|^2, up to the vector's product with f* -
    f_sigma."""

    blind = True

    def __init__(self, optimum: BlindDenoiser, size: float):
        self.optimum, self.size = optimum, size

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return self.optimum(y) + self.size / math.sqrt(y.shape[1])


class Misread:
    """The exact denoiser at `factor` times the level that the blind optimum reads off y: the nearest real mistake."""

    blind = True

    def __init__(self, law: Law, optimum: BlindDenoiser, factor: float):
        self.law, self.optimum, self.factor = law, optimum, factor

    def __call__(self, y: torch.Tensor) -> torch.Tensor:
        return self.law.denoise(y, self.factor * self.optimum.noise_posterior(y).mean.exp())


def levels_of(params: Params) -> list[float]:
    """Noise levels from low to high, both ends included, evenly in log sigma."""
    ends = (math.log(params["low"]), math.log(params["high"]))
    return torch.exp(torch.linspace(*ends, params["levels"], dtype=torch.float64)).tolist()


def risk_rows(
    f: DenoiserLike, law: Law, optimum: BlindDenoiser, params: Params, draws: Stream, series: str = ""
) -> list[Row]:
    """Rows of `analysis.learning.risk.excess_at` at every level."""
    rows = []
    for sigma in levels_of(params):
        found = excess_at(f, law, optimum, sigma, params["points"], draws.child("risk", sigma))
        names = [name for name in found if not name.endswith("_se")]
        rows += [row(name, found[name], found[f"{name}_se"], sigma, series) for name in names]
    return rows


def ledger_rows(
    f: DenoiserLike,
    law: Law,
    schedule: Schedule,
    points: int,
    draws: Stream,
    reference: NoisePrior | BlindDenoiser,
    series: str = "",
) -> list[Row]:
    """Terms of the ledger in nats, against the blind optimum of the training prior."""
    found = ledger(law, f, schedule, points, draws, reference=reference)
    entries = [(name, getattr(found, name)) for name in TERMS]
    return [row(f"ledger_{name}", entry.value, entry.standard_error, series=series) for name, entry in entries]


def run_rows(
    f: DenoiserLike,
    law: Law,
    schedule: Schedule,
    n: int,
    stream: Stream,
    series: str,
    paths: int = 0,
    shown: int = 0,
    integrator: str | Integrator = "exponential_euler",
) -> list[Row]:
    """Rows of one run of n samples.

    Measures: log_ratio (level sigma_t): mean over samples of log(sigma_hat/sigma_t), its sd as log_ratio_sd;
    sample_error: sliced W2 of the outputs f(Y_N) to the law in core coordinates, its sampling part removed, over the
    root mean square spread of the law along a direction; off_core: root mean square normal component of the outputs
    over the last level times sqrt(d - m). Runs of one stream start and move alike, whatever f.

    Args:
        paths: samples whose sigma_hat is kept (measure path, series the sample).
        shown: outputs that are kept, with as many draws of the law (measures output, truth; columns u1, u2).
    """
    run = sample(f, law, schedule, n, stream.child("run"), integrator)
    levels = run.levels.tolist()
    log_ratio = torch.log(run.sigma_hat / run.levels[:, None])
    rows = []
    for i, level in enumerate(levels):
        spread = float(log_ratio[i].std())
        rows.append(row("log_ratio", float(log_ratio[i].mean()), spread / math.sqrt(n), level, series))
        rows.append(row("log_ratio_sd", spread, spread / math.sqrt(2 * n), level, series))
    for j in range(paths):
        rows += [row("path", float(run.sigma_hat[i, j]), 0.0, s, f"{series}:{j}") for i, s in enumerate(levels)]
    own, off2 = law.space.split(run.x)
    truth, other = (law.space.split(law.sample(n, stream.child("truth", i)))[0] for i in range(2))
    spread = float(((truth - truth.mean(dim=0)) ** 2).sum(dim=1).mean() / truth.shape[1]) ** 0.5
    found = sliced_with_floor(own, truth, other, stream.child("directions"))
    # a 95 % interval over directions, as a standard error
    error = standard_error(found.excess_low, found.excess_high) / spread
    rows.append(row("sample_error", found.excess / spread, error, series=series))
    rows.append(row("sample_floor", found.floor.value / spread, series=series))
    if law.space.normal_dim:
        off = float((off2.mean() / law.space.normal_dim).sqrt()) / schedule.sigma_end
        rows.append(row("off_core", off, series=series))
    for name, points in (("output", own), ("truth", truth)):
        for point in points[:shown, :2].tolist():
            rows.append({**row(name, float("nan"), series=series), "u1": point[0], "u2": point[1]})
    return rows
